"""TCP echo: what a message costs, by API, number of connections and size."""

from __future__ import annotations

from ..model import LIMIT, Goal, Row, Settings, Subject
from . import serving

KINDS = {"protocol": "`Protocol`", "buffered": "`BufferedProtocol`", "streams": "streams"}
SIZES = {100: "100 B", 1000: "1 kB", 10_000: "10 kB", 100_000: "100 kB"}
CONNECTIONS = (1, 10, 100)

#: The goals are set where a loop matters most: many connections, small messages.
GOALS = {
    "protocol": (Goal("cpu", 1.0), Goal("cpu", 0.85, LIMIT)),
    "buffered": (Goal("cpu", 1.0),),
    "streams": (Goal("cpu", 1.15),),
}


class Echo(Subject):
    name = "echo"
    title = "TCP echo"
    note = (
        "A server in a process of its own on one core, the load generator on another. Closed "
        "loop: each connection sends its next message when the last has come back whole. The "
        "limit is a bare epoll server that does one read and one write a message."
    )
    metrics = (serving.CPU, serving.RATE)
    has_limit = True
    needs_load = True

    def rows(self) -> list[Row]:
        return [
            Row(
                f"{title}, {SIZES[size]}, {connections} conn.",
                ("cpu", "rate"),
                {"kind": kind, "size": size, "connections": connections},
                GOALS[kind] if (size, connections) == (1000, 100) else (),
            )
            for kind, title in KINDS.items()
            for size in SIZES
            for connections in CONNECTIONS
        ]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        options = {
            "--size": row.parameters["size"],
            "--connections": row.parameters["connections"],
        }
        return serving.measure(loop, [row.parameters["kind"]], [], "echo", options, settings)
