"""What being watched costs: everything at default, beside everything switched off."""

from __future__ import annotations

from ..loops import OURS, UNWATCHED
from ..model import Goal, Metric, Row, Settings, Subject
from . import serving
from .echo import Echo
from .scheduling import Scheduling

#: At most 2 % dearer.
GOALS = {key: (Goal(key, 0.98, UNWATCHED),) for key in ("ns", "cpu")}
ECHO = {"size": 1000, "connections": 100}


class Diagnostics(Subject):
    name = "diagnostics"
    title = "The cost of diagnostics"
    note = (
        "Everything at default (a thread that watches for blocked loops, where each task was "
        "spawned, who cancelled it, lost exceptions) beside `Diagnostics.off()`, on the same "
        "programs as in the subjects `scheduling` and `echo`. What the loop counts of each step it "
        "counts in both columns."
    )
    metrics = (Metric("ns", "nanoseconds"), serving.CPU, serving.RATE)
    needs_load = True
    loops = (OURS, UNWATCHED)

    def __init__(self) -> None:
        self._scheduling, self._echo = Scheduling(), Echo()

    def rows(self) -> list[Row]:
        steps = [
            Row(row.name, ("ns",), {**row.parameters, "subject": "scheduling"}, GOALS["ns"])
            for row in self._scheduling.rows()
            if row.parameters["program"] != "executor"
        ]
        echo = [
            Row(row.name, ("cpu", "rate"), {**row.parameters, "subject": "echo"}, GOALS["cpu"])
            for row in self._echo.rows()
            if ECHO.items() <= row.parameters.items()
        ]
        return [*steps, *echo]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        subject = self._echo if row.parameters["subject"] == "echo" else self._scheduling
        return subject.measure(row, loop, settings)
