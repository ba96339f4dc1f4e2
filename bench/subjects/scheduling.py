"""What one step of the scheduler costs."""

from __future__ import annotations

import sys

from .. import processes
from ..model import Goal, Metric, Row, Settings, Subject

ON_PAR = (Goal("ns", 0.95),)

#: Title, program, and whether aioxide is to be on par with the best peer.
PROGRAMS = (
    ("`call_soon` chain", "call_soon", True),
    ("`call_soon` chain, no I/O registered", "call_soon", True),
    ("`sleep(0)`", "sleep_zero", True),
    ("spawn and await", "spawn", True),
    ("`gather` of 1,000, each", "gather", False),
    ("`Queue(1)` put and get", "queue", False),
    ("`Event` there and back", "event", False),
    ("`async with timeout` round a step", "timeout", False),
    ("`call_later`, fire", "call_later_fire", True),
    ("`call_later`, cancel", "call_later_cancel", True),
    ("`call_soon_threadsafe` from a thread", "threadsafe", True),
    ("`run_in_executor(None, int)`", "executor", False),
)
#: Programs with a second thread: on one core they would measure the scheduler of the kernel.
THREADED = ("threadsafe", "executor")


class Scheduling(Subject):
    name = "scheduling"
    title = "Scheduling"
    note = (
        "Time and CPU time (of all threads) for one, the best of three runs in a process of its "
        "own. They agree on a quiet machine; on a busy one the CPU time holds. An idle socket "
        "with a reader is registered, except in the row that says otherwise. Pinned to one core, "
        "except the two rows with a second thread."
    )
    metrics = (Metric("ns", "nanoseconds"), Metric("cpu", "nanoseconds of CPU"))

    def rows(self) -> list[Row]:
        return [
            Row(
                title,
                ("ns", "cpu"),
                {"program": program, "no_io": title.endswith("no I/O registered")},
                ON_PAR if on_par else (),
            )
            for title, program, on_par in PROGRAMS
        ]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        program = row.parameters["program"]
        command = [sys.executable, "-m", "bench.programs.scheduling"]
        command += [loop, program, str(settings.seconds / 4)]
        if row.parameters["no_io"]:
            command.append("--no-io")
        core = None if program in THREADED else processes.LOAD_CORE
        found = processes.run_json(command, settings.time_limit, core)
        return {key: float(found[key]) for key in row.metrics}
