"""How far a fan-out is, and who is told."""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ._engine import Engine

__all__ = ["Display", "Progress", "ProgressLike", "Reporter", "reporter"]

# A callback and a bar are told ten times a second at most.
_PERIOD = 0.1
# The rate is that of the last so many seconds.
_WINDOW = 10.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fan-out is.

    - label: what runs, as "amap(fetch)";
    - done, failed: how many calls have succeeded, and how many have failed after all attempts;
    - total: how many items there are; None while nobody knows;
    - active, limit: how many calls are under way, and how many there may be;
    - elapsed: the seconds since the beginning;
    - rate: items a second, lately; None at the very beginning;
    - ended: this is the last word.
    """

    label: str
    done: int
    failed: int
    total: int | None
    active: int
    limit: int
    elapsed: float
    rate: float | None
    ended: bool

    @property
    def eta(self) -> float | None:
        """Seconds that are left, at this rate; None if that cannot be told."""
        if self.total is None or not self.rate:
            return None
        return max(0, self.total - self.done - self.failed) / self.rate


ProgressLike: TypeAlias = "bool | Callable[[Progress], object] | None"


class Display(Protocol):
    """Shows progress."""

    #: Seconds from one look to the next.
    period: float
    #: Whether there is something to show at the very beginning.
    eager: bool

    def show(self, progress: Progress) -> None:
        """Show it."""


class Called:
    """A function of the program as a display."""

    period = _PERIOD
    eager = True

    def __init__(self, function: Callable[[Progress], object]) -> None:
        self._function = function

    def show(self, progress: Progress) -> None:
        self._function(progress)


def reporter(progress: ProgressLike, engine: Engine) -> Reporter | None:
    """Who tells of the engine's progress; None for nobody. Raises TypeError for what cannot."""
    if progress is None or progress is False:
        return None
    if progress is True:
        from ._bar import display_on

        display: Display | None = display_on(sys.stderr)
        return None if display is None else Reporter(engine, display)
    if not callable(progress):
        raise TypeError(
            f"progress is {type(progress).__name__}; it is True, or a function of a Progress"
        )
    return Reporter(engine, Called(progress))


class Reporter:
    """Tells a display how far an engine is, now and then and at the end.

    One that raises is told no more, and its exception goes to the loop's exception handler: what
    shows the work does not stop the work.
    """

    def __init__(self, engine: Engine, display: Display) -> None:
        self._engine = engine
        self._display: Display | None = display
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop
        self._seen: deque[tuple[float, int]] = deque()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell from now on."""
        self._loop = loop
        self._started = loop.time()
        self._seen.append((self._started, 0))
        display = self._display
        if display is not None and display.eager:
            self._tell(ended=False)
        elif display is not None:
            self._timer = loop.call_later(display.period, self._on_timer)

    def stop(self) -> None:
        """Tell the end."""
        if self._timer is not None:
            self._timer.cancel()
        self._tell(ended=True)
        self._display = None

    def _tell(self, *, ended: bool) -> None:
        display = self._display
        if display is None:
            return
        try:
            display.show(self.look(ended=ended))
        except Exception as error:  # noqa: BLE001
            self._display = None
            self._loop.call_exception_handler(
                {
                    "message": f"{self._engine.label}: showing the progress failed; "
                    "it is shown no more, and the calls go on",
                    "exception": error,
                }
            )
        else:
            if not ended:
                self._timer = self._loop.call_later(display.period, self._on_timer)

    def _on_timer(self) -> None:
        self._tell(ended=False)

    def look(self, *, ended: bool) -> Progress:
        """How far it is now."""
        engine, now = self._engine, self._loop.time()
        gone = engine.done + engine.failed
        seen = self._seen
        if now > seen[-1][0]:
            seen.append((now, gone))
        while len(seen) > 2 and seen[1][0] <= now - _WINDOW:
            seen.popleft()
        # At the end, that of the whole.
        since, before = (self._started, 0) if ended else seen[0]
        rate = (gone - before) / (now - since) if now > since else None
        return Progress(
            label=engine.label,
            done=engine.done,
            failed=engine.failed,
            total=engine.total,
            active=0 if ended else engine.active,
            limit=engine.limit,
            elapsed=now - self._started,
            rate=rate,
            ended=ended,
        )
