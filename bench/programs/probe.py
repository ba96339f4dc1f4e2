"""Does this loop start, run and close here? `python -m bench.programs.probe LOOP`"""

from __future__ import annotations

import asyncio
import sys

from .. import loops
from . import child


async def main() -> None:
    await asyncio.sleep(0)


if __name__ == "__main__":
    child.begin()
    with asyncio.Runner(loop_factory=loops.factory(sys.argv[1])) as runner:
        runner.run(main())
    child.answer(version=loops.version(sys.argv[1]))
