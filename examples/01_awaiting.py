"""Awaiting one coroutine after the other is not concurrency.

Look at: the second step starts when the first has ended, exactly as two plain function calls
would; and an exception comes out of `asyncio.run` as it would out of a call.
"""

import asyncio


async def step(name: str) -> str:
    print(f"  {name} starts")
    await asyncio.sleep(0.01)
    print(f"  {name} ends")
    return name.upper()


async def main() -> str:
    first = await step("one")
    second = await step("two")
    return f"{first} then {second}"


async def fail() -> None:
    await asyncio.sleep(0)
    raise ValueError("this went wrong")


print("run: main")
print(f"result: {asyncio.run(main())}")
print("run: fail")
try:
    asyncio.run(fail())
except ValueError as error:
    print(f"raised: {error!r}")
