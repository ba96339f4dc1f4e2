"""Responses that the server writes in two pieces, as HTTP servers write a head and a body."""

from __future__ import annotations

from ..model import Row, Settings, Subject
from . import serving

REQUEST, RESPONSE, CONNECTIONS = 100, 1150, 50


class Responses(Subject):
    name = "responses"
    title = "Responses in one and in two writes"
    note = (
        f"A request of {REQUEST} B, a response of {RESPONSE} B (a head of 150 B and a body), "
        f"{CONNECTIONS} connections. The limit always answers by one write."
    )
    metrics = (serving.CPU, serving.RATE)
    has_limit = True
    needs_load = True

    def rows(self) -> list[Row]:
        return [
            Row(f"{title}, {count}", ("cpu", "rate"), {"kind": kind, "writes": writes})
            for kind, title in (("protocol", "`Protocol`"), ("streams", "streams"))
            for writes, count in ((1, "one write"), (2, "two writes"))
        ]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        sizes = ["--request", str(REQUEST), "--response", str(RESPONSE)]
        server = [row.parameters["kind"], *sizes, "--writes", str(row.parameters["writes"])]
        options = {"--size": REQUEST, "--response": RESPONSE, "--connections": CONNECTIONS}
        return serving.measure(loop, server, sizes, "twowrite", options, settings)
