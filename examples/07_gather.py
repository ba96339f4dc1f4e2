"""`gather` gives results in the order of its arguments, whatever the order of their ends.

Look at: the first failure comes out of `gather` at once, and the others go on without being
waited for; with `return_exceptions=True` all are waited for, and a failure is a result among
the others.
"""

import asyncio


async def work(name: str, steps: int, log: list[str]) -> str:
    for _ in range(steps):
        await asyncio.sleep(0.01)
    log.append(name)
    if name.startswith("bad"):
        raise RuntimeError(f"{name} failed")
    return name.upper()


async def main() -> None:
    log: list[str] = []
    results = await asyncio.gather(work("slow", 5, log), work("quick", 1, log))
    print(f"ended: {log}, results: {results}")

    log.clear()
    slow = asyncio.create_task(work("slow", 5, log))
    try:
        await asyncio.gather(slow, work("bad", 1, log))
    except RuntimeError as error:
        print(f"raised: {error}; ended: {log}; slow is done: {slow.done()}")
    print(f"slow was not cancelled: {await slow}")

    log.clear()
    outcomes = await asyncio.gather(
        work("slow", 5, log), work("bad", 1, log), work("quick", 3, log), return_exceptions=True
    )
    print(f"ended: {log}, results: {outcomes}")


asyncio.run(main())
