"""What a run is told, as far as whoever makes requests has to know it. It can be pickled."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """How requests are made. Times are seconds, sizes bytes."""

    #: Requests at a time, and those to one host.
    limit: int = 100
    per_host: int = 8
    #: From one request to a host to the next; 0 is any.
    interval: float = 0.0
    #: Further attempts after the first.
    retries: int = 3
    #: Of one attempt, with redirects and the body.
    timeout: float = 30.0
    #: The largest body, as it comes and as it is decompressed.
    max_size: int = 64 << 20
    user_agent: str = "aioxide-fetch"
    headers: tuple[tuple[str, str], ...] = ()
    #: Sent to the hosts of the list, and to no other that a redirect leads to.
    cookies: tuple[tuple[str, str], ...] = ()
    proxy: str | None = None
    #: Whether robots.txt holds.
    robots: bool = True
    #: Whether bodies stay compressed as they came.
    raw: bool = False
