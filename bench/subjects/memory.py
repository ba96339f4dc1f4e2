"""Memory: for each idle connection, and for a million timers."""

from __future__ import annotations

import resource
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

from .. import processes
from ..model import MeasureError, Metric, Row, Settings, Subject
from ..processes import Server

MESSAGE = b"m" * 100
WARM = 200
CONNECTIONS, QUICK_CONNECTIONS = 1000, 200
TIMERS, QUICK_TIMERS = 1_000_000, 50_000

CONNECTION = Metric("connection", "kB an idle connection", digits=2, resolution=0.01)
PEAK = Metric("peak", "most at a time, MB", digits=1, resolution=1.0)
HELD = Metric("held", "still held at the end, MB", digits=1, resolution=1.0)


class Memory(Subject):
    name = "memory"
    title = "Memory"
    note = (
        f"Resident memory of the process. {CONNECTIONS:,} connections, after the first {WARM}, "
        f"that have echoed one message and are idle; {TIMERS:,} timers by `call_later`, each "
        "cancelled at once, or all of them at the end."
    )
    metrics = (CONNECTION, PEAK, HELD)

    def rows(self) -> list[Row]:
        return [
            Row("idle connection, `Protocol`", ("connection",), {"kind": "protocol"}),
            Row("idle connection, streams", ("connection",), {"kind": "streams"}),
            Row("a million timers, each cancelled at once", ("peak", "held"), {"mode": "churn"}),
            Row("a million timers made, then cancelled", ("peak", "held"), {"mode": "hold"}),
        ]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        if "kind" in row.parameters:
            return {"connection": idle_connection(row.parameters["kind"], loop, settings) / 1e3}
        count = QUICK_TIMERS if settings.quick else TIMERS
        program = [sys.executable, "-m", "bench.programs.timers"]
        found = processes.run_json(
            [*program, loop, row.parameters["mode"], str(count)], settings.time_limit
        )
        return {"peak": found["peak"] / 1e6, "held": found["held"] / 1e6}


def idle_connection(kind: str, loop: str, settings: Settings) -> float:
    """Bytes that the server grows by for each connection beyond the first few."""
    count = QUICK_CONNECTIONS if settings.quick else CONNECTIONS
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with (
        Server(loop, [kind], [], settings.load, settings.time_limit) as server,
        ExitStack() as connections,
    ):
        try:
            connect(server.port, WARM, connections)
            before = resident(server.pid)
            connect(server.port, count, connections)
            return max(0, resident(server.pid) - before) / count
        except OSError as error:
            raise MeasureError(f"server {server.death() or error}") from error


def connect(port: int, count: int, connections: ExitStack) -> None:
    """Open connections and leave them open; the echo says that the server has them set up."""
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), timeout=5)
        connections.enter_context(connection)
        connection.sendall(MESSAGE)
        received = 0
        while received < len(MESSAGE):
            chunk = connection.recv(len(MESSAGE))
            if not chunk:
                raise ConnectionResetError("it closed the connection")
            received += len(chunk)


def resident(pid: int) -> int:
    """Bytes of resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise MeasureError("the server has ended")
