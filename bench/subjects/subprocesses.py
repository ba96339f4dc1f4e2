"""A thousand children, spawned and reaped."""

from __future__ import annotations

import sys

from .. import processes
from ..model import Goal, Metric, Row, Settings, Subject

PROGRAMS = (
    ("no pipes", "plain"),
    ("output through a pipe", "piped"),
)


class Subprocesses(Subject):
    name = "subprocesses"
    title = "A thousand subprocesses"
    note = (
        "`true`, a thousand times, fifty at a time: time for one, and CPU time of the program that "
        "spawns it (of all threads). Most of both is the kernel's and `subprocess.Popen`'s."
    )
    metrics = (
        Metric("us", "microseconds", digits=0),
        Metric("cpu", "microseconds of CPU", digits=0),
    )

    def rows(self) -> list[Row]:
        return [
            Row(title, ("us", "cpu"), {"program": program}, (Goal("us", 0.97, "asyncio"),))
            for title, program in PROGRAMS
        ]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        command = [sys.executable, "-m", "bench.programs.subprocesses", loop]
        command.append(row.parameters["program"])
        found = processes.run_json(command, settings.time_limit)
        return {key: float(found[key]) for key in row.metrics}
