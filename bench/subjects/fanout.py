"""What an item costs in a fan-out, and a call in a thread; and what a million items hold."""

from __future__ import annotations

import sys

from .. import processes
from ..model import Metric, Row, Settings, Subject

PROGRAMS = (
    ("`amap`, calls that end at once", "amap"),
    ("`amap`, calls of one `sleep(0)`", "amap_turn"),
    ("`amap` with timeout, retry and limiter", "amap_everything"),
    ("`stream`", "stream"),
    ("by hand: 1,000 tasks and a semaphore", "semaphore"),
    ("`asyncio.gather` of 1,000, each", "gather"),
    ("`gather(limit=100)` of 1,000, each", "gather_limit"),
    ("`threaded(int)`", "threaded"),
    ("`run_in_executor(None, int)`", "executor"),
    ("`threaded(int)`, 20 at a time", "threaded_many"),
    ("`run_in_executor(None, int)`, 20 at a time", "executor_many"),
)
HELD = (("a million items by `amap`", "amap"), ("a million items by `stream`", "stream"))
ITEMS, QUICK_ITEMS = 1_000_000, 20_000


class FanOut(Subject):
    name = "fanout"
    title = "Fan-out"
    note = (
        "aioxide's functions, on every loop. Time and CPU time (of all threads) for an item or a "
        "call, the best of three runs in a process of its own, pinned to one core, with a limit of "
        "100. The calls do nothing, so all of it is overhead. *Memory* is the most that was "
        "resident over what was before the first item, which a generator makes; `amap` returns a "
        "list, of 8 MB for a million."
    )
    metrics = (
        Metric("ns", "nanoseconds"),
        Metric("cpu", "nanoseconds of CPU"),
        Metric("peak", "memory, MB", digits=1, resolution=0.1),
    )

    def rows(self) -> list[Row]:
        timed = [Row(title, ("ns", "cpu"), {"program": name}) for title, name in PROGRAMS]
        held = [Row(title, ("peak",), {"program": name, "held": True}) for title, name in HELD]
        return [*timed, *held]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        command = [sys.executable, "-m", "bench.programs.fanout", loop, row.parameters["program"]]
        if row.parameters.get("held"):
            command += ["--items", str(QUICK_ITEMS if settings.quick else ITEMS)]
            found = processes.run_json(command, settings.time_limit, processes.LOAD_CORE)
            return {"peak": found["peak"] / 1e6}
        command.append(str(settings.seconds / 4))
        found = processes.run_json(command, settings.time_limit, processes.LOAD_CORE)
        return {key: float(found[key]) for key in row.metrics}
