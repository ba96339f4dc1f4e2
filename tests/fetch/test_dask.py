"""A Dask cluster on loopback: a scheduler and workers, each a process, one of them killed."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading

import pytest

from .outputs import check
from .site import Answer, body_of

pytest.importorskip("distributed")

PATIENCE = 60
LOCAL = ("--host", "127.0.0.1", "--no-dashboard")


class Process:
    """A program whose standard error is read to its end, by a thread."""

    def __init__(self, folder, says, *arguments):
        environment = {**os.environ, "DASK_TEMPORARY_DIRECTORY": str(folder)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=folder, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._says = re.compile(says)
        self._said = threading.Event()
        self.match = None
        self.text = ""
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        for line in self.process.stderr:
            self.text += line
            match = self._says.search(line)
            if match and self.match is None:
                self.match = match
                self._said.set()
        self._said.set()

    def ready(self):
        assert self._said.wait(PATIENCE)
        assert self.match, self.text
        return self.match[1]

    def close(self):
        self.process.kill()
        self.process.wait()
        self._thread.join()
        self.process.stderr.close()


class Cluster:
    def __init__(self, folder, stack):
        self._folder = folder
        self._stack = stack
        self.workers = []
        self.address = self._start(
            r"Scheduler at:\s*(tcp://\S+)", "distributed.cli.dask_scheduler", *LOCAL, "--port", "0"
        ).ready()

    def _start(self, *arguments):
        process = Process(self._folder, *arguments)
        self._stack.callback(process.close)
        return process

    def add(self, count):
        added = [
            self._start(
                r"Registered to:\s*(\S+)", "distributed.cli.dask_worker", self.address, *LOCAL,
                "--no-nanny", "--nthreads", "1",
            )
            for _ in range(count)
        ]  # fmt: skip
        for worker in added:
            worker.ready()
        self.workers += added


@pytest.fixture
def cluster(tmp_path):
    (tmp_path / "dask").mkdir()
    with contextlib.ExitStack() as stack:
        yield Cluster(tmp_path / "dask", stack)


@pytest.mark.time_limit(180)
def test_killed_worker_loses_nothing(site, fetch, listed, cluster, tmp_path):
    cluster.add(3)
    urls = site.pages(range(300))
    site.close_at = 30
    child = fetch.start(
        "-i", listed(urls), "-o", "out.jsonl", "--dask", cluster.address, "--per-host", 9
    )
    # Three of each worker: the one that is killed is in the middle of some.
    site.wait_active(9)
    cluster.workers[1].process.send_signal(signal.SIGKILL)
    cluster.workers[1].process.wait()
    site.open.set()
    done = fetch.finish(child)
    assert done.returncode == 0, done.stdout + done.stderr
    check(tmp_path / "out.jsonl", {url: body_of(number) for number, url in enumerate(urls)})
    assert site.peak <= 9 + 3  # the lost one's requests may still be with the site
    assert site.asked["/robots.txt"] == 1


@pytest.mark.time_limit(120)
def test_failures(site, fetch, cluster, tmp_path):
    cluster.add(1)
    site.answer("/flaky", Answer(503, Retry_After="0"), Answer(200, b"now"))
    urls = [*site.pages([1]), f"{site.url}/none", f"{site.url}/flaky"]
    done = fetch.run(*urls, "-o", "out.sqlite", "--dask", cluster.address, code=1)
    assert "HTTP 404 1" in done.stdout
    check(tmp_path / "out.sqlite", {urls[0]: body_of(1), urls[2]: b"now"})


@pytest.mark.time_limit(120)
def test_ctrl_c(site, fetch, cluster):
    cluster.add(1)
    site.open.clear()
    child = fetch.start(*site.pages(range(30)), "-o", "out", "--dask", cluster.address)
    site.wait_active(8)
    child.send_signal(signal.SIGINT)
    done = fetch.finish(child)
    site.open.set()
    assert done.returncode == 130
    assert "30 remain; run the same command again" in done.stdout


@pytest.mark.time_limit(120)
def test_cluster_without_workers(site, fetch, cluster):
    done = fetch.run(*site.pages([1]), "-o", "out", "--dask", cluster.address, code=2)
    assert f"the Dask cluster at {cluster.address} has no worker" in done.stderr
    assert f"dask worker {cluster.address}" in done.stderr


def test_no_scheduler(site, fetch):
    done = fetch.run(*site.pages([1]), "-o", "out", "--dask", "tcp://127.0.0.1:1", code=2)
    assert "cannot reach a Dask scheduler at tcp://127.0.0.1:1: " in done.stderr


FAN_OUT = """
import asyncio, sys
import aioxide
from distributed import Client

async def main():
    async with Client(sys.argv[1], asynchronous=True, set_as_default=False) as client:
        pass
    with Client(sys.argv[1]) as client:
        loop = asyncio.get_running_loop()
        print(await loop.run_in_executor(client.get_executor(), pow, 2, 10))
        print(await aioxide.amap(abs, range(-5, 0), executor=client, limit=3))

if __name__ == "__main__":
    aioxide.run(main())
"""


@pytest.mark.time_limit(120)
def test_any_call_by_the_cluster(cluster, tmp_path):
    """`run_in_executor` and `amap(executor=)` of a program, on aioxide's loop."""
    cluster.add(2)
    (tmp_path / "program.py").write_text(FAN_OUT)
    done = subprocess.run(
        [sys.executable, "program.py", cluster.address], cwd=tmp_path, capture_output=True,
        text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["1024", "[5, 4, 3, 2, 1]"]
