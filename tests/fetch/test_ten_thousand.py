"""Ten thousand pages of the embedded site, killed at random points and resumed until done.

It takes minutes, so it runs only where AIOXIDE_FETCH_FULL is set; AIOXIDE_SITE names the site's
program.
"""

import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
from urllib.parse import urlsplit

import pytest

from .outputs import KINDS, check
from .test_dask import Cluster

pytestmark = pytest.mark.skipif(
    "AIOXIDE_FETCH_FULL" not in os.environ, reason="takes minutes: set AIOXIDE_FETCH_FULL to run it"
)

PAGES = 10_000
KILLS = 8


class Embedded:
    """`aioxide-site` with half of the pages, asked over one connection."""

    def __init__(self):
        self._process = subprocess.Popen(
            [os.environ["AIOXIDE_SITE"], "--notices", str(PAGES // 2), "--latency", "1",
             "--workers", "64", "--max-connections", "1000"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.url = self._process.stdout.readline().split()[-1].rstrip("/")
        parts = urlsplit(self.url)
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)

    def get(self, path):
        self._connection.request("GET", path)
        return self._connection.getresponse().read()

    def served(self):
        return json.loads(self.get("/stats"))["notices"]

    def close(self):
        self._connection.close()
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


class Sites:
    """Two of them: ten thousand pages of two hosts."""

    def __init__(self):
        self.sites = [Embedded(), Embedded()]

    def served(self):
        return sum(site.served() for site in self.sites)


@pytest.fixture(scope="module")
def embedded():
    sites = Sites()
    yield sites
    for site in sites.sites:
        site.close()


@pytest.fixture(scope="module")
def pages(embedded):
    """All pages, fetched one after the other by the standard library."""
    return {
        f"{site.url}/notices/{number}": site.get(f"/notices/{number}")
        for site in embedded.sites
        for number in range(1, PAGES // 2 + 1)
    }


@pytest.fixture
def place(tmp_path):
    """A folder for half a gigabyte, which goes at once."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def run_killed(embedded, fetch, arguments, rng, kill):
    """Start it again and again; `kill(child)` at random points, KILLS times. Says how often it was
    started."""
    starts = 0
    while True:
        child = fetch.start(*arguments)
        starts += 1
        if starts <= KILLS:
            wanted = embedded.served() + rng.randrange(1, PAGES // KILLS)
            while child.poll() is None and embedded.served() < wanted:
                pass
            kill(child)
        code = fetch.finish(child).returncode
        if code != -signal.SIGKILL:
            assert code == 0
            return starts


@pytest.mark.time_limit(900)
@pytest.mark.parametrize("more", ["", "--processes"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_sigkill(embedded, pages, fetch, listed, place, kind, more):
    rng = random.Random(f"{kind}{more}")
    output = place / f"out{KINDS[kind]}"
    processes = (more, 2) if more else ()
    arguments = ("-i", listed(pages), "-o", output, "--per-host", 25, *processes)
    before = embedded.served()
    starts = run_killed(
        embedded, fetch, arguments, rng, lambda child: child.send_signal(signal.SIGKILL)
    )
    check(output, pages)
    asked = embedded.served() - before
    print(f"{kind} {more}: {starts} starts, {asked - PAGES} pages were asked for again")
    assert starts > KILLS // 2


@pytest.mark.time_limit(900)
@pytest.mark.parametrize("who", ["a worker", "the run"])
def test_dask(embedded, pages, fetch, listed, place, tmp_path, who):
    rng = random.Random(who)
    output = place / "out.sqlite"
    with contextlib.ExitStack() as stack:
        (tmp_path / "dask").mkdir()
        cluster = Cluster(tmp_path / "dask", stack)
        cluster.add(3)
        arguments = (
            "-i", listed(pages), "-o", output, "--dask", cluster.address, "--per-host", 24,
        )  # fmt: skip

        def kill(child):
            if who == "the run":
                child.send_signal(signal.SIGKILL)
                return
            cluster.workers.pop(rng.randrange(len(cluster.workers))).process.kill()
            cluster.add(1)

        starts = run_killed(embedded, fetch, arguments, rng, kill)
    check(output, pages)
    print(f"dask, {who} killed: {starts} starts")
