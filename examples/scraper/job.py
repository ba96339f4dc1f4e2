"""What one client is asked to do, as the parent tells it to the child."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Job:
    """Fetch every URL with the client named `arm`."""

    arm: str
    urls: list[str]
    # Requests at a time; 0 starts all of them at once.
    limit: int
    # Seconds that one request may take.
    timeout: float
    # Whether aioxide's amap throttles, on any loop, in place of tasks and a semaphore.
    amap: bool
    # Whether the environment's proxies apply; they cannot reach a site on loopback.
    proxies: bool

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        return cls(**json.loads(text))


USER_AGENT = "aioxide-scraper-example"

LABELS = {
    "threads": "threads + requests",
    "asyncio": "asyncio + aiohttp",
    "uvloop": "uvloop + aiohttp",
    "aioxide": "aioxide + aiohttp",
    "client": "aioxide.http",
}

# What each client imports, in the order in which it is missed.
NEEDS = {
    "threads": ("requests",),
    "asyncio": ("aiohttp",),
    "uvloop": ("uvloop", "aiohttp"),
    "aioxide": ("aioxide", "aiohttp"),
    "client": ("aioxide", "aiohttp"),
}
