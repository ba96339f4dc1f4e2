"""Shares: together they keep to the limits of each host, and what is lost is done again."""

import asyncio
import itertools
from collections import Counter

import pytest

from aioxide.fetch import foreman
from aioxide.fetch.foreman import Foreman, WorkerLost
from aioxide.fetch.page import Failure, Page
from aioxide.fetch.robots import Rules
from aioxide.fetch.settings import Settings
from aioxide.fetch.share import Report, work_share
from aioxide.fetch.target import Target

from . import clock
from .test_hosts import FakeFetcher, urls_of


class FakeCrew:
    """Does shares in this loop. `lose` says of a share, by its number, after how many outcomes its
    worker is lost."""

    def __init__(self, size, fetcher, lose=None):
        self.size = size
        self._fetcher = fetcher
        self._lose = lose or {}
        self.shares = []
        self.slots = Counter()
        self.active = 0

    async def run(self, share, got):
        number = len(self.shares)
        self.shares.append(share)
        self.active += 1
        assert self.active <= self.size
        for lease in share.leases:
            self.slots[lease.origin] += lease.slots
        most = dict(self.slots)
        self.check(most, share.settings)
        outcomes = 0

        async def deliver(target, outcome):
            nonlocal outcomes
            if outcomes == self._lose.get(number):
                raise WorkerLost("it was killed")
            outcomes += 1
            await got(target.url, outcome)
            # What is told twice counts once.
            await got(target.url, outcome)

        try:
            return await work_share(share, self._fetcher, deliver)
        finally:
            self.active -= 1
            for lease in share.leases:
                self.slots[lease.origin] -= lease.slots

    def check(self, slots, settings):
        assert max(slots.values()) <= settings.per_host


def fetch(urls, crew, fetcher, **settings):
    settings = Settings(**{"robots": False, **settings})
    outcomes = {}

    async def deliver(target, outcome):
        assert target.url not in outcomes
        outcomes[target.url] = outcome

    async def main():
        targets = [Target(url) for url in urls]
        await Foreman(settings, crew, targets, fetcher, deliver).run()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return asyncio.get_running_loop().time()

    return outcomes, clock.run(main())


def test_all_and_each_once():
    fetcher = FakeFetcher(0.1)
    crew = FakeCrew(3, fetcher)
    urls = urls_of("a", "b", "c", each=200)
    outcomes, _ = fetch(urls, crew, fetcher, per_host=6, limit=12)
    assert set(outcomes) == set(urls)
    assert len(fetcher.begun) == 600
    assert max(fetcher.peak[f"http://{host}"] for host in "abc") <= 6
    assert fetcher.peak["all"] <= 12
    assert len(crew.shares) > 3


def test_one_host_is_shared():
    fetcher = FakeFetcher(0.1)
    crew = FakeCrew(4, fetcher)
    fetch(urls_of("a", each=400), crew, fetcher, per_host=8)
    assert fetcher.peak["http://a"] == 8
    assert {lease.slots for share in crew.shares for lease in share.leases} == {2}


def test_host_with_a_rate_is_with_one_worker():
    """And its spacing goes on from one share to the next."""
    fetcher = FakeFetcher(0.05)
    crew = FakeCrew(3, fetcher)
    fetch(urls_of("a", "b", each=60), crew, fetcher, per_host=4, interval=0.5)
    assert len(crew.shares) > 6
    for host in "ab":
        times = [at for at, url in fetcher.begun if f"//{host}/" in url]
        gaps = [after - before for before, after in itertools.pairwise(times)]
        assert min(gaps) >= 0.5 - 1e-9
        assert max(gaps) <= 0.75


def test_pause_of_a_host_outlives_the_share():
    pause = Failure("http://a/0", "HTTP 429", "", 1, again=True, pause=100.0)
    fetcher = FakeFetcher(answers={"http://a/0": [pause]})
    crew = FakeCrew(2, fetcher)
    outcomes, seconds = fetch(urls_of("a", each=6), crew, fetcher, per_host=1)
    assert all(isinstance(outcome, Page) for outcome in outcomes.values())
    assert outcomes["http://a/0"].attempts == 2
    assert seconds >= 101
    late = [at for at, _ in fetcher.begun if 1 < at < 101]
    assert late == []


def test_slow_host_comes_back():
    """A share takes its time, and what is left of it goes into another one."""
    fetcher = FakeFetcher(1.0)
    crew = FakeCrew(1, fetcher)
    outcomes, seconds = fetch(urls_of("a", each=30), crew, fetcher, per_host=1)
    assert len(outcomes) == 30
    assert len(crew.shares) >= 30 / (foreman.SECONDS + 1)
    assert seconds == pytest.approx(30)


def test_lost_share_is_done_again():
    fetcher = FakeFetcher(0.1)
    crew = FakeCrew(2, fetcher, lose={0: 5, 1: 0, 3: 7})
    urls = urls_of("a", "b", each=100)
    outcomes, _ = fetch(urls, crew, fetcher, per_host=4)
    assert set(outcomes) == set(urls)
    assert all(isinstance(outcome, Page) for outcome in outcomes.values())


def test_url_that_workers_are_lost_with():
    fetcher = FakeFetcher(0.1)
    crew = FakeCrew(1, fetcher, lose=dict.fromkeys(range(100), 0))
    outcomes, _ = fetch(urls_of("a", each=2), crew, fetcher)
    assert {outcome.kind for outcome in outcomes.values()} == {"worker lost"}
    assert "it was killed" in outcomes["http://a/0"].text
    assert len(crew.shares) == 3


def test_robots_are_read_before_and_once():
    fetcher = FakeFetcher(1.0, rules=Rules("User-agent: *\nDisallow: /1\nCrawl-delay: 2", "x"))
    crew = FakeCrew(3, fetcher)
    outcomes, _ = fetch(urls_of("a", "b", each=4), crew, fetcher, robots=True)
    assert [outcome.kind for outcome in outcomes.values() if isinstance(outcome, Failure)] == [
        "robots.txt"
    ] * 2
    assert sum("robots.txt" in url for _, url in fetcher.begun) == 2
    for host in "ab":
        times = [at for at, url in fetcher.begun if f"//{host}/" in url and "robots" not in url]
        assert times == pytest.approx([times[0], times[0] + 2, times[0] + 4])
        assert times[0] >= 3


def test_error_of_the_output_ends_all():
    fetcher = FakeFetcher(0.1)
    crew = FakeCrew(2, fetcher)

    async def main():
        async def deliver(target, outcome):
            raise OSError("full")

        targets = [Target(url) for url in urls_of("a", "b", each=50)]
        settings = Settings(robots=False)
        with pytest.raises(OSError, match="full"):
            await Foreman(settings, crew, targets, fetcher, deliver).run()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    clock.run(main())


def test_report_names_what_is_left():
    async def main():
        fetcher = FakeFetcher(1.0)
        share = foreman.Share(
            Settings(per_host=9),
            [foreman.Lease("http://a", 2, 0.0, [(f"http://a/{n}", n) for n in range(9)])],
            1.5,
        )
        done = []

        async def deliver(target, outcome):
            done.append((target.url, target.tries))

        report = await work_share(share, fetcher, deliver)
        assert isinstance(report, Report)
        assert sorted(done) == [(f"http://a/{n}", n + 1) for n in range(4)]
        assert report.left == [(f"http://a/{n}", n) for n in range(4, 9)]

    clock.run(main())
