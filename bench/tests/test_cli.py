"""The command line, from bad arguments to a whole short run on asyncio alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bench.processes import ROOT


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nosuch"], "no subject is called 'nosuch'; there are scheduling, echo"),
        (["--rounds", "0"], "must be at least 1"),
        (["--seconds", "nan"], "must be from 0.01 to 60"),
        (["--loops", "asyncio,gevent"], "'gevent' is none of aioxide, asyncio"),
        (["--save", "--quick"], "--save keeps whole runs only"),
        (["--save", "--loops", "asyncio"], "--save keeps whole runs only"),
    ],
)
def test_bad_arguments_are_refused_with_a_reason(arguments: list[str], reason: str) -> None:
    ended = bench(*arguments)
    assert ended.returncode == 2
    assert reason in ended.stderr


def test_no_such_row() -> None:
    ended = bench("scheduling", "--force", "--loops", "asyncio", "--rows", "nosuch")
    assert ended.returncode == 1
    assert "scheduling has no row with 'nosuch' in it" in ended.stderr


def test_a_column_of_another_subject_is_refused() -> None:
    ended = bench("scheduling", "--force", "--loops", "wreq on uvloop")
    assert ended.returncode == 1
    assert "scheduling has none of those columns; it has aioxide, asyncio" in ended.stderr


def test_a_short_run_prints_its_table() -> None:
    options = ("--quick", "--force", "--seconds", "0.02", "--loops", "asyncio")
    ended = bench("scheduling", *options, "--rows", "`sleep(0)`")
    assert ended.returncode == 0, ended.stderr
    lines = [line for line in ended.stdout.splitlines() if line.startswith("| `sleep(0)` ")]
    assert len(lines) == 3
    assert "[" in lines[0]
    assert "[" in lines[1]
    assert "not measured" in lines[2]
    assert "scheduling 1/1" in ended.stderr


def test_saved_results_are_rendered_again(tmp_path: Path) -> None:
    saved = tmp_path / "sample.json"
    saved.write_text(json.dumps({"subject": "no result"}))
    assert bench("--render", str(saved)).returncode == 1
    for path in sorted((ROOT / "bench" / "results").glob("*.json")):
        saved.write_text(path.read_text())
        assert bench("--render", str(saved)).returncode == 0
        assert saved.with_suffix(".md").read_text() == path.with_suffix(".md").read_text()
