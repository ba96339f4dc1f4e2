"""A short soak, and that one which finds something fails."""

import subprocess
import sys

import pytest

from . import show, usage
from .control import ROOT


def soak(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tests.soak", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=110,
    )


@pytest.mark.time_limit(120)
@pytest.mark.parametrize("loop", ["aioxide", "asyncio"])
def test_short_soak(loop):
    done = soak("--minutes", "0.2", "--connections", "150", "--loop", loop)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed, nothing has grown" in done.stdout


@pytest.mark.parametrize("arguments", [["--minutes", "0"], ["--connections", "-1"]])
def test_mistake_is_named(arguments):
    done = soak(*arguments)
    assert done.returncode == 2
    assert "must be positive" in done.stderr


def test_growth_is_found():
    start = dict.fromkeys(usage.LIMITS, 10_000_000)
    for name in usage.LIMITS:
        limit = usage.allowed(name, start[name])
        console = show.Console(quiet=True)
        assert show.summary(console, "server", start, {**start, name: start[name] + limit}) == []
        [told] = show.summary(console, "server", start, {**start, name: start[name] + limit + 1})
        assert f"server: {name} grew" in told


def test_leak_of_a_descriptor_and_of_memory_is_measured():
    usage.settle()
    before = usage.measure()
    with open("/dev/null"):
        held = [bytes(100_000) for _ in range(10)], [[] for _ in range(100)]
        now = usage.measure()
    assert now["descriptors"] == before["descriptors"] + 1
    assert now["objects"] >= before["objects"] + 100
    assert now["blocks"] >= before["blocks"] + 100
    if "native" in now:
        assert now["native"] >= before["native"] + 1_000_000
    del held
