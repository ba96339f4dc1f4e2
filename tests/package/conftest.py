"""Programs in an interpreter of their own: what they change of asyncio ends with it."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PATIENCE = 40


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("time_limit"):
            item.add_marker(pytest.mark.time_limit(PATIENCE))


@pytest.fixture
def program(tmp_path):
    """program(text) runs it with warnings as errors and returns what it prints."""

    def run(text, *flags):
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(text))
        ended = subprocess.run(
            [sys.executable, "-W", "error", *flags, str(path)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert ended.stderr == ""
        assert ended.returncode == 0
        return ended.stdout

    return run
