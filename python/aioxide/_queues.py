"""`loop._ready` and `loop._scheduled`: asyncio's names for what is queued.

The queues are native. Programs look into asyncio's all the same, test helpers above all: whether
something is queued, which timers there are, to run them by hand, and whether a test has left any.
Some put a handle at the front of what is ready. What the loop's own reports wait for is none of
their business.
"""

from __future__ import annotations

import collections
import operator
from collections.abc import Callable, Iterable, Iterator, MutableSequence, Sequence
from types import FunctionType
from typing import Any

from aioxide import _aioxide

__all__ = ["Queue", "Ready", "View"]

REPORTS = "aioxide.diagnostics.lost"
"""The module whose functions the loop schedules for itself."""


class View(Sequence[Any]):
    """The handles in a queue at the time of each look. Read-only."""

    __slots__ = ("_handles", "_loop")

    def __init__(self, handles: Callable[[], list[Any]], loop: Any) -> None:
        self._handles = handles
        self._loop = loop

    def __len__(self) -> int:
        return len(self._handles())

    def __getitem__(self, index: Any) -> Any:
        return self._handles()[index]

    def __iter__(self) -> Iterator[Any]:
        # What is cancelled or added meanwhile does not disturb.
        return iter(self._handles())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (View, list, collections.deque)):
            return NotImplemented
        return self._handles() == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._handles())


class Ready(View, MutableSequence[Any]):
    """What is to run, with the methods of a deque. Events that have no handle keep their place."""

    __slots__ = ()

    def insert(self, index: int, value: Any) -> None:
        behind = self._handles()[index:]
        self._loop._insert_ready(value, behind[0] if behind else None)

    def __setitem__(self, index: Any, value: Any) -> None:
        handle = self._handles()[operator.index(index)]
        self._loop._insert_ready(value, handle)
        self._loop._remove_ready(handle)

    def __delitem__(self, index: Any) -> None:
        self._loop._remove_ready(self._handles()[operator.index(index)])

    def append(self, value: Any) -> None:
        self._loop._insert_ready(value)

    def appendleft(self, value: Any) -> None:
        self.insert(0, value)

    def extendleft(self, values: Iterable[Any]) -> None:
        for value in values:
            self.appendleft(value)

    def popleft(self) -> Any:
        return self.pop(0)

    def clear(self) -> None:
        for handle in self._handles():
            self._loop._remove_ready(handle)

    def rotate(self, n: int = 1) -> None:
        handles = collections.deque(self._handles())
        handles.rotate(n)
        self.clear()
        self.extend(handles)


class Queue:
    """The attribute `_ready` or `_scheduled`: a view of what a method of the loop lists.

    A loop's class that has another `_run_once()`, as nest_asyncio's has, runs what it finds in the
    queues. It finds `nothing`: they are run by `loop._selector.select()`.
    """

    def __init__(self, handles: str, view: Callable[..., Any], nothing: Callable[[], Any]) -> None:
        self._handles = handles
        self._view = view
        self._nothing = nothing

    def __get__(self, loop: Any, owner: type | None = None) -> Any:
        if loop is None:
            return self
        if type(loop)._run_once is not _aioxide.Loop._run_once:
            return self._nothing()
        handles = getattr(loop, self._handles)

        def shown() -> list[Any]:
            return [handle for handle in handles() if not _is_the_loops_own(handle)]

        return self._view(shown, loop)


def _is_the_loops_own(handle: Any) -> bool:
    callback = getattr(handle, "_callback", None)
    return type(callback) is FunctionType and callback.__module__ == REPORTS
