"""TLS 1.3: what a message costs, and what a connection costs."""

from __future__ import annotations

from ..model import Goal, Metric, Row, Settings, Subject
from . import serving

KINDS = {"protocol": "`Protocol`", "buffered": "`BufferedProtocol`", "streams": "streams"}
SIZES = {1000: "1 kB", 100_000: "100 kB"}
CONNECTIONS = (10, 100)

NEW_RATE = Metric("new_rate", "thousand new connections a second", more_is_better=True, digits=2)
NEW_CPU = Metric("new_cpu", "server CPU, µs a new connection", digits=1)

ON_PAR = (Goal("cpu", 1.0),)


class Tls(Subject):
    name = "tls"
    title = "TLS"
    note = (
        "TLS 1.3, a certificate with a key on P-256. Echo as in the subject `echo`; and new "
        "connections, ten clients at a time: connect, full handshake, 100 B and their echo, "
        "`close_notify`, close."
    )
    metrics = (serving.CPU, serving.RATE, NEW_CPU, NEW_RATE)
    needs_load = True

    def rows(self) -> list[Row]:
        echo = [
            Row(
                f"{title}, {SIZES[size]}, {connections} conn.",
                ("cpu", "rate"),
                {"kind": kind, "size": size, "connections": connections},
                ON_PAR,
            )
            for kind, title in KINDS.items()
            for size in SIZES
            for connections in CONNECTIONS
        ]
        new = [
            Row(
                f"new connections, {KINDS[kind]}",
                ("new_cpu", "new_rate"),
                {"kind": kind},
                (Goal("new_cpu", 1.0),),
            )
            for kind in ("protocol", "streams")
        ]
        return echo + new

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        server = [row.parameters["kind"], "--tls"]
        if "size" not in row.parameters:
            options = {"--size": 100, "--connections": 10}
            found = serving.measure(loop, server, [], "connect", options, settings, flags=["--tls"])
            return {"new_cpu": found["cpu"], "new_rate": found["rate"]}
        options = {
            "--size": row.parameters["size"],
            "--connections": row.parameters["connections"],
        }
        return serving.measure(loop, server, [], "echo", options, settings, flags=["--tls"])
