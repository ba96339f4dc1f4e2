"""Programs that aioxide runs in an interpreter of their own, and what they print."""

import os
import subprocess
import sys
import textwrap

import pytest

PATIENCE = 40


@pytest.fixture
def write(tmp_path):
    """write(text) makes program.py in the test's directory and returns its path."""

    def write(text, name="program.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return write


@pytest.fixture
def run_program(write, tmp_path):
    """run_program(text, *options, env=...) runs it by `aioxide run` and returns how it ended."""

    def run(text, *options, env=None, flags=()):
        path = write(text)
        return subprocess.run(
            [sys.executable, *flags, "-m", "aioxide", "run", *options, path.name],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1", **(env or {})},
            check=False,
        )

    return run


class Clock:
    """A clock that a test moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(loop):
    """The clock of the loop under test; `clock.now += 1` lets a second pass."""
    loop.time = Clock()
    return loop.time


@pytest.fixture
def pass_time(clock, turn):
    """pass_time(seconds) lets that time pass, and what is due then run."""

    def pass_time(seconds):
        turn()
        clock.now += seconds
        for _ in range(3):
            turn()

    return pass_time
