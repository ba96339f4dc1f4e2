"""More than one process: limits that hold for all of them, and workers that are lost."""

import contextlib
import json
import os
import random
import select
import signal

import pytest

from .outputs import check, read
from .site import Answer, body_of


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def expected(urls):
    return {url: body_of(number) for number, url in enumerate(urls)}


def test_all_is_fetched_once(site, fetch, listed, output):
    urls = site.pages(range(100))
    done = fetch.run("-i", listed(urls), "-o", output, "--processes", 3, "--per-host", 9)
    assert "fetched 100 of 100 in " in done.stdout
    check(output, expected(urls))
    assert site.pages_asked() == 100
    assert site.asked["/robots.txt"] == 1


def test_limit_of_a_host_holds_for_all_together(site, fetch, listed):
    urls = site.pages(range(30))
    site.open.clear()
    child = fetch.start("-i", listed(urls), "-o", "out", "--processes", 3, "--per-host", 6)
    site.wait_active(6)
    assert len(children_of(child.pid)) == 3
    site.open.set()
    assert fetch.finish(child).returncode == 0
    assert site.peak == 6


def test_rate_holds_for_all_together(site, fetch, listed):
    """One clock spaces a host's requests, so it takes what one process takes."""
    urls = site.pages(range(6))
    done = fetch.run(
        "-i", listed(urls), "-o", "out", "--processes", 3, "--rate", "5/s", "--no-robots",
        "--json",
    )  # fmt: skip
    assert json.loads(done.stdout)["seconds"] >= 1.0
    assert site.peak == 1


def test_failures_and_robots(site, fetch, tmp_path):
    site.answer("/robots.txt", Answer(200, b"User-agent: *\nDisallow: /page/2\n"))
    site.answer("/flaky", Answer(503, Retry_After="0"), Answer(200, b"now"))
    urls = [*site.pages([1, 2]), f"{site.url}/none", f"{site.url}/flaky", "http://127.0.0.1:1/"]
    done = fetch.run(*urls, "-o", "out.jsonl", "--processes", 2, "--retries", 1, "--json", code=1)
    errors = json.loads(done.stdout)["errors"]
    assert errors == {"robots.txt": 1, "HTTP 404": 1, "connection refused": 1}
    assert dict(read(tmp_path / "out.jsonl")) == {urls[0]: body_of(1), urls[3]: b"now"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_worker_loses_nothing(site, fetch, listed, tmp_path, seed):
    rng = random.Random(seed)
    urls = site.pages(range(200))
    kills = 3
    site.close_at = rng.randrange(10, 40)
    child = fetch.start("-i", listed(urls), "-o", "out.jsonl", "--processes", 3, "--per-host", 12)
    killed = set()
    for _ in range(kills):
        # Held in the middle of requests, so that a worker has some.
        site.wait_active(6)
        # One that was killed stays a child until its parent has taken note of it.
        worker = rng.choice([pid for pid in children_of(child.pid) if pid not in killed])
        os.kill(worker, signal.SIGKILL)
        killed.add(worker)
        site.close_at = site.count + rng.randrange(10, 40)
        site.open.set()
    site.close_at = None
    site.open.set()
    assert fetch.finish(child).returncode == 0
    check(tmp_path / "out.jsonl", expected(urls))
    # What had come of a share that was lost is not fetched again.
    assert site.pages_asked() <= 200 + kills * 12 * 2


def test_workers_end_with_their_parent(site, fetch, listed, tmp_path):
    """Killed, it cannot tell them; and the same command goes on."""
    urls = site.pages(range(60))
    arguments = ("-i", listed(urls), "-o", "out.jsonl", "--processes", 2, "--per-host", 8)
    site.close_at = 20
    child = fetch.start(*arguments)
    site.wait_active(8)
    with contextlib.ExitStack() as stack:
        workers = []
        for worker in children_of(child.pid):
            workers.append(os.pidfd_open(worker))
            stack.callback(os.close, workers[-1])
        assert len(workers) == 2
        child.send_signal(signal.SIGKILL)
        for worker in workers:
            assert select.select([worker], [], [], 30)[0], "a worker goes on"
    fetch.finish(child)
    site.open.set()
    fetch.run(*arguments)
    check(tmp_path / "out.jsonl", expected(urls))


def test_ctrl_c(site, fetch, listed):
    site.open.clear()
    urls = site.pages(range(30))
    child = fetch.start("-i", listed(urls), "-o", "out", "--processes", 2)
    site.wait_active(8)
    workers = children_of(child.pid)
    child.send_signal(signal.SIGINT)
    done = fetch.finish(child)
    site.open.set()
    assert done.returncode == 130
    assert "30 remain; run the same command again" in done.stdout
    assert not [worker for worker in workers if os.path.exists(f"/proc/{worker}")]
