"""`run_in_executor` moves a call off the loop: to a thread, or to a process.

Look at: the loop ticks on while the call blocks; a thread shares this process, a process does
not; the default executor (`None`) is a pool of threads that the loop makes itself; exceptions
come back from all three.
"""

import asyncio
import os
import threading
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

MAIN = os.getpid()


def blocking(main: int) -> tuple[bool, bool]:
    """Blocks, and tells whether it ran in that process and in the process's main thread."""
    time.sleep(0.1)
    return os.getpid() == main, threading.current_thread() is threading.main_thread()


def fail() -> None:
    raise LookupError("raised far away")


async def show(name: str, executor: Executor | None) -> None:
    loop = asyncio.get_running_loop()
    call = loop.run_in_executor(executor, blocking, MAIN)
    ticks = 0
    while not call.done():
        await asyncio.sleep(0.01)
        ticks += 1
    here, main_thread = await call
    place = "in this process" if here else "in another process"
    thread = "its main thread" if main_thread else "a thread of its own"
    print(f"{name}: {place}, {thread}; the loop ticked on: {ticks > 2}")
    try:
        await loop.run_in_executor(executor, fail)
    except LookupError as error:
        print(f"  an exception comes back: {error}")


async def main() -> None:
    with ThreadPoolExecutor(max_workers=2) as threads:
        await show("thread pool", threads)
    with ProcessPoolExecutor(max_workers=1) as processes:
        await show("process pool", processes)
    await show("default executor", None)


# A process pool may start its processes by importing this file.
if __name__ == "__main__":
    asyncio.run(main())
