"""Hosts and a fetcher together: every target until it is a page or has failed for good."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import aioxide

from .page import Failure, Outcome
from .robots import Rules
from .target import Target

if TYPE_CHECKING:
    from .fetcher import Fetcher
    from .hosts import Attempt, Host, Hosts
    from .settings import Settings

__all__ = ["Deliver", "Work", "backoff"]

#: Takes the outcome of a target. Whoever calls it waits until there is room for more.
Deliver = Callable[[Target, Outcome], Awaitable[None]]

_FIRST_WAIT = 0.5
_MOST_WAIT = 30.0


def backoff(tries: int) -> float:
    """Seconds until the next attempt, after so many. Half of it is left to chance, so that what
    failed together does not come back together."""
    wait: float = min(_FIRST_WAIT * 2.0 ** min(tries - 1, 20), _MOST_WAIT)
    return wait * (0.5 + random.random() / 2)


class Work:
    """Fetches all that `hosts` has, `settings.limit` at a time."""

    def __init__(
        self, settings: Settings, hosts: Hosts, fetcher: Fetcher, deliver: Deliver
    ) -> None:
        self._settings = settings
        self._hosts = hosts
        self._fetcher = fetcher
        self._deliver = deliver
        #: Attempts at the robots.txt of a host that could not be read.
        self._rules_tries: dict[str, int] = {}

    async def run(self) -> None:
        """Return when nothing is left. If it is cancelled, what is under way is, too; raises what
        `deliver` raises."""
        limit = self._settings.limit
        async with aioxide.stream(self._attempt, self._hosts, limit=limit) as results:
            async for result in results:
                result.unwrap()

    async def _attempt(self, attempt: Attempt) -> None:
        host, target = attempt.host, attempt.target
        if target is None:
            await self._rule(host)
            return
        outcome: Outcome | None = None
        try:
            outcome = await self._fetcher.fetch(target)
            if isinstance(outcome, Failure):
                if outcome.pause is not None:
                    self._hosts.pause(host, outcome.pause)
                if outcome.again and target.tries <= self._settings.retries:
                    self._hosts.again(host, target, backoff(target.tries))
                    return
        except BaseException:
            if outcome is None:
                # Cancelled: it waits again.
                self._hosts.again(host, target, 0.0)
            raise
        finally:
            self._hosts.end(host)
        await self._deliver(target, outcome)

    async def _rule(self, host: Host) -> None:
        refused: list[Target] = []
        why = Failure("", "robots.txt", "robots.txt does not allow it")
        try:
            rules = await self._fetcher.rules(host.name)
            if isinstance(rules, Failure):
                tries = self._rules_tries[host.name] = self._rules_tries.get(host.name, 0) + 1
                if rules.again and tries <= self._settings.retries:
                    self._hosts.pause(host, backoff(tries))
                    return
                why = rules
                rules = Rules(refusal=rules.text)
            elif rules.refusal is not None:
                why = Failure("", "robots.txt", rules.refusal)
            refused = self._hosts.rule(host, rules)
        finally:
            self._hosts.end(host)
        for target in refused:
            await self._deliver(
                target, Failure(target.url, why.kind, why.text, max(1, target.tries))
            )
