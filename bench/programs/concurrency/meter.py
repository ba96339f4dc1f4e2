"""The clocks that are read at both ends of the work, and a heart that beats meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

from . import footprint

#: Seconds from one beat to the next.
PERIOD = 0.01


class Heart:
    """Something small that has to be done every 10 ms, and how late that was at worst."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._late = 0.0
        self._due = 0.0
        self._ended = False

    def begin(self) -> None:
        self._due = self._clock() + PERIOD

    def beat(self) -> None:
        now = self._clock()
        if not self._ended:
            self._late = max(self._late, now - self._due)
            self._due = now + PERIOD

    def end(self) -> float:
        """The longest that a beat was late, in seconds. One that is due and has not come counts."""
        self._ended = True
        return max(self._late, self._clock() - self._due)

    async def beat_in_task(self) -> None:
        self.begin()
        while not self._ended:
            await asyncio.sleep(self._due - self._clock())
            self.beat()

    def beat_in_thread(self) -> None:
        self.begin()
        threading.Thread(target=self._beat_on, daemon=True).start()

    def _beat_on(self) -> None:
        while not self._ended:
            time.sleep(max(0.0, self._due - self._clock()))
            self.beat()


class Meter:
    """`start` comes before the pool or the loop is made, `stop` with the last result."""

    def __init__(self) -> None:
        self.heart = Heart()
        self.found: dict[str, float] = {}

    def start(self) -> None:
        self._cpu = time.process_time()
        self._start = time.perf_counter()

    def start_with_heart(self) -> None:
        """For a form that leaves room for a thread of one's own."""
        self.start()
        self.heart.beat_in_thread()

    def stop(self, *, has_heart: bool = True) -> None:
        """While pool and connections are still open: what they hold is counted."""
        now = time.perf_counter()
        if has_heart:
            self.found["late"] = self.heart.end() * 1e3
        self.found["seconds"] = now - self._start
        pids = footprint.family()
        self.found["cpu"] = sum(map(footprint.cpu_seconds, pids)) - self._cpu
        self.found["memory"] = sum(map(footprint.peak_bytes, pids)) / 1e6
