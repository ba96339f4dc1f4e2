"""Between two awaits nobody else runs: only an `await` lets a race in.

Look at: three ways to add to one counter from many tasks. Reading and writing without an await
in between loses nothing and needs no lock. With an await in between, updates are lost. A lock
held across the await brings them back.
"""

import asyncio

TASKS = 100


class Counter:
    def __init__(self) -> None:
        self.value = 0
        self.lock = asyncio.Lock()

    async def add_at_once(self) -> None:
        await asyncio.sleep(0)
        value = self.value
        self.value = value + 1

    async def add_with_await(self) -> None:
        value = self.value
        await asyncio.sleep(0)
        self.value = value + 1

    async def add_with_lock(self) -> None:
        async with self.lock:
            await self.add_with_await()


async def main() -> None:
    counter = Counter()
    await asyncio.gather(*(counter.add_at_once() for _ in range(TASKS)))
    print(f"no await between read and write: {counter.value} of {TASKS}")

    counter = Counter()
    await asyncio.gather(*(counter.add_with_await() for _ in range(TASKS)))
    print(f"an await between read and write: {counter.value} of {TASKS}")

    counter = Counter()
    await asyncio.gather(*(counter.add_with_lock() for _ in range(TASKS)))
    print(f"the same under a lock:           {counter.value} of {TASKS}")


asyncio.run(main())
