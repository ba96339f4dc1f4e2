"""Echo over a Unix socket: what a message costs, by API, number of connections and size."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..model import Goal, Row, Settings, Subject
from . import serving

KINDS = {"protocol": "`Protocol`", "buffered": "`BufferedProtocol`", "streams": "streams"}
SIZES = {100: "100 B", 1000: "1 kB", 100_000: "100 kB"}
CONNECTIONS = (1, 100)


class Unix(Subject):
    name = "unix"
    title = "Echo over a Unix socket"
    note = (
        "As TCP echo, on a Unix socket in a temporary directory. There is no network stack between "
        "the two, so the loop's own share of a message is larger."
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
                (Goal("cpu", 1.0),) if (size, connections) == (1000, 100) else (),
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
        with tempfile.TemporaryDirectory() as directory:
            path = str(Path(directory, "socket"))
            server = [row.parameters["kind"]]
            return serving.measure(loop, server, [], "echo", options, settings, path=path)
