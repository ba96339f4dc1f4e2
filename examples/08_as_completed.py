"""`as_completed` hands out results in the order in which they come.

Look at: the results stand in the order of the ends, not of the arguments, and the first is
printed while the others still work; with a timeout, what is late raises `TimeoutError`.
"""

import asyncio


async def work(name: str, steps: int) -> str:
    for _ in range(steps):
        await asyncio.sleep(0.01)
    return name


async def main() -> None:
    tasks = [
        asyncio.create_task(work(name, steps))
        for name, steps in [("slow", 6), ("middling", 4), ("quick", 1)]
    ]
    for number, future in enumerate(asyncio.as_completed(tasks), start=1):
        name = await future
        working = sum(not task.done() for task in tasks)
        print(f"{number}: {name}, {working} still at work")

    never = asyncio.Event()
    waiting = asyncio.create_task(never.wait())
    for future in asyncio.as_completed([work("in time", 1), waiting], timeout=0.2):
        try:
            print(f"result: {await future}")
        except TimeoutError:
            print("result: too late")
    print(f"the late task goes on: {not waiting.done()}")
    waiting.cancel()


asyncio.run(main())
