"""Tests of a package that is an event loop."""

import asyncio
import subprocess
import sys

import ownloop
from ownloop import helpers

CHILD = "import ownloop; loop = ownloop.new_event_loop(); print(type(loop).__name__); loop.close()"


async def answer():
    return helpers.ANSWER, type(asyncio.get_running_loop())


def test_loop_of_its_name():
    loop = ownloop.new_event_loop()
    assert isinstance(loop, ownloop.Loop)
    assert loop.run_until_complete(answer()) == (42, ownloop.Loop)
    loop.close()


def test_run():
    assert ownloop.run(answer()) == (42, ownloop.Loop)


def test_loop_of_a_child():
    child = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, check=False
    )
    assert child.stdout.strip() == ownloop.Loop.__name__, child.stderr


def test_loop_for_asyncio():
    loop = asyncio.new_event_loop()
    assert isinstance(loop, ownloop.Loop)
    loop.close()
