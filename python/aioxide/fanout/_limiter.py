"""`Limiter`: how many calls in which time, and how many at a time.

Whose turn it is, and when, is decided natively (aioxide-http's limiter, by the generic cell rate
algorithm): exactly, first come, first served. Here are the futures of those that wait, and the one
timer for the first of them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aioxide._aioxide import RateLimiter

from ._checks import check_number, check_real
from ._rate import parse_rate

if TYPE_CHECKING:
    from types import TracebackType

    from ._rate import RateLike

__all__ = ["Limiter"]

# A call that comes late because its timer was late is counted for when it was due, if that is no
# longer ago. Without this a rate of a thousand a second, on timers that are exact to a millisecond,
# would come to half of it.
_CREDIT = 0.05


class Limiter:
    """Lets calls through at a rate, and so many at a time: `async with limiter: ...`.

    `rate` is a text like "100/min", a tuple (calls, seconds), or a number a second; None for any.
    `burst` calls may follow each other at once after a time without any; 1 spaces them evenly.
    `concurrency` is how many may be inside at a time; None for any number.

    With `strict`, no interval of the rate's length sees more calls than the rate says, wherever it
    begins; without it, one that begins with a burst may see up to `burst` more, and calls that the
    loop has delayed are caught up with, up to 50 ms of them.

    Calls go in the order in which they came; one timer serves all that wait, and wakes one of them
    at a time. Waiting can be cancelled: the place in the queue is free at once, and nothing was
    used up. A limiter belongs to the loop that it is used in first, until nobody waits.
    It is not thread-safe.

    Raises ValueError for a rate that is none, and when there is nothing to limit; TypeError for
    what is none of the kinds above.
    """

    __slots__ = ("__weakref__", "_futures", "_loop", "_native", "_strict", "_text", "_timer")

    def __init__(
        self,
        rate: RateLike | None = None,
        *,
        burst: int = 1,
        concurrency: int | None = None,
        strict: bool = False,
    ) -> None:
        if rate is None and concurrency is None:
            raise ValueError("a limiter needs a rate, a concurrency, or both")
        check_number("burst", burst, 1)
        if concurrency is not None:
            check_number("concurrency", concurrency, 1)
        if not isinstance(strict, bool):
            raise TypeError(f"strict is {strict!r}; True or False is wanted")
        limit, interval = (0, 0.0) if rate is None else parse_rate(rate)
        most = 2**32 - 1
        burst, inside = min(burst, most), min(concurrency or 0, most)
        self._native = RateLimiter(limit, interval, burst, strict, inside)
        self._strict = strict
        self._loop: asyncio.AbstractEventLoop | None = None
        self._futures: dict[int, asyncio.Future[float]] = {}
        self._timer: asyncio.TimerHandle | None = None
        parts = [] if rate is None else [f"{limit} in {interval:g} s"]
        parts += [f"burst {burst}"] if burst > 1 else []
        parts += [f"{concurrency} at a time"] if concurrency else []
        parts += ["strict"] if strict else []
        self._text = ", ".join(parts)

    def __repr__(self) -> str:
        return f"<Limiter {self._text}; {self.active} inside, {self.waiting} waiting>"

    @property
    def active(self) -> int:
        """How many are inside."""
        return self._native.active

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return self._native.waiting

    async def acquire(self) -> None:
        """Wait for a turn and take it. `release()` has to follow.

        Raises RuntimeError when others wait in another loop. Can be cancelled.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._bind(loop)
        native = self._native
        number = native.acquire(loop.time())
        if number is None:
            return
        try:
            while True:
                future = self._futures[number] = loop.create_future()
                self._set_timer(loop)
                due = await future
                if native.claim(number, loop.time() if self._strict else due):
                    break
        except BaseException:
            native.cancel_wait(number)
            raise
        finally:
            del self._futures[number]
            self._wake(loop, loop.time())

    def release(self) -> None:
        """Leave. Raises RuntimeError when nobody is inside."""
        if not self._native.release():
            raise RuntimeError("release() of a limiter that nobody has acquired")
        if self._futures and self._loop is not None:
            self._wake(self._loop, self._loop.time())

    def penalize(self, seconds: float) -> None:
        """Let nobody through for so many seconds from now: a server has asked for it.

        Those that are inside stay. A pause that lasts longer already holds. Needs a running loop.

        Raises TypeError for what is no number, ValueError for one below 0.
        """
        check_real("a pause", seconds)
        if not seconds >= 0:
            raise ValueError(f"a pause of {seconds!r} s: a number of seconds, 0 or more")
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._bind(loop)
        self._native.pause_until(loop.time() + seconds)
        self._set_timer(loop)

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not None and self._futures and not self._loop.is_closed():
            raise RuntimeError(f"{self!r} is in use in another event loop")
        for number in self._futures:
            self._native.cancel_wait(number)
        self._futures = {}
        self._timer = None
        self._loop = loop

    def _wake(self, loop: asyncio.AbstractEventLoop, now: float) -> None:
        """Tell those whose turn it is, each when it was due."""
        native = self._native
        while (due := native.next_at()) is not None and due <= now:
            number = native.poll_woken(now)
            if number is None:
                break
            future = self._futures.get(number)
            if future is not None and not future.done():
                future.set_result(max(due, now - _CREDIT))
        self._set_timer(loop)

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        """One timer, for the first that waits."""
        due = self._native.next_at()
        timer = self._timer
        if timer is not None:
            if due is not None and timer.when() == due:
                return
            timer.cancel()
            self._timer = None
        if due is not None:
            self._timer = loop.call_at(due, self._on_timer, loop, due)

    def _on_timer(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._timer = None
        # asyncio runs a timer up to one tick of its clock before its time.
        self._wake(loop, max(due, loop.time()))
