"""How long a program takes for one time of what it does.

It first runs a few times to warm up and to find the count that fills the seconds, then three times,
of which the fastest counts: what the others have more is the machine's.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

#: Takes a count, does its thing that many times, and returns the seconds it took.
Program = Callable[[int], Awaitable[float]]
REPEATS = 3


async def measure(program: Program, unit: int, seconds: float) -> dict[str, float]:
    """Nanoseconds for one time: on the clock, and of CPU in all threads.

    Counts are multiples of the unit.
    """
    count = max(unit, 500)
    while (took := await program(count)) < seconds / 10:
        count *= 2
    count = max(unit, round(count * seconds / took) // unit * unit)
    clock, cpu = [], []
    for _ in range(REPEATS):
        before = time.process_time()
        clock.append(await program(count))
        cpu.append(time.process_time() - before)
    return {"ns": min(clock) / count * 1e9, "cpu": min(cpu) / count * 1e9}
