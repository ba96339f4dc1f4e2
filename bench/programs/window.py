"""Steps in closed loops: what they complete between two looks at the clocks.

```
start       every loop has gone round, and the warm-up is over     the end
  |                        | counted                                 | what is on its way: uncounted
```
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from . import child

#: One request and its check, for example.
Step = Callable[[], Awaitable[None]]


@dataclass
class Counter:
    completed: int = 0
    #: How many loops have gone round once.
    warm: int = 0
    ended: bool = False

    async def repeat(self, step: Step) -> None:
        await step()
        self.warm += 1
        while not self.ended:
            await step()
            self.completed += 1

    async def watch(self, loops: int, seconds: float, warmup: float) -> dict[str, float]:
        """The clocks are read by the measured process itself, CPU time of all its threads."""
        await asyncio.sleep(warmup)
        while self.warm < loops:
            await asyncio.sleep(0.005)
        completed, cpu, start = self.completed, time.process_time(), time.perf_counter()
        await asyncio.sleep(seconds)
        # Steps that are slow end in bursts, one of each loop.
        while self.completed - completed < loops:
            await asyncio.sleep(0.005)
        end, cpu_end = time.perf_counter(), time.process_time()
        return {
            "completed": self.completed - completed,
            "seconds": end - start,
            "cpu_seconds": cpu_end - cpu,
        }


async def measure(steps: Sequence[Step], seconds: float, warmup: float) -> None:
    """Repeat each step in a task of its own, and print what was counted."""
    counter = Counter()
    gc.collect()
    tasks = [asyncio.ensure_future(counter.repeat(step)) for step in steps]
    watching = asyncio.ensure_future(counter.watch(len(steps), seconds, warmup))
    done, rest = await asyncio.wait([watching, *tasks], return_when=asyncio.FIRST_COMPLETED)
    failed = done - {watching}
    if failed:
        # A loop that has ended by now has failed: that, and nothing of the others, is to be told.
        for task in rest:
            task.cancel()
        await asyncio.gather(watching, *tasks, return_exceptions=True)
        failed.pop().result()
    child.answer(**watching.result())
    counter.ended = True
    await asyncio.gather(*tasks)
