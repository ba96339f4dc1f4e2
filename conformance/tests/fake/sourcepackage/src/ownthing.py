"""A package that is not installed."""

import asyncio


async def answer():
    await asyncio.sleep(0)
    return 42
