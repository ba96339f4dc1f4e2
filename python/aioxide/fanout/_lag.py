"""How late a loop comes to what is ready.

aioxide's loop counts its turns and times its steps: what becomes ready waits for the rest of a
turn. Any other loop is asked by a timer that sees how late it is itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aioxide import _aioxide

if TYPE_CHECKING:
    import asyncio

__all__ = ["Lag", "lag_of"]

_PERIOD = 0.05
# The part of all steps that are no longer than what counts as the lag.
_SHARE = 0.99


class Lag(Protocol):
    """A watch on one loop."""

    def read(self) -> float:
        """The lag in seconds since it was read last."""

    def stop(self) -> None:
        """Watch no more."""


def lag_of(loop: asyncio.AbstractEventLoop) -> Lag:
    """A watch on this loop."""
    return CountedLag(loop) if isinstance(loop, _aioxide.Loop) else TimedLag(loop)


class CountedLag:
    """By the counters of aioxide's loop: the mean turn, or the 99th percentile of the steps if
    that is longer."""

    def __init__(self, loop: _aioxide.Loop) -> None:
        self._loop = loop
        self._before = loop.stats()

    def read(self) -> float:
        before, now = self._before, self._loop.stats()
        self._before = now
        if now["busy_time"] is None:
            return 0.0
        turns = max(1, now["turns"] - before["turns"])
        turn = (now["busy_time"] - (before["busy_time"] or 0.0)) / turns
        counts = dict(before["step_times"])
        steps = sorted(
            (seconds, count - counts.get(seconds, 0))
            for seconds, count in now["step_times"]
            if seconds is not None
        )
        left = _SHARE * sum(count for _, count in steps)
        step = 0.0
        for seconds, count in steps:
            left -= count
            if left <= 0:
                step = seconds
                break
        return max(turn, step)

    def stop(self) -> None:
        pass


class TimedLag:
    """By a timer: how late it was at most."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._most = 0.0
        self._set()

    def _set(self) -> None:
        self._due = self._loop.time() + _PERIOD
        self._timer = self._loop.call_at(self._due, self._on_timer)

    def _on_timer(self) -> None:
        self._most = max(self._most, self._loop.time() - self._due)
        self._set()

    def read(self) -> float:
        # A timer that is overdue tells something, too.
        most = max(self._most, self._loop.time() - self._due)
        self._most = 0.0
        return most

    def stop(self) -> None:
        self._timer.cancel()
