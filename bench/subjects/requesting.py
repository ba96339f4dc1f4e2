"""What the subjects that measure HTTP clients have in common: one server, one client, its figures.

The roles are reversed: the native server never sleeps, on the core of the load generator, and what
is measured is the client, by its own count and its own clocks.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from ..clients import AIOHTTP, HTTP, RUST
from ..model import LIMIT, Client, Goal, MeasureError, Metric, Row, Settings, Subject
from ..processes import Service

RATE = Metric("rate", "requests a second", more_is_better=True)
CPU = Metric("cpu", "client CPU, µs a request", digits=1)
MEMORY = Metric("memory", "kB of memory", digits=1, resolution=0.1)

#: No row may be slower than what users have today.
NO_WORSE = (Goal("rate", 1.0, AIOHTTP), Goal("cpu", 1.0, AIOHTTP))
#: Where a client matters most: small responses, many at a time.
FASTER = (
    Goal("rate", 3.0, AIOHTTP),
    Goal("cpu", 3.0, AIOHTTP),
    Goal("rate", 1.5, among=RUST),
    Goal("cpu", 1.5, among=RUST),
)


def row(
    name: str,
    work: str,
    path: str,
    concurrency: int,
    goals: Sequence[Goal] = NO_WORSE,
    without: Sequence[str] = (),
    **parameters: Any,
) -> Row:
    """`size` is that of the response's body, or of the request's in an upload."""
    asked = {"work": work, "path": path, "concurrency": concurrency, "size": 1000, **parameters}
    return Row(name, ("rate", "cpu"), asked, tuple(goals), tuple(without))


class Requesting(Subject):
    metrics = (RATE, CPU)
    clients = HTTP
    has_limit = True
    needs_load = True

    def request(
        self, row: Row, name: str, settings: Settings, identity: Sequence[str], authority: str
    ) -> dict[str, float]:
        """Start the server, with TLS if it has an identity, and the client on it."""
        asked = row.parameters
        hosts = str(asked.get("hosts", 1))
        limit = settings.time_limit
        with Service(settings.load, ["--hosts", hosts, *identity], limit) as service:
            if name == LIMIT:
                command = fetch(asked, service.port, settings, is_tls=bool(identity))
            else:
                scheme = "https" if identity else "http"
                url = f"{scheme}://127.0.0.1:{service.port}{asked['path']}"
                command = program(self.clients[name], asked, url, settings)
                command += ["--authority", authority, "--hosts", hosts]
            found = service.measure(command, limit)
        if "bytes" in found:
            return {"memory": found["bytes"] / 1e3}
        return figures(found)


def program(client: Client, asked: dict[str, Any], url: str, settings: Settings) -> list[str]:
    command = [sys.executable, "-m", "bench.programs.http_clients"]
    command += [client.loop, client.library, client.module, asked["work"], url]
    command += ["--size", str(asked["size"]), "--concurrency", str(asked["concurrency"])]
    command += ["--per-host", str(asked.get("per_host", 0))]
    # As many as there are tasks, unless the pool has to hold more.
    command += ["--connections", str(asked.get("connections", 0))]
    return [*command, "--seconds", str(settings.seconds), "--warmup", str(settings.warmup)]


def fetch(asked: dict[str, Any], port: int, settings: Settings, *, is_tls: bool) -> list[str]:
    """The same by hyper alone."""
    command = [settings.load, "fetch", "--port", str(port), "--target", asked["path"]]
    command += ["--connections", str(asked["concurrency"]), "--hosts", str(asked.get("hosts", 1))]
    if asked["work"] in ("json", "upload"):
        command += ["--body", str(asked["size"])]
    else:
        command += ["--expect", str(asked["size"])]
    if is_tls:
        command.append("--tls")
    return [*command, "--seconds", str(settings.seconds), "--warmup", str(settings.warmup)]


def figures(found: dict[str, Any]) -> dict[str, float]:
    """Of a client in Python, or of the limit."""
    completed = found["completed"] if "completed" in found else found["messages"]
    cpu = found["cpu_seconds"] if "cpu_seconds" in found else found["client_cpu_seconds"]
    if not completed:
        raise MeasureError("nothing was completed in the measured window")
    return {"rate": completed / found["seconds"], "cpu": cpu / completed * 1e6}
