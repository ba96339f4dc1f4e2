"""What the subjects that load a server have in common: one server, one load, its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..model import MeasureError, Metric, Settings
from ..processes import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

RATE = Metric("rate", "thousand messages a second", more_is_better=True, digits=1)
CPU = Metric("cpu", "server CPU, µs a message", digits=2)
P50 = Metric("p50", "p50, µs", digits=1)
P99 = Metric("p99", "p99, µs", digits=1)


def measure(
    loop: str,
    server: list[str],
    limit: list[str],
    command: str,
    options: dict[str, Any],
    settings: Settings,
    *,
    flags: Sequence[str] = (),
    path: str = "",
) -> dict[str, float]:
    """Start the server, load it, stop it: rate, CPU time a message, and latency.

    With a path it serves a Unix socket there.
    """
    timing = {"--seconds": settings.seconds, "--warmup": settings.warmup}
    with Server(loop, server, limit, settings.load, settings.time_limit, path) as running:
        found = running.load(
            settings.load, command, {**options, **timing}, settings.time_limit, flags
        )
    messages = found["messages"]
    if not messages or found["server_cpu_seconds"] is None:
        raise MeasureError("no message came through in the measured window")
    return {
        "rate": messages / found["seconds"] / 1e3,
        "cpu": found["server_cpu_seconds"] / messages * 1e6,
        "p50": found["latency_us"]["p50"],
        "p99": found["latency_us"]["p99"],
    }
