"""A coroutine does nothing until a loop runs it, and `asyncio.run` is what runs it.

Look at: the call of `greet()` prints nothing, it only makes an object; `asyncio.run` makes a
loop, runs the object to its end, hands back what it returned, and closes the loop.
"""

import asyncio


async def greet(name: str) -> int:
    print(f"hello, {name}")
    await asyncio.sleep(0.01)
    print(f"goodbye, {name}")
    return len(name)


coroutine = greet("world")
print(f"greet('world') is a {type(coroutine).__name__}, nothing has run")
result = asyncio.run(coroutine)
print(f"asyncio.run returned {result}")
