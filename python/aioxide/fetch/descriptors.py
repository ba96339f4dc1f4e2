"""Open files: as many connections as the process may have."""

from __future__ import annotations

import contextlib
import resource

from aioxide.http._descriptors import RESERVE

__all__ = ["raise_limit"]


def raise_limit(connections: int) -> int | None:
    """Raise the soft limit of open files, as far as the hard one lets it.

    Gives how many connections there is room for, or None if there is no limit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    wanted = connections + 2 * RESERVE
    if soft < wanted and (hard == resource.RLIM_INFINITY or soft < hard):
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    return max(soft - RESERVE, soft // 2, 1)
