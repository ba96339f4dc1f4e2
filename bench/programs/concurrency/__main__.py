"""`python -m bench.programs.concurrency FORM WORK JOBS [--address HOST:PORT] [--loop ...]`

Prints seconds, CPU seconds and megabytes of all processes, and by how many milliseconds the latest
heartbeat was late, where the form lets a heart beat.
"""

from __future__ import annotations

import argparse

from .. import child
from . import forms, jobs
from .meter import Meter


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("form", choices=forms.FORMS)
    parser.add_argument("work", choices=jobs.WORK)
    parser.add_argument("jobs", type=int)
    parser.add_argument("--address", default="")
    parser.add_argument("--loop", default="")
    parser.add_argument("--module", default="")
    options = parser.parse_args()
    child.begin()
    meter = Meter()
    task = forms.Task(options.work, options.jobs, options.address, options.loop, options.module)
    jobs.check(task.work, forms.FORMS[options.form](task, meter))
    child.answer(**meter.found)


if __name__ == "__main__":
    main()
