"""A thousand children, spawned and reaped."""

from __future__ import annotations

import sys

from .. import processes
from ..model import Goal, Metric, Row, Settings, Subject
from ..processes import SERVER_CORE

PROGRAMS = (
    ("no pipes", "plain"),
    ("output through a pipe", "piped"),
)

#: Where the parent and its children share a core, wall time is the sum of what all of them do.
#: Elsewhere it also depends on whether a parent that wakes takes the core from the child that has
#: just begun, which the kernel goes on doing, or not doing, for the life of the parent.
SHARED = (Goal("us", 1.0, "asyncio"),)
APART = (Goal("cpu", 1.0, "asyncio"),)


class Subprocesses(Subject):
    name = "subprocesses"
    title = "A thousand subprocesses"
    note = (
        "`true`, a thousand times, fifty at a time: time for one, and CPU time of the program that "
        "spawns it (of all threads). Most of both is the kernel's and `subprocess.Popen`'s. On the "
        "cores of the machine, and all on one: on two, a run of any loop has one of two speeds to "
        "its end. In the faster, 0.8 of the children lose their core to the parent while they "
        "start, in the slower 0.1, and 30 % of the machine is idle."
    )
    metrics = (
        Metric("us", "microseconds", digits=0),
        Metric("cpu", "microseconds of CPU", digits=0),
    )

    def rows(self) -> list[Row]:
        return [
            Row(f"{title}{where}", ("us", "cpu"), {"program": program, "core": core}, goals)
            for title, program in PROGRAMS
            for where, core, goals in (("", None, APART), (", one core", SERVER_CORE, SHARED))
        ]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        command = [sys.executable, "-m", "bench.programs.subprocesses", loop]
        command.append(row.parameters["program"])
        found = processes.run_json(command, settings.time_limit, row.parameters["core"])
        return {key: float(found[key]) for key in row.metrics}
