"""Does this loop start, run and close here? `python -m bench.programs.probe LOOP [MODULE]`

With a module it is imported first.
"""

from __future__ import annotations

import asyncio
import importlib
import sys

from .. import loops
from . import child


async def main() -> None:
    await asyncio.sleep(0)


if __name__ == "__main__":
    child.begin()
    for module in sys.argv[2:]:
        importlib.import_module(module)
    with asyncio.Runner(loop_factory=loops.factory(sys.argv[1])) as runner:
        runner.run(main())
    child.answer(version=loops.version(sys.argv[1]))
