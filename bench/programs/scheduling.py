"""The scheduling programs: `python -m bench.programs.scheduling LOOP NAME SECONDS [--no-io]`

Each program takes a count, does its thing that many times, and returns the seconds it took.

Unless told otherwise a socket with a reader is registered and idle, as in any program that does
I/O: a loop may not win by leaving out the poll.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import threading
import time

from .. import loops
from . import child, timing
from .timing import Program

BATCH = 1000
TIMER_BATCH = 20_000


async def call_soon(count: int) -> float:
    """A callback that schedules the next."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    left = count

    def step() -> None:
        nonlocal left
        left -= 1
        if left:
            loop.call_soon(step)
        else:
            done.set_result(None)

    start = time.perf_counter()
    loop.call_soon(step)
    await done
    return time.perf_counter() - start


async def sleep_zero(count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        await asyncio.sleep(0)
    return time.perf_counter() - start


async def nothing() -> None:
    pass


async def spawn(count: int) -> float:
    """Make a task that ends at once, and await it."""
    start = time.perf_counter()
    for _ in range(count):
        await asyncio.create_task(nothing())
    return time.perf_counter() - start


async def gather(count: int) -> float:
    """`gather` of 1,000 coroutines that end at once."""
    start = time.perf_counter()
    for _ in range(count // BATCH):
        await asyncio.gather(*[nothing() for _ in range(BATCH)])
    return time.perf_counter() - start


async def queue(count: int) -> float:
    """One task puts, another gets, through a queue that holds one item."""
    items: asyncio.Queue[int] = asyncio.Queue(1)

    async def produce() -> None:
        for item in range(count):
            await items.put(item)

    start = time.perf_counter()
    task = asyncio.create_task(produce())
    for _ in range(count):
        await items.get()
    await task
    return time.perf_counter() - start


async def event(count: int) -> float:
    """Two tasks wake each other in turn; one trip there and back counts as one."""
    ping, pong = asyncio.Event(), asyncio.Event()

    async def answer() -> None:
        for _ in range(count):
            await ping.wait()
            ping.clear()
            pong.set()

    start = time.perf_counter()
    task = asyncio.create_task(answer())
    for _ in range(count):
        ping.set()
        await pong.wait()
        pong.clear()
    await task
    return time.perf_counter() - start


async def timeout(count: int) -> float:
    """`async with asyncio.timeout(10)` round one step."""
    start = time.perf_counter()
    for _ in range(count):
        async with asyncio.timeout(10):
            await asyncio.sleep(0)
    return time.perf_counter() - start


async def call_later_fire(count: int) -> float:
    """Timers that come due.

    A shorter delay than a millisecond is none for uvloop, which then makes no timer at all. The
    batch is large enough for its first timers to be due before the last is made, so that next to
    nothing of the time is spent waiting.
    """
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    for _ in range(count // TIMER_BATCH):
        done = loop.create_future()
        left = TIMER_BATCH

        def fire(done: asyncio.Future[None] = done) -> None:
            nonlocal left
            left -= 1
            if not left:
                done.set_result(None)

        for _ in range(TIMER_BATCH):
            loop.call_later(0.001, fire)
        await done
    return time.perf_counter() - start


async def call_later_cancel(count: int) -> float:
    """Timers that are cancelled at once; the loop turns once in a thousand."""
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    for _ in range(count // BATCH):
        for _ in range(BATCH):
            loop.call_later(10, print).cancel()
        await asyncio.sleep(0)
    return time.perf_counter() - start


async def threadsafe(count: int) -> float:
    """Another thread calls as fast as it can; it ends when the last call has run."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    left = count

    def called() -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set_result(None)

    def call() -> None:
        for _ in range(count):
            loop.call_soon_threadsafe(called)

    thread = threading.Thread(target=call)
    start = time.perf_counter()
    thread.start()
    await done
    seconds = time.perf_counter() - start
    thread.join()
    return seconds


async def executor(count: int) -> float:
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    for _ in range(count):
        await loop.run_in_executor(None, int)
    return time.perf_counter() - start


#: Each program and the counts it can do: a multiple of the number.
PROGRAMS: dict[str, tuple[Program, int]] = {
    "call_soon": (call_soon, 1),
    "sleep_zero": (sleep_zero, 1),
    "spawn": (spawn, 1),
    "gather": (gather, BATCH),
    "queue": (queue, 1),
    "event": (event, 1),
    "timeout": (timeout, 1),
    "call_later_fire": (call_later_fire, TIMER_BATCH),
    "call_later_cancel": (call_later_cancel, BATCH),
    "threadsafe": (threadsafe, 1),
    "executor": (executor, 1),
}


async def main(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    ends = socket.socketpair()
    for end in ends:
        end.setblocking(False)
    if not options.no_io:
        loop.add_reader(ends[0].fileno(), ends[0].recv, 1)
    child.answer(**await timing.measure(*PROGRAMS[options.program], options.seconds))
    if not options.no_io:
        loop.remove_reader(ends[0].fileno())
    for end in ends:
        end.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("loop")
    parser.add_argument("program", choices=PROGRAMS)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--no-io", action="store_true")
    arguments = parser.parse_args()
    child.begin()
    with asyncio.Runner(loop_factory=loops.factory(arguments.loop)) as runner:
        runner.run(main(arguments))
