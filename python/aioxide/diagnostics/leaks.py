"""What a piece of a program leaves behind on a loop: tasks, coroutines, exceptions, transports.

What was there before is looked at once, what is there after is compared with it.
"""

from __future__ import annotations

import asyncio
import weakref
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from aioxide.diagnostics import observers, pending, sites, unawaited
from aioxide.diagnostics.observers import KINDS, Leak

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "TURNS",
    "Before",
    "CoroutinesBefore",
    "explain",
    "lost_exceptions",
    "tell_rest",
    "without",
]

TURNS = 5
"""A loop is given this many turns to end what is about to end."""


class Before:
    """What was on a loop, or nothing, of a loop that is to be made."""

    def __init__(self, loop: Any, *, nothing: bool = False) -> None:
        self.loop = loop
        self._tasks: weakref.WeakSet[Any] = weakref.WeakSet()
        # Not the transports: one that nobody holds is to be collected.
        self._transports: set[int] = set()
        if not nothing:
            self._tasks.update(asyncio.all_tasks(loop))
            self._transports.update(map(id, _transports(loop)))

    def left(self, *, but: Iterable[Any] = ()) -> list[Leak]:
        """What is there now and was not before; `but` are tasks that are none."""
        if self.loop.is_closed():
            return []
        tasks = [
            task
            for task in asyncio.all_tasks(self.loop)
            if not task.done() and task not in self._tasks and task not in but
        ]
        groups = pending.describe(self.loop, tasks)
        found = [Leak("tasks", (*group.names, group.coroutine), group.lines) for group in groups]
        found += [
            Leak("transports", (type(transport).__name__,), [repr(transport)])
            for transport in _transports(self.loop)
            if id(transport) not in self._transports
        ]
        return found


class CoroutinesBefore:
    """Which coroutines there were that nobody had started, on whatever loop."""

    def __init__(self) -> None:
        self._known = weakref.WeakSet(unawaited.unstarted())

    def left(self, loops: Iterable[Any]) -> list[Leak]:
        """The coroutines that nobody has started since, nor made a task of one of the loops."""
        of_tasks = {
            id(task.get_coro())
            for loop in loops
            if not loop.is_closed()
            for task in asyncio.all_tasks(loop)
        }
        return [
            _coroutine(coroutine)
            for coroutine in unawaited.unstarted()
            if coroutine not in self._known and id(coroutine) not in of_tasks
        ]


def _transports(loop: Any) -> list[Any]:
    return loop._open_transports() if hasattr(loop, "_open_transports") else []


def lost_exceptions(loop: Any) -> list[Leak]:
    """Tasks that have failed and that nobody has asked yet. They are not reported again."""
    if not hasattr(loop, "_take_lost"):
        return []
    found = []
    weak_tasks, _ = loop._take_lost(float("inf"))
    for weak in weak_tasks:
        task = weak()
        if task is not None and task._log_traceback:
            task._log_traceback = False
            found.append(_lost(loop, task))
    return found


def _lost(loop: Any, task: Any) -> Leak:
    lines = [f"{task.get_name()!r} failed with {task._exception!r}, and nobody has asked for it"]
    place = sites.spawn_place(loop, task)
    if place is not None:
        lines.append(f"  spawned  {place}    {place.source}")
    coroutine = getattr(task.get_coro(), "__qualname__", "")
    return Leak("exceptions", (task.get_name(), coroutine), lines)


def tell_rest(loop: Any) -> None:
    """Tell the observers what a loop that is being closed still has."""
    for leak in [*lost_exceptions(loop), *Before(loop, nothing=True).left()]:
        if leak.kind != "tasks":  # those were told when the run ended, or are destroyed
            observers.tell(leak)


def _coroutine(coroutine: Any) -> Leak:
    name = coroutine.__qualname__
    place = unawaited.created(coroutine)
    word = "created" if coroutine.cr_origin else "defined"
    lines = [f"'{name}' was never started", f"  {word}  {place}    {place.source}"]
    return Leak("coroutines", (name,), lines)


def without(leaks: list[Leak], allowed: Iterable[str]) -> list[Leak]:
    """The leaks that are not allowed by their kind or by one of their names.

    A name may have wildcards: ``"poll*"``.
    """
    patterns = list(allowed)
    return [
        leak
        for leak in leaks
        if leak.kind not in patterns
        and not any(fnmatchcase(name, pattern) for name in leak.names for pattern in patterns)
    ]


def explain(leaks: list[Leak]) -> str:
    """The leaks in words, by kind."""
    lines = []
    for kind in KINDS:
        of_kind = [leak for leak in leaks if leak.kind == kind]
        if of_kind:
            lines.append(f"{kind} left:")
            for leak in of_kind:
                lines += [f"  {line}" for line in leak.lines]
    return "\n".join(lines)
