"""What timers cost in memory: `python -m bench.programs.timers LOOP {churn,hold} COUNT`

`churn` cancels each timer as soon as it is made. `hold` makes all of them, then cancels all. Both
print the most memory that was resident over what was before the first timer, and what is still
held when the loop has turned a few times after the last one.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
from pathlib import Path

from .. import loops
from . import child

BATCH = 1000
TURNS = 10


def resident(field: str) -> int:
    """Bytes, by a field of /proc/self/status that is in kB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"/proc/self/status has no {field}")


async def churn(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count // BATCH):
        for _ in range(BATCH):
            loop.call_later(10, print).cancel()
        await asyncio.sleep(0)


async def hold(count: int) -> None:
    loop = asyncio.get_running_loop()
    # The list is no part of what the loop needs: it is there before the first timer.
    timers: list[asyncio.TimerHandle | None] = [None] * count
    for index in range(count):
        timers[index] = loop.call_later(600, print)
    await asyncio.sleep(0)
    for timer in timers:
        assert timer is not None
        timer.cancel()


async def main(options: argparse.Namespace) -> None:
    run = {"churn": churn, "hold": hold}[options.mode]
    await run(BATCH)
    gc.collect()
    # 5 sets the high-water mark of the process to what is resident now.
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    await run(options.count)
    gc.collect()
    for _ in range(TURNS):
        await asyncio.sleep(0)
    peak, after = resident("VmHWM"), resident("VmRSS")
    child.answer(peak=max(0, peak - before), held=max(0, after - before))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("loop")
    parser.add_argument("mode", choices=("churn", "hold"))
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    child.begin()
    with asyncio.Runner(loop_factory=loops.factory(arguments.loop)) as runner:
        runner.run(main(arguments))
