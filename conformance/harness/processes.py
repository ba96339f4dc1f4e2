"""The parent's side of a worker: start it, follow its events, end it when it stops talking."""

import contextlib
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

WORKER = pathlib.Path(__file__).with_name("worker.py")
# What a process may take to start, to import the suite, and to end.
START_LIMIT = 120.0
STACK_LIMIT = 5.0
LOG_TAIL = 12_000


@dataclass
class Ending:
    """How a worker ended: `end`, `hang` (time limit) or `crash`, and what it printed last."""

    kind: str
    detail: str


def environment(suite_path):
    variables = dict(os.environ)
    for name in ("PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONWARNINGS"):
        variables.pop(name, None)
    if suite_path is not None:
        variables["PYTHONPATH"] = str(suite_path)
    return variables


def run_worker(request, limit, suite_path=None, on_event=lambda event: None, worker=WORKER):
    """Run one worker to its end and return its `Ending`; each event must come within `limit`."""
    reader, writer = os.pipe()
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, reader)
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True)
        )
        log = stack.enter_context(open(pathlib.Path(folder, "log"), "w+b"))
        work = pathlib.Path(folder, "work")
        work.mkdir()
        with os.fdopen(writer, "wb", buffering=0):
            process = subprocess.Popen(
                [sys.executable, str(worker)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=work,
                env=environment(suite_path),
                pass_fds=[writer],
                start_new_session=True,
            )
        process.stdin.write(json.dumps({**request, "events": writer}).encode())
        process.stdin.close()
        kind = follow(process, reader, limit, on_event)
        # Children that a test left behind are in the worker's session.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return Ending(kind, tail(log))


def follow(process, reader, limit, on_event):
    os.set_blocking(reader, False)
    pending = b""
    deadline = time.monotonic() + max(limit, START_LIMIT)
    ended = False
    while True:
        # The pipe alone does not tell of the end: a grandchild may hold it open.
        gone = process.poll() is not None
        ready, _, _ = select.select([reader], [], [], 0 if gone else 0.25)
        data = os.read(reader, 1 << 16) if ready else b""
        pending += data
        *lines, pending = pending.split(b"\n")
        for line in lines:
            event = json.loads(line)
            ended = ended or event["event"] == "end"
            on_event(event)
            deadline = time.monotonic() + limit
        if gone and not data:
            return "end" if ended else "crash"
        if ready and not data:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.25)
        if not gone and time.monotonic() > deadline:
            show_stacks(process)
            return "hang"


def show_stacks(process):
    process.send_signal(signal.SIGABRT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STACK_LIMIT)


def tail(log):
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - LOG_TAIL))
    return log.read().decode(errors="replace").strip()
