"""`Tally`: what a run has come to so far."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .page import Failure, Page

__all__ = ["HostTally", "Tally", "percentile"]


class HostTally:
    """One host's part."""

    __slots__ = ("done", "failed", "total")

    def __init__(self) -> None:
        self.total = self.done = self.failed = 0

    @property
    def over(self) -> bool:
        """Whether nothing more is to come."""
        return self.done + self.failed >= self.total


class Tally:
    """Counts pages and failures, in all and by host. Times are seconds, sizes bytes."""

    def __init__(self) -> None:
        self.total = self.done = self.failed = 0
        #: Attempts beyond the first of each.
        self.retries = 0
        self.bytes = 0
        self.latencies = array("d")
        self.hosts: dict[str, HostTally] = {}
        self.kinds: Counter[str] = Counter()
        #: One failure of each kind.
        self.examples: dict[str, Failure] = {}

    @property
    def remaining(self) -> int:
        """Neither fetched nor failed."""
        return self.total - self.done - self.failed

    def plan(self, origin: str) -> None:
        """One more is to be fetched."""
        self.total += 1
        host = self.hosts.get(origin)
        if host is None:
            host = self.hosts[origin] = HostTally()
        host.total += 1

    def fetched(self, origin: str, page: Page) -> None:
        """A page is written."""
        self.done += 1
        self.hosts[origin].done += 1
        self.bytes += len(page.body)
        self.retries += page.attempts - 1
        self.latencies.append(page.elapsed)

    def failure(self, origin: str, failure: Failure) -> None:
        """A target has failed for good."""
        self.failed += 1
        self.hosts[origin].failed += 1
        self.retries += failure.attempts - 1
        self.kinds[failure.kind] += 1
        self.examples.setdefault(failure.kind, failure)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that a share of them does not exceed, by the nearest rank."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
