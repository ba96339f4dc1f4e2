"""The subprocess programs: `python -m bench.programs.subprocesses LOOP NAME`

Each spawns a thousand children of a program that does nothing, fifty at a time, and waits for every
one, after a hundred to warm up.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import time
from asyncio import subprocess

from .. import loops
from . import child
from .timing import Program

IN_FLIGHT = 50
WARMUP = 100
CHILDREN = 1000


async def spawn(count: int, output: int) -> float:
    """Spawn and reap; with a pipe for its output, read that to its end, too."""
    program = shutil.which("true") or "/bin/true"
    left = count

    async def work() -> None:
        nonlocal left
        while left:
            left -= 1
            process = await asyncio.create_subprocess_exec(
                program, stdin=subprocess.DEVNULL, stdout=output
            )
            await process.communicate()
            if process.returncode != 0:
                raise AssertionError(f"exits with {process.returncode}")

    start = time.perf_counter()
    await asyncio.gather(*[work() for _ in range(IN_FLIGHT)])
    return time.perf_counter() - start


async def plain(count: int) -> float:
    return await spawn(count, subprocess.DEVNULL)


async def piped(count: int) -> float:
    return await spawn(count, subprocess.PIPE)


PROGRAMS: dict[str, Program] = {"plain": plain, "piped": piped}


async def main(options: argparse.Namespace) -> None:
    program = PROGRAMS[options.program]
    await program(WARMUP)
    before = time.process_time()
    took = await program(CHILDREN)
    cpu = time.process_time() - before
    child.answer(us=took / CHILDREN * 1e6, cpu=cpu / CHILDREN * 1e6)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("loop")
    parser.add_argument("program", choices=PROGRAMS)
    arguments = parser.parse_args()
    # The usual limit: some loops close every possible descriptor in the child.
    child.begin(1024)
    with asyncio.Runner(loop_factory=loops.factory(arguments.loop)) as runner:
        runner.run(main(arguments))
