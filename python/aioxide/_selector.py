"""What the loop watches, in the shape of a selector.

asyncio's own transport of datagrams, which those of unusual families have, asks the loop's selector
whether it is polled when it is printed. nest_asyncio puts a `_run_once()` of its own into the
loop's class, which runs what is in the loop's queues between two calls of `select()`: these queues
are empty, and the loop's own turn takes the place of that call.

Virtual clocks of test suites put a function of theirs in the place of `select`, which moves the
time on instead of waiting: a turn calls that where it would poll.
"""

from __future__ import annotations

import asyncio.tasks
import contextlib
import os
import weakref
from collections.abc import Iterator, Mapping
from selectors import SelectorKey
from typing import Any

from aioxide import _aioxide

__all__ = ["Selector"]


class Selector:
    """Read-only: descriptors come and go by the loop's methods."""

    def __init__(self, loop: Any) -> None:
        # Weak: a loop that is dropped need not wait for the garbage collector.
        self._loop = weakref.ref(loop)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        self._look_for_other_select(name)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._look_for_other_select(name)

    def _look_for_other_select(self, name: str) -> None:
        if name == "select" and (loop := self._loop()) is not None:
            loop._look_for_other_select()

    def get_key(self, fileobj: Any) -> SelectorKey:
        """Return the key of a descriptor, or of an object with fileno().

        `data` is (reader, writer): handles, or None. Raises KeyError when the loop does not watch
        it, ValueError for what is no descriptor.
        """
        key = self._find(_number(fileobj), fileobj)
        if key is None:
            raise KeyError(f"{fileobj!r} is not registered")
        return key

    def get_map(self) -> Mapping[Any, SelectorKey]:
        """Return a live mapping of descriptors to their keys."""
        return _Map(self)

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """Run one turn of the loop, which waits as long as the loop has to; nothing is left to do.

        `timeout` is what the caller makes of empty queues, and has no meaning. It may be called in
        a task: other tasks run meanwhile, each of them the current one.

        In a turn that calls what a program has put in this method's place, it polls for as long as
        `timeout` says, in seconds, and returns what is ready; the turn handles that.
        """
        loop = self._loop()
        if loop is None:
            return []
        if loop._in_poll:
            polled = loop._poll(timeout)
            return [(SelectorKey(fd, fd, events, None), events) for fd, events in polled]
        with _no_current_task(loop):
            _aioxide.Loop._run_once(loop)
        return []

    def _find(self, fd: int, fileobj: Any) -> SelectorKey | None:
        loop = self._loop()
        watched = None if loop is None else loop._watched(fd)
        if watched is None:
            return None
        events, reader, writer = watched
        return SelectorKey(fileobj, fd, events, (reader, writer))


@contextlib.contextmanager
def _no_current_task(loop: Any) -> Iterator[None]:
    """Set the loop's current task aside: tasks in C and in Python keep it in different places."""
    tasks: Any = asyncio.tasks
    names = ("_c_swap_current_task", "_py_swap_current_task")
    # CPython 3.11 has neither.
    swaps = [getattr(tasks, name) for name in names if hasattr(tasks, name)] or [_swap_in_dict]
    aside = []
    for swap in swaps:
        # The one in Python wants a task to be there.
        with contextlib.suppress(KeyError):
            task = swap(loop, None)
            if task is not None:
                aside.append((swap, task))
    try:
        yield
    finally:
        for swap, task in reversed(aside):
            swap(loop, task)


def _swap_in_dict(loop: Any, task: Any) -> Any:
    tasks: Any = asyncio.tasks
    old = tasks._current_tasks.pop(loop, None)
    if task is not None:
        tasks._current_tasks[loop] = task
    return old


class _Map(Mapping[Any, SelectorKey]):
    def __init__(self, selector: Selector) -> None:
        self._selector = selector

    def __getitem__(self, fileobj: Any) -> SelectorKey:
        return self._selector.get_key(fileobj)

    def __iter__(self) -> Iterator[int]:
        for fd in sorted(int(name) for name in os.listdir("/dev/fd")):
            if self._selector._find(fd, fd) is not None:
                yield fd

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _number(fileobj: Any) -> int:
    try:
        number = fileobj if isinstance(fileobj, int) else int(fileobj.fileno())
    except (AttributeError, TypeError, ValueError):
        raise ValueError(f"Invalid file object: {fileobj!r}") from None
    if number < 0:
        raise ValueError(f"Invalid file descriptor: {number}")
    return number
