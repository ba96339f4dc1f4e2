"""The forms of concurrency, in short: each does all jobs rightly, and tells what that took."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from bench import arms, forms
from bench.loops import OURS, is_ours
from bench.model import MeasureError, Row, Settings
from bench.processes import Site, run_json
from bench.programs.concurrency import footprint, jobs, meter
from bench.programs.concurrency.forms import FORMS, MOST_PROCESSES, Task
from bench.subjects import SUBJECTS, concurrency

SUBJECT = SUBJECTS["concurrency"]

#: Stands for the embedded site: its index, and a notice for every other path.
SITE = """
import http.server, sys, threading

class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        number = int(self.path.rpartition("/")[2] or 0)
        title = f"FN-{number:05}: fails"
        notice = f"<title>{title}</title><h1>{title}</h1><p>It fails, and fails.</p>"
        body = (notice if number else '<a href="/notices/1">' * LINKS).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
sys.stdin.read()
"""


def program(folder: Path, code: str) -> str:
    path = folder / "site"
    path.write_text(f"#!{sys.executable}\n{code}\n")
    path.chmod(0o755)
    return str(path)


def settings(site: str = "") -> Settings:
    return Settings(seconds=0.1, warmup=0, time_limit=60, quick=False, site=site)


def row(work: str, count: int) -> Row:
    metrics = tuple(metric.key for metric in SUBJECT.metrics)
    return Row(work, metrics, {"work": work, "jobs": count})


#: Without uvloop, which not every Python has installed.
HERE = [
    name
    for name, form in SUBJECT.forms.items()
    if name != "uvloop" and sys.version_info >= form.since
]


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("work", ["waiting", "mix"])
def test_every_form_fetches(tmp_path: Path, name: str, work: str) -> None:
    site = program(tmp_path, SITE.replace("LINKS", str(jobs.NOTICES)))
    found = SUBJECT.measure(row(work, 5), name, settings(site))
    assert found["cpu"] > 0
    assert 0 < found["seconds"] < 60
    assert 5 < found["memory"] < 1000
    assert ("late" in found) is (name != "one by one")


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("work", ["python", "native"])
def test_every_form_computes(name: str, work: str) -> None:
    found = SUBJECT.measure(row(work, 3), name, settings())
    assert found["cpu"] > 0.003
    assert found["seconds"] > 0.003


@pytest.mark.parametrize("name", HERE)
def test_a_wrong_result_is_no_figure(tmp_path: Path, name: str) -> None:
    site = program(tmp_path, SITE.replace("LINKS", "3"))
    with pytest.raises(MeasureError, match="WrongAnswerError: job 0 gives 3"):
        SUBJECT.measure(row("waiting", 2), name, settings(site))


def test_results_are_checked_one_by_one() -> None:
    good = {"fn-00001": 2, "it": 1}
    jobs.check("mix", [good, {"fn-00002": 2}])
    with pytest.raises(jobs.WrongAnswerError, match="job 1 gives"):
        jobs.check("mix", [good, good])
    with pytest.raises(jobs.WrongAnswerError):
        jobs.check("python", [jobs.HOW_MANY_PRIMES - 1])
    with pytest.raises(jobs.WrongAnswerError, match="status 404"):
        jobs.check_status(404)


def test_words_of_a_page_are_counted() -> None:
    words = jobs.count_words(b"<title>FN-00003: fails</title><p>It fails, <b>it</b> fails.</p>")
    assert words == {"fn-00003": 1, "fails": 3, "it": 2}


def test_pools_are_as_large_as_the_work_wants() -> None:
    assert Task("waiting", 1000).workers == 1000
    assert Task("mix", 7).workers == 7
    assert Task("python", 1000).workers == len(os.sched_getaffinity(0))
    assert Task("native", 1).workers == 1


def test_there_are_never_more_processes_than_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.programs.concurrency import forms

    asked: list[int] = []
    monkeypatch.setattr(forms, "ProcessPoolExecutor", lambda workers, _: asked.append(workers))
    forms.pool(3)
    forms.pool(5000)
    assert asked == [3, MOST_PROCESSES]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_heart_tells_its_latest_beat() -> None:
    clock = Clock()
    heart = meter.Heart(clock)
    heart.begin()
    for clock.now in (0.012, 0.027, 0.037):
        heart.beat()
    assert heart.end() == pytest.approx(0.005)


def test_a_beat_that_never_came_is_late() -> None:
    clock = Clock()
    heart = meter.Heart(clock)
    heart.begin()
    clock.now = 1.01
    assert heart.end() == pytest.approx(1)
    clock.now = 5
    heart.beat()
    clock.now = 1.01
    assert heart.end() == pytest.approx(1)


def test_a_loop_that_is_kept_busy_has_a_late_heart() -> None:
    async def main() -> float:
        heart = meter.Heart()
        beating = asyncio.ensure_future(heart.beat_in_task())
        await asyncio.sleep(0)
        until = time.perf_counter() + 0.05
        while time.perf_counter() < until:
            pass
        late = heart.end()
        await beating
        return late

    assert asyncio.run(main()) > 0.03


def test_cpu_time_is_that_of_all_threads_and_children() -> None:
    before, cpu = footprint.cpu_seconds(os.getpid()), time.process_time()
    assert before == pytest.approx(cpu, abs=0.05)
    code = "while __import__('time').process_time() < 0.2: pass\nprint('{}', flush=True); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert child.pid in footprint.family()
        assert footprint.cpu_seconds(child.pid) >= 0.2
        assert footprint.peak_bytes(child.pid) > 1e6
        child.communicate(b"\n")
    assert child.pid not in footprint.family()
    assert footprint.cpu_seconds(child.pid) == 0
    assert footprint.peak_bytes(child.pid) == 0


def test_the_children_of_children_are_family() -> None:
    inner = [sys.executable, "-c", "print('{}', flush=True); input()"]
    code = f"import subprocess; subprocess.run({inner!r})"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert len(footprint.family()) >= 3
        assert os.getpid() in footprint.family()
        child.communicate(b"\n")


def test_memory_that_was_given_back_counts() -> None:
    code = (
        "import os; from bench.programs.concurrency import footprint as f; "
        "before = f.peak_bytes(os.getpid()); block = b'x' * 50_000_000; del block; "
        "import json; print(json.dumps({'grown': f.peak_bytes(os.getpid()) - before}))"
    )
    assert run_json([sys.executable, "-c", code], 60)["grown"] > 40e6


def test_a_quick_run_has_few_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], limit: float) -> dict[str, Any]:
        ran.append(command)
        return {}

    monkeypatch.setattr(concurrency.processes, "run_json", run)
    quick = Settings(seconds=0.1, warmup=0, time_limit=60, quick=True)
    SUBJECT.measure(row("python", 100), "threads", quick)
    SUBJECT.measure(row("python", 100), "threads", settings())
    assert [command[5] for command in ran] == [str(concurrency.QUICK_MOST), "100"]


def test_columns_are_forms() -> None:
    assert arms.names(SUBJECT) == tuple(forms.FORMS)
    assert set(forms.FORMS) <= set(arms.NAMES)
    assert {form.program for form in SUBJECT.forms.values()} == set(FORMS)
    assert [name for name in forms.FORMS if is_ours(name)] == [
        OURS,
        f"{OURS} + threads",
        f"{OURS} + processes",
    ]
    for one in SUBJECT.rows():
        assert set(one.without) < set(forms.FORMS)


def test_what_a_form_needs_is_looked_for() -> None:
    assert arms.why_absent(SUBJECT, "threads") == ""
    assert arms.why_absent(SUBJECT, "asyncio") == ""
    assert forms.why_absent(forms.Form("loop", "asyncio", "nosuchclient")) == "not installed"
    assert forms.why_absent(forms.Form("threads", since=(99, 0))) == "from Python 99.0 on"
    version = arms.version(SUBJECT, "asyncio").split(" / ")
    assert version[1] == arms.version(SUBJECT, "threads")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print('hello', flush=True); input()", "printed 'hello' instead of where it listens"),
        ("import sys; sys.exit('no port is free')", "exits with 1: no port is free"),
    ],
)
def test_a_site_that_does_not_listen_says_why(tmp_path: Path, code: str, reason: str) -> None:
    with pytest.raises(MeasureError, match=reason), Site(program(tmp_path, code), {}, 20):
        pass


def test_a_form_fails_by_what_the_site_died_of(tmp_path: Path) -> None:
    code = (
        "import sys; print('listening on http://127.0.0.1:9', flush=True); sys.exit('out of files')"
    )
    with pytest.raises(MeasureError, match="^site exits with 1: out of files"):
        SUBJECT.measure(row("waiting", 1), "one by one", settings(program(tmp_path, code)))
