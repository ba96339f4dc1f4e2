"""Short connections: accept, one message, close."""

from __future__ import annotations

from ..model import Metric, Row, Settings, Subject
from . import serving

RATE = Metric("rate", "thousand connections a second", more_is_better=True, digits=2)
CPU = Metric("cpu", "server CPU, µs a connection", digits=1)


class Connections(Subject):
    name = "connections"
    title = "Short connections"
    note = "Connect, send 100 B, await their echo, close, again; ten clients at a time."
    metrics = (CPU, RATE)
    has_limit = True
    needs_load = True

    def rows(self) -> list[Row]:
        return [
            Row(title, ("cpu", "rate"), {"kind": kind})
            for kind, title in (("protocol", "`Protocol`"), ("streams", "streams"))
        ]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        options = {"--size": 100, "--connections": 10}
        return serving.measure(loop, [row.parameters["kind"]], [], "connect", options, settings)
