"""What a message and a chunk cost through pipes."""

from __future__ import annotations

import sys

from .. import processes
from ..model import Goal, Metric, Row, Settings, Subject

PROGRAMS = (
    ("there and back, 100 B, 1 pair", "trip"),
    ("there and back, 100 B, 50 pairs", "many_trips"),
    ("64 KiB through `Protocol`", "throughput"),
    ("64 KiB through streams", "streams"),
)


class Pipes(Subject):
    name = "pipes"
    title = "Pipes"
    note = (
        "`connect_read_pipe` and `connect_write_pipe`, both ends in one loop on one core: time and "
        "CPU time for one trip there and back, or for one chunk, the best of three runs."
    )
    metrics = (Metric("ns", "nanoseconds"), Metric("cpu", "nanoseconds of CPU"))

    def rows(self) -> list[Row]:
        return [
            Row(title, ("ns", "cpu"), {"program": program}, (Goal("cpu", 1.0),))
            for title, program in PROGRAMS
        ]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        command = [sys.executable, "-m", "bench.programs.pipes", loop]
        command += [row.parameters["program"], str(settings.seconds / 4)]
        found = processes.run_json(command, settings.time_limit, processes.LOAD_CORE)
        return {key: float(found[key]) for key in row.metrics}
