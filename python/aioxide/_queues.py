"""`loop._ready` and `loop._scheduled`: asyncio's names for what is queued, to look at.

The queues are native. Programs look into asyncio's all the same, test helpers above all: whether
something is queued, and which timers there are, to run them by hand.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from aioxide import _aioxide

__all__ = ["Ready", "Scheduled"]


class View(Sequence[Any]):
    """The handles in a queue at the time of each look. Read-only."""

    __slots__ = ("_handles",)

    def __init__(self, handles: Callable[[], list[Any]]) -> None:
        self._handles = handles

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


class Ready:
    """The attribute `_ready`.

    A loop's class that has another `_run_once()`, as nest_asyncio's has, runs what it finds in the
    queues. It finds none: they are run by `loop._selector.select()`.
    """

    def __get__(self, loop: Any, owner: type | None = None) -> Any:
        if loop is None:
            return self
        if _has_other_turn(loop):
            return collections.deque()
        return View(loop._ready_handles)


class Scheduled:
    """The attribute `_scheduled`, likewise. The next timer to be due is its first item."""

    def __get__(self, loop: Any, owner: type | None = None) -> Any:
        if loop is None:
            return self
        if _has_other_turn(loop):
            return []
        return View(loop._timer_handles)


def _has_other_turn(loop: Any) -> bool:
    return type(loop)._run_once is not _aioxide.Loop._run_once
