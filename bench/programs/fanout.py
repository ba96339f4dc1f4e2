"""The fan-out programs: `python -m bench.programs.fanout LOOP NAME {SECONDS | --items COUNT}`

Each program takes a count, does its thing for that many items, and returns the seconds it took.
With `--items` it prints the most memory that was resident over what was before.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import aioxide

from .. import loops
from . import child, timing
from .timers import resident
from .timing import Program

LIMIT = 100
BATCH = 1000
THREADS = 6
AT_ONCE = 20


async def at_once(item: int) -> None:
    pass


async def one_turn(item: int) -> None:
    await asyncio.sleep(0)


async def amap(call: Callable[[int], Awaitable[None]], count: int) -> float:
    items = (item for item in range(count))
    start = time.perf_counter()
    await aioxide.amap(call, items, limit=LIMIT)
    return time.perf_counter() - start


async def amap_with_everything(count: int) -> float:
    """A time limit, repetitions and a limiter that never holds anything."""
    start = time.perf_counter()
    await aioxide.amap(
        at_once,
        range(count),
        limit=LIMIT,
        timeout=60,
        retry=3,
        rate=aioxide.Limiter(concurrency=LIMIT),
    )
    return time.perf_counter() - start


async def stream(count: int) -> float:
    items = (item for item in range(count))
    start = time.perf_counter()
    async for _ in aioxide.stream(at_once, items, limit=LIMIT):
        pass
    return time.perf_counter() - start


async def semaphore(count: int) -> float:
    """What people write by hand: all tasks at once, and a semaphore in each."""
    places = asyncio.Semaphore(LIMIT)

    async def call(item: int) -> None:
        async with places:
            await at_once(item)

    start = time.perf_counter()
    for _ in range(count // BATCH):
        await asyncio.gather(*[call(item) for item in range(BATCH)])
    return time.perf_counter() - start


async def gather(limit: int | None, count: int) -> float:
    """Without a limit it is asyncio's."""
    start = time.perf_counter()
    for _ in range(count // BATCH):
        await aioxide.gather(*[at_once(item) for item in range(BATCH)], limit=limit)
    return time.perf_counter() - start


async def calls(make: Callable[[], Awaitable[object]], tasks: int, count: int) -> float:
    """Calls in threads, by so many tasks."""
    left = count

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await make()

    start = time.perf_counter()
    await asyncio.gather(*[work() for _ in range(tasks)])
    return time.perf_counter() - start


async def in_threads(tasks: int, count: int) -> float:
    return await calls(aioxide.threaded(int, limit=THREADS), tasks, count)


async def in_executor(tasks: int, count: int) -> float:
    run = asyncio.get_running_loop().run_in_executor
    return await calls(lambda: run(None, int), tasks, count)


#: Each program and the counts it can do: a multiple of the number.
PROGRAMS: dict[str, tuple[Program, int]] = {
    "amap": (partial(amap, at_once), 1),
    "amap_turn": (partial(amap, one_turn), 1),
    "amap_everything": (amap_with_everything, 1),
    "stream": (stream, 1),
    "semaphore": (semaphore, BATCH),
    "gather": (partial(gather, None), BATCH),
    "gather_limit": (partial(gather, LIMIT), BATCH),
    "threaded": (partial(in_threads, 1), 1),
    "executor": (partial(in_executor, 1), 1),
    "threaded_many": (partial(in_threads, AT_ONCE), 1),
    "executor_many": (partial(in_executor, AT_ONCE), 1),
}


async def main(options: argparse.Namespace) -> None:
    program, unit = PROGRAMS[options.program]
    if options.items is None:
        child.answer(**await timing.measure(program, unit, options.seconds))
        return
    await program(BATCH)
    gc.collect()
    # 5 sets the high-water mark of the process to what is resident now.
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    await program(options.items)
    child.answer(peak=resident("VmHWM") - before)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("loop")
    parser.add_argument("program", choices=PROGRAMS)
    parser.add_argument("seconds", type=float, nargs="?", default=1.0)
    parser.add_argument("--items", type=int)
    arguments = parser.parse_args()
    child.begin()
    with asyncio.Runner(loop_factory=loops.factory(arguments.loop)) as runner:
        runner.run(main(arguments))
