"""Programs that block their loop, and the reports that they get.

A hog lasts until its report is there, where it can; where it is one call of C code, it is called
with more and more work until one call is reported while it runs. So no test depends on how fast a
machine is.
"""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PATIENCE = 100
PRELUDE = """
import asyncio, json, os, sys, threading, time
import aioxide

def reports(event="blocked", **fields):
    '''What has been reported so far.'''
    with open(os.environ["REPORTS"]) as file:
        lines = [line for line in file if line.startswith("{") and line.endswith("}\\n")]
    found = [json.loads(line) for line in lines]
    return [
        report for report in found
        if report["event"] == event
        and all(report[name] == value for name, value in fields.items())
    ]

GIVEN_UP_AFTER = 20
began_to_wait = []

def until_reported(**fields):
    '''Whether there is no new report of this kind since a step asked first.'''
    now = (len(reports(**fields)), time.monotonic())
    if not began_to_wait:
        began_to_wait.append(now)
    count, since = began_to_wait[0]
    return now[0] == count and now[1] - since < GIVEN_UP_AFTER

def diagnostics(limit=0.05, **options):
    return aioxide.Diagnostics(blocking=limit, output="json", **options)

def tell(value):
    print(json.dumps(value))
"""


class Result:
    """What a program said: `told` is what it printed, `events` its reports."""

    def __init__(self, completed, errors, path):
        self.code = completed.returncode
        self.path = path
        self.errors = errors
        lines = completed.stdout.splitlines()
        self.told = [json.loads(line) for line in lines]
        self.events = [json.loads(line) for line in errors.splitlines() if line[:1] == "{"]
        self.text = "\n".join(line for line in errors.splitlines() if line[:1] != "{")

    def blocked(self, **fields):
        return [
            event
            for event in self.events
            if event["event"] == "blocked" and event.items() >= fields.items()
        ]

    def line_of(self, mark):
        """The number of the line that ends with the comment `mark`."""
        lines = self.path.read_text().splitlines()
        return next(number for number, line in enumerate(lines, 1) if line.endswith(f"# {mark}"))


@pytest.fixture
def run_blocking(tmp_path):
    """run_blocking(*parts) runs them as one program, with the helpers above; returns its Result."""

    def run(*parts, env=None):
        path = Path(tmp_path, "program.py")
        path.write_text(PRELUDE + "\n".join(map(textwrap.dedent, parts)))
        reports = Path(tmp_path, "reports")
        with reports.open("a") as stderr:
            completed = subprocess.run(
                [sys.executable, str(path)],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                timeout=PATIENCE,
                cwd=tmp_path,
                env={**os.environ, "REPORTS": str(reports), **(env or {})},
                check=False,
            )
        result = Result(completed, reports.read_text(), path)
        assert result.code == 0, result.errors
        return result

    return run
