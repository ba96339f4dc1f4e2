"""HTTP clients: what a request costs, by what is asked for and how many at a time."""

from __future__ import annotations

from ..model import LIMIT, Row, Settings
from .requesting import CPU, FASTER, MEMORY, NO_WORSE, RATE, Requesting, row

MEGABYTE = 1_000_000
HOSTS, PER_HOST = 100, 2
CONNECTIONS, SESSIONS = 500, 50


class Http(Requesting):
    name = "http"
    title = "HTTP clients"
    note = (
        "The client on one core, with all its threads; a native server that never sleeps on the "
        "other. Tasks in closed loops on one session; each response is checked by its status, its "
        f"length and how it begins. *Many hosts*: {HOSTS} addresses in turn, with a limit of "
        f"{PER_HOST} connections to each where a library has one. Memory: for each of "
        f"{CONNECTIONS} connections that are open together, and for each of {SESSIONS} sessions. "
        "The limit is hyper on bare epoll, in one thread, without Python."
    )
    metrics = (RATE, CPU, MEMORY)

    def rows(self) -> list[Row]:
        kilobyte = [
            row(
                f"GET 1 kB, {count} at a time",
                "get",
                "/bytes/1000",
                count,
                FASTER if count == 50 else NO_WORSE,
            )
            for count in (1, 50, 500)
        ]
        megabyte = [
            row(f"GET 1 MB, {how}, 10 at a time", work, f"/bytes/{MEGABYTE}", 10, size=MEGABYTE)
            for how, work in (("whole", "get"), ("by the chunk", "stream"))
        ]
        # hyper does not decode.
        packed = row(
            "GET 100 kB in gzip, 10 at a time",
            *("get", "/gzip/100000", 10, NO_WORSE, [LIMIT]),
            size=100_000,
        )
        return [
            *kilobyte,
            row(
                "GET 1 kB, many hosts",
                *("hosts", "/bytes/1000", 50),
                hosts=HOSTS,
                per_host=PER_HOST,
                connections=HOSTS * PER_HOST,
            ),
            row("GET 1 kB, new connections, 10 at a time", "get", "/close/1000", 10),
            packed,
            *megabyte,
            row("POST JSON, 50 at a time", "json", "/json", 50, size=160),
            row("POST 10 MB, 2 at a time", "upload", "/upload", 2, size=10 * MEGABYTE),
            memory("an idle connection", "connections", CONNECTIONS),
            memory("a session", "sessions", SESSIONS),
        ]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        return self.request(row, loop, settings, [], "")


def memory(name: str, work: str, count: int) -> Row:
    asked = {"work": work, "path": "/bytes/1000", "size": 1000, "concurrency": count}
    return Row(name, ("memory",), asked, without=(LIMIT,))
