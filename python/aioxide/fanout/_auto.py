"""`limit="auto"`: a limit that follows what the calls and the loop can bear.

One more at a time while all goes well (twice as many, until the first trouble), and by a factor
fewer when calls fail as under overload, when they take much longer than the best ones did, or when
the loop itself comes late.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._checks import check_number, check_real
from ._lag import Lag, lag_of
from ._retry import OVERLOADED, is_connection_error, status_of

if TYPE_CHECKING:
    import asyncio

    from ._engine import Engine

__all__ = ["AutoLimit", "Throttle"]

# What is left of the limit after errors, after slow calls, and when the loop is late.
_AFTER_ERRORS = 0.7
_AFTER_SLOWNESS = 0.9
_AFTER_LAG = 0.8
# Errors up to this part of the calls are none of an overload.
_STRAY = 0.02
# Calls are slow that take so many times as long as the best, and longer by so many seconds.
_SLOW, _SLOW_BY = 2.0, 0.005
# A decision takes so many calls, or as many as the limit is.
_FEWEST = 8


@dataclass(frozen=True)
class AutoLimit:
    """How `limit="auto"` moves: it begins with `start`, and stays from `floor` to `ceiling`.

    It shrinks while the loop's lag is above `max_lag` seconds. Raises ValueError where the numbers
    are not in order, TypeError for what are none.
    """

    start: int = 10
    floor: int = 1
    ceiling: int = 1000
    max_lag: float = 0.05

    def __post_init__(self) -> None:
        for name in ("start", "floor", "ceiling"):
            check_number(name, getattr(self, name), 1)
        check_real("max_lag", self.max_lag)
        if not 1 <= self.floor <= self.start <= self.ceiling:
            raise ValueError(
                "1 <= floor <= start <= ceiling does not hold: "
                f"floor {self.floor}, start {self.start}, ceiling {self.ceiling}"
            )
        if not self.max_lag > 0:
            raise ValueError(f"max_lag is a number of seconds above 0, not {self.max_lag!r}")


class Throttle:
    """Moves the limit of one engine."""

    def __init__(self, settings: AutoLimit) -> None:
        self._settings = settings
        self.engine: Engine | None = None
        self._lag: Lag | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._calls = self._overloads = 0
        #: The most calls at a time since the last decision.
        self._most = 0
        self._time = 0.0
        self._best: float | None = None
        #: Until the first trouble the limit doubles.
        self._rising = True

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to watch the loop."""
        self._loop = loop
        self._lag = lag_of(loop)

    def stop(self) -> None:
        """Watch no more."""
        if self._lag is not None:
            self._lag.stop()

    def note(self, seconds: float, error: Exception | None) -> None:
        """A call has ended, after so long."""
        self._calls += 1
        self._time += seconds
        if error is not None and is_overload(error):
            self._overloads += 1
        engine = self.engine
        if engine is None:
            return
        self._most = max(self._most, engine.active)
        if self._calls < max(_FEWEST, engine.limit):
            return
        lag = 0.0 if self._lag is None else self._lag.read()
        limit = self.decide(engine.limit, self._most >= engine.limit, lag)
        if limit != engine.limit:
            engine.move_limit(limit)

    def decide(self, limit: int, full: bool, lag: float) -> int:
        """The next limit, after the calls that were noted. `full`: the limit was what held it."""
        mean = self._time / self._calls
        stray = self._overloads <= _STRAY * self._calls
        self._calls = self._overloads = self._most = 0
        self._time = 0.0
        best = mean if self._best is None else min(self._best, mean)
        if limit <= self._settings.floor:
            # Fewer is not possible: what was the best once is so no more.
            best = mean
        # Errors may be quick: their times say nothing of what is possible.
        if stray:
            self._best = best
        if not stray:
            factor = _AFTER_ERRORS
        elif lag > self._settings.max_lag:
            factor = _AFTER_LAG
        elif mean > best * _SLOW and mean > best + _SLOW_BY:
            factor = _AFTER_SLOWNESS
        else:
            factor = 0.0
        if factor:
            self._rising = False
            return max(self._settings.floor, int(limit * factor))
        if not full:
            return limit
        return min(self._settings.ceiling, limit * 2 if self._rising else limit + 1)


def is_overload(error: Exception) -> bool:
    """Whether it is an error that fewer calls at a time could have avoided."""
    status = status_of(error)
    if status is not None:
        return status in OVERLOADED
    return isinstance(error, OSError) or is_connection_error(error)
