"""Runs a job in a child process and passes on what it tells."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from interrupts import held
from outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from job import Job

ARM = Path(__file__).with_name("arm.py")


class ArmError(Exception):
    """A client did not come to its end. The text is for the user."""


def run_job(job: Job, show_done: Callable[[int], None]) -> Outcome:
    """The outcome of the job; `show_done` is called with how many pages are done."""
    with tempfile.TemporaryFile() as said:
        child = None
        try:
            with held():
                # A session of its own: Ctrl-C is for this process, which then ends the child.
                child = subprocess.Popen(
                    [sys.executable, str(ARM)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    text=True,
                    start_new_session=True,
                )
            outcome = _follow(child, job, show_done)
            child.wait(timeout=10)
        except ArmError as error:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            raise ArmError(f"{error}" + (f": {lines[-1]}" if lines else "")) from None
        except subprocess.TimeoutExpired:
            raise ArmError("the client gave its result, but did not end") from None
        finally:
            if child is not None:
                child.kill()
                child.wait()
                if child.stdout is not None:
                    child.stdout.close()
    return outcome


def _follow(child: subprocess.Popen[str], job: Job, show_done: Callable[[int], None]) -> Outcome:
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(job.to_json() + "\n")
        child.stdin.close()
    except BrokenPipeError:
        pass
    for line in child.stdout:
        told = json.loads(line)
        if "done" in told:
            show_done(told["done"])
        elif "failure" in told:
            raise ArmError(told["failure"])
        else:
            show_done(len(job.urls))
            return Outcome.from_json(told["outcome"])
    raise ArmError("the client ended without a result")
