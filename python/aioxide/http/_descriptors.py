"""How many connections a process can have: it keeps below its limit of open files."""

from __future__ import annotations

import errno
import logging
import resource
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aioxide import _aioxide

logger = logging.getLogger("aioxide.http")

#: What is left to the rest of the program, of the descriptors that it may have.
RESERVE = 64


class DescriptorBudget:
    """The part of the process's descriptors that one connector may use.

    A connector that may open more connections than the process may open files waits before that
    limit, and says so once.
    """

    def __init__(self, pool: _aioxide.ConnectionPool) -> None:
        self._pool = pool
        self._told = False
        soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.limit = 0
        if soft != resource.RLIM_INFINITY:
            self.limit = max(soft - RESERVE, soft // 2, 1)
            pool.set_max_descriptors(self.limit)

    def look_at(self, error: OSError) -> None:
        """A connection could not be made: if descriptors ran out, use fewer from now on."""
        cause: BaseException | None = error
        while cause is not None and getattr(cause, "errno", None) not in (
            errno.EMFILE,
            errno.ENFILE,
        ):
            cause = cause.__cause__ or getattr(cause, "os_error", None)
        if cause is None:
            return
        open_now = self._pool.stats()
        fewer = max(1, open_now["leased"] + open_now["idle"] - 1)
        if self.limit == 0 or fewer < self.limit:
            self.limit = fewer
            self._pool.set_max_descriptors(fewer)
        if not self._told:
            self._told = True
            logger.warning(
                "the process has no more file descriptors: at most %d connections are open from "
                "now on, and requests wait for them (raise the limit with `ulimit -n`)",
                self.limit,
            )
