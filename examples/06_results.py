"""A task keeps its result, or its exception, for whoever asks.

Look at: `result()` before the end raises `InvalidStateError`; after it, it returns or raises,
as often as asked; a cancelled task raises `CancelledError`.
"""

import asyncio


async def divide(a: int, b: int) -> float:
    await asyncio.sleep(0)
    return a / b


async def main() -> None:
    good = asyncio.create_task(divide(6, 3))
    bad = asyncio.create_task(divide(1, 0))
    gone = asyncio.create_task(divide(9, 3))
    try:
        good.result()
    except asyncio.InvalidStateError as error:
        print(f"too early: {type(error).__name__}: {error}")

    gone.cancel()
    await asyncio.wait([good, bad, gone])
    print(f"good.result(): {good.result()}, and again: {good.result()}")
    try:
        bad.result()
    except ZeroDivisionError as error:
        print(f"bad.result() raises: {error}")
    print(f"bad.exception() returns: {bad.exception()!r}")
    print(f"gone.cancelled(): {gone.cancelled()}")
    try:
        gone.result()
    except asyncio.CancelledError as error:
        print(f"gone.result() raises: {type(error).__name__}")


asyncio.run(main())
