"""One client in a process of its own: a job on standard input, JSON lines on standard output.

A line is {"done": N} while it works, and {"outcome": {...}} or {"failure": "..."} at its end.
"""

from __future__ import annotations

import json
import os
import sys

from job import Job


class Teller:
    """Tells the parent how many pages are done, often enough to look smooth and no oftener."""

    STEPS = 25

    def __init__(self, total: int) -> None:
        self._done = 0
        self._every = max(1, total // self.STEPS)

    def __call__(self) -> None:
        self._done += 1
        if self._done % self._every == 0:
            write({"done": self._done})


def write(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main() -> None:
    job = Job.from_json(sys.stdin.readline())
    try:
        if job.arm == "threads":
            from threads_client import fetch_all
        else:
            from aiohttp_client import fetch_all
        outcome = fetch_all(job, Teller(len(job.urls)))
    except ImportError as error:
        write({"failure": f"{error.name or error} is missing in this Python"})
    except BrokenPipeError:
        # The parent is gone, so nobody wants the pages; `_exit` because closing the standard
        # output would fail again.
        os._exit(1)
    else:
        write({"outcome": outcome.to_json()})


if __name__ == "__main__":
    main()
