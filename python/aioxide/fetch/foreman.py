"""`Foreman`: gives shares of the work to a crew, and takes what comes of them.

The crew is processes of this machine or workers of a Dask cluster. The foreman has the plan, reads
robots.txt, keeps each host's limits, and hands every outcome on once: a share whose worker is lost
is done again, but for what had come of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import aioxide

from .page import Failure, Outcome
from .robots import Rules
from .share import Lease, Report, Share
from .work import backoff

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .fetcher import Fetcher
    from .settings import Settings
    from .target import Target
    from .work import Deliver

__all__ = ["Crew", "CrewError", "Foreman", "WorkerLost"]

#: Takes the outcome of a URL of a share.
Got = Callable[[str, Outcome], Awaitable[None]]

#: Seconds that a share takes, if it is not done before.
SECONDS = 5.0
MOST_TARGETS = 500
_LEAST_TARGETS = 20
#: URLs for each slot of a host in a share.
_DEPTH = 32
#: Robots.txt files that are read at a time.
_MOST_RULES = 32
#: Workers that may be lost with a URL, before it is taken for the reason.
_MOST_LOSSES = 3


class CrewError(Exception):
    """There is no crew. The text is for the user."""


class WorkerLost(Exception):
    """A worker has ended in the middle of a share."""


class Crew(Protocol):
    """Who does shares."""

    #: How many at a time.
    size: int

    async def run(self, share: Share, got: Got) -> Report:
        """Have a share done. `got` is awaited for each outcome, here.

        Raises WorkerLost; what had come until then counts.
        """
        ...


class _Field:
    """One host, as the foreman sees it."""

    __slots__ = ("free", "interval", "name", "paused_until", "queue", "ruled", "slots")

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.slots = self.free = settings.per_host
        self.interval = settings.interval
        self.paused_until = 0.0
        self.queue: deque[Target] = deque()
        self.ruled = not settings.robots


@dataclass(slots=True)
class _Given:
    """A share that is with a worker, and what has not come back of it, by URL."""

    share: Share
    targets: dict[str, Target] = dataclasses.field(default_factory=dict)


class Foreman:
    """Has all targets fetched by a crew."""

    def __init__(
        self,
        settings: Settings,
        crew: Crew,
        targets: Iterable[Target],
        fetcher: Fetcher,
        deliver: Deliver,
    ) -> None:
        self._settings = settings
        self._crew = crew
        self._fetcher = fetcher
        self._deliver = deliver
        self._fields: dict[str, _Field] = {}
        self._left = 0
        for target in targets:
            field = self._fields.get(target.origin)
            if field is None:
                field = self._fields[target.origin] = _Field(target.origin, settings)
            field.queue.append(target)
            self._left += 1
        #: Hosts in the order in which shares take from them.
        self._turn = deque(self._fields.values())
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Return when nothing is left. If it is cancelled, so are the shares; raises what `deliver`
        raises."""
        loop = asyncio.get_running_loop()
        tasks: set[asyncio.Task[None]] = set()
        try:
            if self._settings.robots:
                tasks.add(self._start(self._read_rules(), "rules"))
            while True:
                self._changed.clear()
                for task in [task for task in tasks if task.done()]:
                    tasks.discard(task)
                    task.result()
                shares = sum(task.get_name() == "share" for task in tasks)
                while shares < self._crew.size:
                    given = self._cut(loop.time())
                    if given is None:
                        break
                    tasks.add(self._start(self._see_to(given), "share"))
                    shares += 1
                if not tasks and not self._left:
                    return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause(loop.time())):
                        await self._changed.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        task.add_done_callback(self._on_done)
        return task

    def _on_done(self, _: asyncio.Task[None]) -> None:
        self._changed.set()

    def _pause(self, now: float) -> float | None:
        """Seconds until the next pause of a host is over."""
        times = [
            field.paused_until - now
            for field in self._turn
            if field.queue and field.ruled and field.paused_until > now
        ]
        return min(times, default=None)

    def _cut(self, now: float) -> _Given | None:
        """The next share; None if no host may be asked now."""
        size = self._crew.size
        limit = max(1, self._settings.limit // size)
        # Less and less, so that all end at about the same time; and a little is shared fairly.
        least = min(_LEAST_TARGETS, math.ceil(self._left / size))
        room = min(MOST_TARGETS, max(least, self._left // (2 * size)))
        slots = 2 * limit
        given = _Given(Share(replace(self._settings, limit=limit), [], SECONDS))
        for _ in range(len(self._turn)):
            if room <= 0 or slots <= 0:
                break
            field = self._turn[0]
            self._turn.rotate(-1)
            if not field.queue or not field.ruled or field.paused_until > now:
                continue
            if field.interval:
                part = field.slots if field.free == field.slots else 0
            else:
                part = min(field.free, math.ceil(field.slots / size), slots)
            if part <= 0:
                continue
            targets = [
                field.queue.popleft() for _ in range(min(len(field.queue), room, part * _DEPTH))
            ]
            given.targets.update((target.url, target) for target in targets)
            given.share.leases.append(
                Lease(field.name, part, field.interval, [(one.url, one.tries) for one in targets])
            )
            field.free -= part
            room -= len(targets)
            slots -= part
        self._left -= len(given.targets)
        return given if given.targets else None

    async def _see_to(self, given: _Given) -> None:
        """Have a share done, and take back what is left of it."""
        targets = given.targets
        report = Report()

        async def got(url: str, outcome: Outcome) -> None:
            target = targets.pop(url, None)
            # A worker that was taken for lost may still tell of it.
            if target is not None:
                await self._deliver(target, outcome)

        try:
            report = await self._crew.run(given.share, got)
        except WorkerLost as lost:
            for target in list(targets.values()):
                target.losses += 1
                if target.losses >= _MOST_LOSSES:
                    del targets[target.url]
                    text = f"{target.losses} workers were lost while they had it: {lost}"
                    failure = Failure(target.url, "worker lost", text, max(1, target.tries))
                    await self._deliver(target, failure)
        finally:
            self._take_back(given, report)

    def _take_back(self, given: _Given, report: Report) -> None:
        now = asyncio.get_running_loop().time()
        for url, tries in report.left:
            if url in given.targets:
                given.targets[url].tries = tries
        # In front, in their order: they have waited.
        for target in reversed(given.targets.values()):
            self._fields[target.origin].queue.appendleft(target)
        self._left += len(given.targets)
        for lease in given.share.leases:
            field = self._fields[lease.origin]
            field.free += lease.slots
            pause = report.pauses.get(lease.origin)
            if pause:
                field.paused_until = max(field.paused_until, now + pause)

    # robots.txt

    async def _read_rules(self) -> None:
        """Read every host's robots.txt, some at a time, in the order of the shares."""
        fields = list(self._turn)
        limit = min(_MOST_RULES, self._settings.limit)
        async with aioxide.stream(self._rule, fields, limit=limit) as results:
            async for result in results:
                result.unwrap()

    async def _rule(self, field: _Field) -> None:
        failure = Failure("", "robots.txt", "robots.txt does not allow it")
        rules = await self._fetcher.rules(field.name)
        tries = 1
        while isinstance(rules, Failure) and rules.again and tries <= self._settings.retries:
            await asyncio.sleep(backoff(tries))
            rules = await self._fetcher.rules(field.name)
            tries += 1
        if isinstance(rules, Failure):
            failure = rules
            rules = Rules(refusal=rules.text)
        elif rules.refusal is not None:
            failure.text = rules.refusal
        field.interval = max(field.interval, rules.interval)
        if field.interval:
            # That was a request, too.
            now = asyncio.get_running_loop().time()
            field.paused_until = now + field.interval
        refused = [target for target in field.queue if not rules.allow(target.key)]
        field.queue = deque(target for target in field.queue if rules.allow(target.key))
        self._left -= len(refused)
        field.ruled = True
        self._changed.set()
        for target in refused:
            await self._deliver(target, replace(failure, url=target.url))
