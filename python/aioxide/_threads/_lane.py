"""How many threads a proxy may use at a time."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

from ._job import Job
from ._pool import Crew, pool_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Context

    from ._pool import Pool

__all__ = ["Lane", "LaneState"]

# As many as the executor of a loop has.
USUAL = min(32, (os.cpu_count() or 1) + 4)


class Lane:
    """A limit that calls share. One of 1 has a thread of its own."""

    __slots__ = ("__weakref__", "_last", "_states", "limit")

    def __init__(self, limit: int | None) -> None:
        if limit is not None:
            if not isinstance(limit, int) or isinstance(limit, bool):  # type: ignore[redundant-expr]
                raise TypeError(f"limit is {limit!r}; a number of threads is wanted")
            if limit < 1:
                raise ValueError(f"limit is at least 1, not {limit}")
        self.limit = USUAL if limit is None else limit
        self._states: weakref.WeakKeyDictionary[Pool, LaneState] = weakref.WeakKeyDictionary()
        self._last: LaneState | None = None

    def submit(
        self,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        context: Context | None = None,
    ) -> Job:
        """Have a call made in a thread of the running loop. Raises RuntimeError without a loop."""
        loop = asyncio.get_running_loop()
        state = self._last
        if state is None or state.pool.loop() is not loop or state.pool.closed:
            state = self._last = self._state(pool_of(loop))
        job = Job(loop, state, fn, args, kwargs, context)
        state.submit(job)
        return job

    def _state(self, pool: Pool) -> LaneState:
        state = self._states.get(pool)
        if state is None:
            state = self._states[pool] = LaneState(self.limit, pool)
            if self.limit == 1:
                # Its thread is of no use to others.
                weakref.finalize(self, state.crew.end).atexit = False
        return state


class LaneState:
    """A lane in one loop."""

    __slots__ = ("__weakref__", "_active", "_limit", "_waiting", "crew", "pool")

    def __init__(self, limit: int, pool: Pool) -> None:
        self.pool = pool
        self._limit = limit
        self._active = 0
        self._waiting: deque[Job] = deque()
        self.crew = Crew(pool) if limit == 1 else pool.crew

    def submit(self, job: Job) -> None:
        """Have a job done as soon as it may be."""
        if self._active < self._limit:
            self.crew.submit(job)
            self._active += 1
        else:
            self._waiting.append(job)

    def next_waiting(self) -> Job | None:
        """The next job, for a thread that is done with one: it takes the place of that."""
        try:
            return self._waiting.popleft()
        except IndexError:
            return None

    def release(self) -> None:
        """A job is done, and its thread has found no other."""
        self._active -= 1
        self.crew.release()
        while self._waiting:
            job = self._waiting.popleft()
            if job.future.cancelled():
                job.drop()
                continue
            try:
                self.submit(job)
            except RuntimeError as error:
                # There are no more threads to be had.
                job.future.set_exception(error)
                continue
            break
