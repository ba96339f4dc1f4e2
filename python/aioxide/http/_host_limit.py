"""How often, and how many at a time, a host is asked: `HostLimit`, and a connector's limits.

When whose turn it is is decided in `crates/aioxide-http/src/rate`.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from aioxide import _aioxide

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from yarl import URL

__all__ = ["HostLimit", "HostLimits"]

#: Hosts that are remembered of those that have no limit by name.
KEPT = 1024
#: The limit of every host that has none by name.
OTHERS = "*"


@dataclasses.dataclass(frozen=True, slots=True)
class HostLimit:
    """How often, and how many at a time, a host is asked. For `TCPConnector(host_limits=...)`.

    - requests: how many in each `per` seconds; None for any number;
    - burst: how many of them at once after a time without any. 1 spaces them evenly;
    - strict: no `per` seconds see more than `requests`, wherever they begin. Without it, those that
      begin with a burst see up to `requests + burst - 1`;
    - concurrency: how many requests are under way at a time, until their responses have ended or
      were given up; 0 for any number;
    - max_waiting: how many may wait for their turn; one more fails at once; 0 for any number.

    Who has to wait is served first come, first served. Each redirect and each further attempt is a
    request. Raises ValueError for a limit that makes no sense.
    """

    requests: int | None = None
    per: float = 1.0
    burst: int = 1
    strict: bool = False
    concurrency: int = 0
    max_waiting: int = 0

    def __post_init__(self) -> None:
        for name, least in (("requests", 1), ("burst", 1), ("concurrency", 0), ("max_waiting", 0)):
            value = getattr(self, name)
            if value is None and name == "requests":
                continue
            if not isinstance(value, int) or not least <= value < 2**32:
                raise ValueError(f"{name} must be a whole number from {least} on, got {value!r}")
        per: object = self.per
        if not isinstance(per, (int, float)) or not 0 < per < 1e9:
            raise ValueError(f"per must be a number of seconds above 0, got {per!r}")
        if self.requests is None and not self.concurrency:
            raise ValueError("a HostLimit without requests and concurrency limits nothing")


class HostLimits:
    """The limits of one connector, by host."""

    def __init__(
        self, limits: HostLimit | Mapping[str, HostLimit], loop: asyncio.AbstractEventLoop
    ) -> None:
        if isinstance(limits, HostLimit):
            limits = {OTHERS: limits}
        self._by_name: dict[str, HostLimit] = {}
        # What a caller without types can give.
        given: Any = limits
        for name, limit in given.items():
            if not isinstance(name, str) or not isinstance(limit, HostLimit):
                raise TypeError(
                    "host_limits must be a HostLimit, or a mapping of hosts to such, got "
                    f"{name!r}: {limit!r}"
                )
            if not name or "/" in name:
                raise ValueError(
                    f"host_limits: {name!r} is no host; 'example.org', 'example.org:8080' or '*'"
                )
            self._by_name[name.lower()] = limit
        self._loop = loop
        self._limiters: dict[str, tuple[_aioxide.HostLimiter, HostLimit]] = {}
        self._used_at: dict[str, float] = {}

    def limiter_for(self, url: URL) -> _aioxide.HostLimiter | None:
        """Who decides when a URL may be asked for; None where nobody does."""
        host = (url.raw_host or "").lower()
        for name in (f"{host}:{url.port}", host, OTHERS):
            limit = self._by_name.get(name)
            if limit is not None:
                # Hosts that have no limit by name have one each.
                return self._limiter(host if name == OTHERS else name, limit)
        return None

    def _limiter(self, name: str, limit: HostLimit) -> _aioxide.HostLimiter:
        now = self._loop.time()
        found = self._limiters.get(name)
        if found is None:
            if len(self._limiters) >= KEPT:
                self._forget(now)
            loop: Any = self._loop
            found = _aioxide.HostLimiter(loop, **dataclasses.asdict(limit)), limit
            self._limiters[name] = found
        self._used_at[name] = now
        return found[0]

    def _forget(self, now: float) -> None:
        """Forget the hosts that nobody has asked for so long that they are as new."""
        for name, (limiter, limit) in list(self._limiters.items()):
            if now - self._used_at[name] > limit.per and not any(limiter.stats().values()):
                del self._limiters[name], self._used_at[name]

    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return sum(limiter.stats()["waiting"] for limiter, _ in self._limiters.values())

    def close(self) -> None:
        """Cancel those who wait."""
        for limiter, _ in self._limiters.values():
            limiter.close()
