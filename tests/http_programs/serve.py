"""Starts the service that a program talks to, and says where: `serve.py NAME`.

`services/NAME.py` has `start(stack)`, which enters its servers into an AsyncExitStack and returns
the program's arguments. They are printed as a line of JSON; the service ends with its standard
input.
"""

import asyncio
import contextlib
import importlib
import json
import sys


async def main(name):
    service = importlib.import_module(f"services.{name}")
    async with contextlib.AsyncExitStack() as stack:
        print(json.dumps(await service.start(stack)), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
