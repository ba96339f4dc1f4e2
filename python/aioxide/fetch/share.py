"""`Share`: what one worker process is given to fetch, and what it tells of it. Both are pickled.

Limits are those of the whole run, so a share says how many slots of a host it may use: together
no more than the host has. Of a host with a rate all slots go to one share at a time, so that one
clock spaces its requests.

A share ends when all of it is fetched or, after `seconds`, with what was under way then. The rest
comes back: so a slow host holds up no worker, and little is lost with one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .hosts import Hosts
from .target import Target
from .work import Work

if TYPE_CHECKING:
    from .fetcher import Fetcher
    from .settings import Settings
    from .work import Deliver

__all__ = ["Lease", "Report", "Share", "work_share"]


@dataclass(slots=True)
class Lease:
    """A part of one host: its slots, its rate, and URLs with the attempts that were made."""

    origin: str
    slots: int
    interval: float
    targets: list[tuple[str, int]]


@dataclass(slots=True)
class Share:
    """What one worker is to do. Robots.txt has been read before."""

    settings: Settings
    leases: list[Lease]
    seconds: float


@dataclass(slots=True)
class Report:
    """What is left of a share, and for how many seconds which host is to be left alone."""

    left: list[tuple[str, int]] = field(default_factory=list)
    pauses: dict[str, float] = field(default_factory=dict)


async def work_share(share: Share, fetcher: Fetcher, deliver: Deliver) -> Report:
    """Fetch a share. Raises what `deliver` raises; can be cancelled."""
    loop = asyncio.get_running_loop()
    settings = replace(share.settings, robots=False)
    hosts = Hosts(settings)
    for lease in share.leases:
        host = hosts.host(lease.origin)
        host.slots, host.interval = lease.slots, lease.interval
        for url, tries in lease.targets:
            target = Target(url)
            target.tries = tries
            hosts.add(target)
    timer = loop.call_later(share.seconds, hosts.stop)
    try:
        await Work(settings, hosts, fetcher, deliver).run()
    finally:
        timer.cancel()
    report = Report([(target.url, target.tries) for target in hosts.left()])
    now = loop.time()
    for host in hosts:
        pause = max(host.paused_until, host.next_at) - now
        if pause > 0:
            report.pauses[host.name] = pause
    return report
