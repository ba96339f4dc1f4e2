"""`create_task` schedules: the coroutine starts when the current one next waits.

Look at: "both created" comes before any worker's first line; the workers then take turns; and
`launch` ends before the task that it created, which goes on without it; and a program that ends
cancels what it left, here "forgotten" in the middle of its work.
"""

import asyncio


async def worker(name: str, turns: int) -> None:
    for turn in range(1, turns + 1):
        print(f"  {name}: turn {turn} of {turns}")
        await asyncio.sleep(0)
    print(f"  {name}: ends")


async def launch(name: str) -> asyncio.Task[None]:
    task = asyncio.create_task(worker(name, 2))
    print(f"launch ends, {name} is done: {task.done()}")
    return task


async def main() -> None:
    a = asyncio.create_task(worker("a", 3))
    b = asyncio.create_task(worker("b", 2))
    print("both created, nothing has started")
    await a
    await b
    print("both awaited")

    late = await launch("late")
    print("back from launch, late still has to run")
    await late
    print(f"late is done: {late.done()}")

    forgotten = asyncio.create_task(worker("forgotten", 3), name="forgotten")
    print(f"main ends, forgotten is done: {forgotten.done()}")


asyncio.run(main())
