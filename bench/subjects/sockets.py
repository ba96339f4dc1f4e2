"""Echo by `sock_recv` and `sock_sendall`: what a message costs with sockets of one's own."""

from __future__ import annotations

from ..model import Goal, Row, Settings, Subject
from . import serving

CONNECTIONS = (1, 10, 50, 100)
SIZE = 1000


class Sockets(Subject):
    name = "sockets"
    title = "Echo by `sock_recv` and `sock_sendall`"
    note = (
        "A task for each connection, which waits for a message of 1 kB and sends it back. Server "
        "and load generator as with TCP echo."
    )
    metrics = (serving.CPU, serving.RATE)
    has_limit = True
    needs_load = True

    def rows(self) -> list[Row]:
        return [
            Row(
                f"1 kB, {connections} conn.",
                ("cpu", "rate"),
                {"connections": connections},
                (Goal("cpu", 1.2),) if connections > 1 else (),
            )
            for connections in CONNECTIONS
        ]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        options = {"--size": SIZE, "--connections": row.parameters["connections"]}
        return serving.measure(loop, ["sockets"], [], "echo", options, settings)
