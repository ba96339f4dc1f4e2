"""A blocking call holds the whole loop: nobody else runs until it returns.

Look at: next to `asyncio.sleep` a ticker ticks on; next to `time.sleep`, which waits just as
long, it does not tick at all, and then ticks late. A loop that reports what blocks it names
the line on stderr, while the call goes on.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

WAIT = 0.5
TICK = 0.01


async def polite() -> None:
    await asyncio.sleep(WAIT)


async def blocking() -> None:
    time.sleep(WAIT)


async def show(job: Callable[[], Awaitable[None]]) -> None:
    ticks = 0
    latest = 0.0

    async def tick() -> None:
        nonlocal ticks, latest
        while True:
            due = time.monotonic() + TICK
            await asyncio.sleep(TICK)
            ticks += 1
            latest = max(latest, time.monotonic() - due)

    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0)
    before = ticks
    await job()
    during = ticks - before
    await asyncio.sleep(2 * TICK)
    ticker.cancel()
    some = "it ticked on" if during > 2 else f"{during} ticks"
    late = "at least as late as the call was long" if latest >= WAIT - 2 * TICK else "in time"
    print(f"{job.__name__}: {some} during the call; the latest tick was {late}")


async def main() -> None:
    await show(polite)
    await show(blocking)


asyncio.run(main())
