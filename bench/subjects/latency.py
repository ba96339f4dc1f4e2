"""How long I/O waits while tasks keep the loop busy."""

from __future__ import annotations

from ..model import Goal, Row, Settings, Subject
from . import serving

SPINNING = 3


class Latency(Subject):
    name = "latency"
    title = "Latency of I/O under load"
    note = (
        f"Echo of 100 B while {SPINNING} tasks spin on `sleep(0)` in the server: a loop that polls "
        "rarely while work is ready looks fast elsewhere and slow here."
    )
    metrics = (serving.P50, serving.P99)
    needs_load = True

    def rows(self) -> list[Row]:
        return [
            Row(
                f"{title}, {connections} conn.",
                ("p50", "p99"),
                {"kind": kind, "connections": connections},
                (Goal("p99", 1.0, "uvloop"),),
            )
            for kind, title in (("protocol", "`Protocol`"), ("streams", "streams"))
            for connections in (1, 10)
        ]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        server = [row.parameters["kind"], "--spin", str(SPINNING)]
        options = {"--size": 100, "--connections": row.parameters["connections"]}
        return serving.measure(loop, server, [], "echo", options, settings)
