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
