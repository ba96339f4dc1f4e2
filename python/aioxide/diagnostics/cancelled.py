"""Who has cancelled a task: the text of the note in its `CancelledError`.

The native loop asks while the one who cancels is on the stack.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import runners, taskgroups, tasks, timeouts
from typing import TYPE_CHECKING, Any

from aioxide.diagnostics import sites

if TYPE_CHECKING:
    from types import CodeType, FrameType

__all__ = ["note"]


def note(loop: Any, task: Any) -> str | None:
    """What to say of the cancellation that goes on in the callers' frames.

    None when nobody is to be named.
    """
    # Over this function stands the one by which native code calls it.
    frame = sys._getframe(1).f_back
    cause = _cause(frame, task) or _by_program(loop, task, frame)
    if cause is None:
        return None
    return (
        f"cancelled {cause}" if task.cancelling() else f"what it waited for was cancelled {cause}"
    )


def _by_program(loop: Any, task: Any, frame: FrameType | None) -> str | None:
    place = _place(frame)
    current = asyncio.current_task(loop) if asyncio._get_running_loop() is loop else None
    if current is None:
        return place and f"at {place}"
    who = "by itself" if current is task else f"by task {current.get_name()!r}"
    return f"{who} at {place}" if place else who


def _place(frame: FrameType | None) -> str | None:
    """The program's line that cancels; None where a callback does it."""
    while frame is not None:
        code = frame.f_code
        if not sites.is_ours(code):
            known = _places.get((code, frame.f_lasti))
            if known is None:
                if len(_places) >= _MOST_PLACES:
                    _places.clear()
                known = _places[code, frame.f_lasti] = str(sites.place_of_frame(frame))
            return known
        if code.co_name == "run_forever":
            break
        frame = frame.f_back
    return None


# The texts of places: finding the line of an instruction takes longer than the rest.
_places: dict[tuple[CodeType, int], str] = {}
_MOST_PLACES = 1024


def _code_of(owner: Any, name: str) -> CodeType | None:
    return getattr(vars(owner).get(name), "__code__", None)


_ON_TIMEOUT = _code_of(timeouts.Timeout, "_on_timeout")
_ABORT = _code_of(taskgroups.TaskGroup, "_abort")
_ON_TASK_DONE = _code_of(taskgroups.TaskGroup, "_on_task_done")
_EXIT = {_code_of(taskgroups.TaskGroup, name) for name in ("__aexit__", "_aexit")}
_WAIT_FOR = _code_of(tasks, "wait_for")
_CANCEL_AND_WAIT = _code_of(tasks, "_cancel_and_wait")
_CANCEL_ALL = _code_of(runners, "_cancel_all_tasks")
_ON_SIGINT = _code_of(runners.Runner, "_on_sigint")


def _cause(frame: FrameType | None, task: Any) -> str | None:
    """What of asyncio's own cancels; None when it is none, or acts for the program."""
    if frame is None:
        return None
    code = frame.f_code
    if code is _ON_TIMEOUT:
        return f"by {_timeout(task)}: its time was up"
    if code is _CANCEL_ALL:
        return "by the end of the run"
    if code is _ON_SIGINT:
        return "by Ctrl-C"
    if code is _ABORT:
        return _task_group(frame.f_back)
    if code is _ON_TASK_DONE:
        return _task_group(frame)
    if code is _CANCEL_AND_WAIT and frame.f_back is not None:
        frame = frame.f_back
        code = frame.f_code
    if code is _WAIT_FOR:
        return f"by {_wait_for(frame)}: its time was up"
    return None


def _timeout(task: Any) -> str:
    # From 3.12 on, wait_for() is made of timeout().
    awaited = task.get_coro()
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None)
        if frame is not None and frame.f_code is _WAIT_FOR:
            return _wait_for(frame)
        awaited = getattr(awaited, "cr_await", None)
    return "asyncio.timeout()"


def _wait_for(frame: FrameType) -> str:
    return f"asyncio.wait_for(timeout={frame.f_locals.get('timeout')!r})"


def _task_group(frame: FrameType | None) -> str:
    """Why a task group cancels, whose method runs in `frame`."""
    if frame is not None and frame.f_code is _ON_TASK_DONE:
        failed: Any = frame.f_locals.get("task")
        error = getattr(failed, "_exception", None)
        if error is not None:
            return f"by its task group: task {failed.get_name()!r} failed with {error!r}"
    if frame is not None and frame.f_code in _EXIT:
        kind = frame.f_locals.get("et")
        if kind is not None:
            return f"by its task group: the body of the group raised {kind.__name__}"
    return "by its task group"
