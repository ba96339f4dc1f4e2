"""`Hosts`: what is to be fetched, host by host, and when the next request may go out.

Each host is in one place at a time:

    ready      it has something to fetch and may be asked now; served in turn
    timed      it has something to fetch, but not yet (its rate, a pause, a retry)
    neither    it has nothing to fetch, or as many requests under way as it may have

An asynchronous iterator: it gives an `Attempt` as soon as there is one, and ends when nothing is
left and nothing under way can come back.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .robots import Rules
    from .settings import Settings
    from .target import Target

__all__ = ["Attempt", "Host", "Hosts"]

_READY = float("-inf")


class Host:
    """One origin: its queue, its limits, and what is under way."""

    __slots__ = (
        "active", "delayed", "interval", "name", "next_at", "paused_until", "placed_at", "queue",
        "rules", "slots", "unruled",
    )  # fmt: skip

    def __init__(self, name: str, slots: int, interval: float, unruled: bool) -> None:
        self.name = name
        self.slots = slots
        self.interval = interval
        #: Its robots.txt has to be read first.
        self.unruled = unruled
        self.rules: Rules | None = None
        self.queue: deque[Target] = deque()
        #: Retries: when, a number that keeps the order, and what.
        self.delayed: list[tuple[float, int, Target]] = []
        self.active = 0
        self.next_at = self.paused_until = 0.0
        #: When it is to be looked at next; None while it is nowhere.
        self.placed_at: float | None = None

    @property
    def waiting(self) -> int:
        """How many targets wait here."""
        return len(self.queue) + len(self.delayed)

    def free_at(self, now: float) -> float | None:
        """When it may be asked next; None if it has nothing, or no room."""
        if self.active >= self.slots or (self.unruled and self.active):
            return None
        at = max(self.next_at, self.paused_until)
        if self.queue:
            return max(at, now)
        return max(at, self.delayed[0][0], now) if self.delayed else None

    def take(self, now: float) -> Target:
        """What is next; one of the delayed whose time has come goes first."""
        if self.delayed and (self.delayed[0][0] <= now or not self.queue):
            return heapq.heappop(self.delayed)[2]
        return self.queue.popleft()


@dataclass(slots=True)
class Attempt:
    """A request that may go out now. Without a target it is the one for robots.txt."""

    host: Host
    target: Target | None


class Hosts:
    """All hosts of a run, in one loop. Times are those of the loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._hosts: dict[str, Host] = {}
        self._ready: deque[Host] = deque()
        self._timed: list[tuple[float, int, Host]] = []
        self._count = 0
        self._waiter: asyncio.Future[None] | None = None
        self._stopped = False
        #: Targets that wait, and attempts under way.
        self.waiting = 0
        self.active = 0

    def __iter__(self) -> Iterator[Host]:
        return iter(self._hosts.values())

    def host(self, name: str) -> Host:
        """The host of that name, made where there is none."""
        found = self._hosts.get(name)
        if found is None:
            settings = self._settings
            found = Host(name, settings.per_host, settings.interval, settings.robots)
            self._hosts[name] = found
        return found

    def add(self, target: Target) -> None:
        """Fetch this, too."""
        host = self.host(target.origin)
        host.queue.append(target)
        self.waiting += 1
        self._place(host)

    def again(self, host: Host, target: Target, delay: float) -> None:
        """Fetch this once more, in so many seconds at the earliest."""
        self._count += 1
        heapq.heappush(host.delayed, (self._loop.time() + delay, self._count, target))
        self.waiting += 1
        self._place(host)

    def pause(self, host: Host, seconds: float) -> None:
        """Ask the host nothing for so long. A pause that lasts longer already holds."""
        host.paused_until = max(host.paused_until, self._loop.time() + seconds)

    def rule(self, host: Host, rules: Rules) -> list[Target]:
        """Take the rules of a host. Gives what must not be fetched, and forgets it."""
        host.unruled = False
        host.rules = rules
        host.interval = max(host.interval, rules.interval)
        refused = [target for target in host.queue if not rules.allow(target.key)]
        if refused:
            gone = set(map(id, refused))
            host.queue = deque(target for target in host.queue if id(target) not in gone)
            self.waiting -= len(refused)
        return refused

    def end(self, host: Host) -> None:
        """An attempt is over. What comes of it (`again()`, `pause()`) has been said."""
        host.active -= 1
        self.active -= 1
        self._place(host)
        self._wake()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopped = True
        self._wake()

    def left(self) -> list[Target]:
        """What waits; nothing does afterwards."""
        targets: list[Target] = []
        for host in self._hosts.values():
            targets += host.queue
            targets += [target for _, _, target in host.delayed]
            host.queue.clear()
            host.delayed.clear()
        self.waiting = 0
        return targets

    # Iterating.

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Attempt:
        while True:
            now = self._loop.time()
            attempt = self._pick(now)
            if attempt is not None:
                return attempt
            if self._stopped or not (self.waiting or self.active):
                raise StopAsyncIteration
            self._waiter = self._loop.create_future()
            timer = self._loop.call_at(self._timed[0][0], self._wake) if self._timed else None
            try:
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()

    def _pick(self, now: float) -> Attempt | None:
        while self._timed and self._timed[0][0] <= now:
            placed_at, _, host = heapq.heappop(self._timed)
            # Another time was found for it meanwhile.
            if host.placed_at == placed_at:
                host.placed_at = _READY
                self._ready.append(host)
        while self._ready and not self._stopped:
            host = self._ready.popleft()
            host.placed_at = None
            at = host.free_at(now)
            if at is None or at > now:
                self._place(host)
                continue
            target = None
            if not host.unruled:
                target = host.take(now)
                self.waiting -= 1
            host.active += 1
            self.active += 1
            if host.interval:
                # A turn that comes late because the loop was late moves those after it.
                host.next_at = now + host.interval
            self._place(host)
            return Attempt(host, target)
        return None

    def _place(self, host: Host) -> None:
        """Put a host where it belongs, unless it is where it is looked at no later."""
        now = self._loop.time()
        at = host.free_at(now)
        if at is None or (host.placed_at is not None and host.placed_at <= at):
            return
        if at <= now:
            host.placed_at = _READY
            self._ready.append(host)
        else:
            host.placed_at = at
            self._count += 1
            heapq.heappush(self._timed, (at, self._count, host))
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
