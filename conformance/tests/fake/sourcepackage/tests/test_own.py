"""Tests of a package that comes with them."""

import asyncio
import subprocess
import sys

import ownthing

CHILD = "import asyncio, ownthing; print(asyncio.run(ownthing.answer()))"


def test_here():
    assert asyncio.run(ownthing.answer()) == 42


def test_in_a_child():
    child = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, check=False
    )
    assert int(child.stdout) == asyncio.run(ownthing.answer()), child.stderr
