"""Whose turn it is, on a clock that jumps: limits of hosts, rates, pauses, retries, robots.txt."""

import asyncio
import itertools
from collections import Counter

import pytest

from aioxide.fetch.hosts import Hosts
from aioxide.fetch.page import Failure, Page
from aioxide.fetch.robots import Rules
from aioxide.fetch.settings import Settings
from aioxide.fetch.target import Target
from aioxide.fetch.work import Work, backoff

from . import clock


class FakeFetcher:
    """Answers after a time, as it is told."""

    def __init__(self, takes=1.0, rules=None, answers=None):
        self.takes = takes
        self.rule = rules
        self.answers = answers or {}
        self.begun = []
        self.active = Counter()
        self.peak = Counter()

    async def fetch(self, target):
        loop = asyncio.get_running_loop()
        self.begun.append((loop.time(), target.url))
        self.active.update(["all", target.origin])
        self.peak |= self.active
        target.tries += 1
        await asyncio.sleep(self.takes)
        self.active.subtract(["all", target.origin])
        answers = self.answers.get(target.url)
        if answers:
            return answers.pop(0)
        return Page(target.url, target.url, 200, "", [], b"", 0.0, self.takes, target.tries)

    async def rules(self, origin):
        self.begun.append((asyncio.get_running_loop().time(), f"{origin}/robots.txt"))
        await asyncio.sleep(self.takes)
        rule = self.rule
        return rule.pop(0) if isinstance(rule, list) else rule or Rules()


def work(urls, fetcher, **settings):
    """Fetch them; gives the outcomes by URL, and the seconds that it took."""
    settings = Settings(**{"robots": False, **settings})
    outcomes = {}

    async def deliver(target, outcome):
        assert target.url not in outcomes
        outcomes[target.url] = outcome

    async def main():
        hosts = Hosts(settings)
        for url in urls:
            hosts.add(Target(url))
        await Work(settings, hosts, fetcher, deliver).run()
        assert (hosts.waiting, hosts.active) == (0, 0)
        return asyncio.get_running_loop().time()

    return outcomes, clock.run(main())


def urls_of(*hosts, each=10):
    return [f"http://{host}/{number}" for host in hosts for number in range(each)]


def test_limits_of_hosts_and_of_all():
    fetcher = FakeFetcher()
    urls = urls_of("a", "b", "c", each=20)
    outcomes, seconds = work(urls, fetcher, limit=10, per_host=4)
    assert set(outcomes) == set(urls)
    assert fetcher.peak["all"] == 10
    assert max(fetcher.peak[f"http://{host}"] for host in "abc") == 4
    # 60 at 10 a second would be 6 s; what is left in the end may be one host's.
    assert 6 <= seconds <= 8


def test_one_slow_host_holds_up_no_other():
    """Its URLs come first, and do not fill the window."""
    fetcher = FakeFetcher()
    work(urls_of("slow", each=50) + urls_of("b", each=4), fetcher, limit=8, per_host=4)
    begun = {url: at for at, url in fetcher.begun}
    assert max(at for url, at in begun.items() if "//b/" in url) == 0


@pytest.mark.parametrize("takes", [0.01, 3.0])
def test_rate_is_exact(takes):
    fetcher = FakeFetcher(takes)
    work(urls_of("a", "b", each=30), fetcher, per_host=100, interval=0.25)
    for host in "ab":
        times = [at for at, url in fetcher.begun if f"//{host}/" in url]
        assert times == pytest.approx([number * 0.25 for number in range(30)])


def test_retry_after_holds_the_host():
    pause = Failure("http://a/0", "HTTP 429", "", 1, again=True, pause=60.0)
    fetcher = FakeFetcher(answers={"http://a/0": [pause]})
    outcomes, _ = work(urls_of("a", "b", each=4), fetcher, per_host=1)
    assert all(isinstance(outcome, Page) for outcome in outcomes.values())
    assert outcomes["http://a/0"].attempts == 2
    times = [at for at, url in fetcher.begun if "//a/" in url]
    assert times[0] == 0
    assert min(times[1:]) >= 61
    assert max(at for at, url in fetcher.begun if "//b/" in url) == 3


def test_retries_and_their_waits():
    failure = Failure("http://a/0", "timeout", "", 1, again=True)
    fetcher = FakeFetcher(0.0, answers={"http://a/0": [failure] * 9})
    outcomes, _ = work(["http://a/0"], fetcher, retries=4)
    assert outcomes["http://a/0"] is failure
    times = [at for at, _ in fetcher.begun]
    assert len(times) == 5
    for number, (before, after) in enumerate(itertools.pairwise(times)):
        assert 0.25 * 2**number <= after - before <= 0.5 * 2**number


def test_wait_is_bounded():
    assert 15 <= backoff(10_000) <= 30


def test_retry_holds_no_place():
    failure = Failure("http://a/0", "timeout", "", 1, again=True)
    fetcher = FakeFetcher(answers={"http://a/0": [failure]})
    work(urls_of("a", each=3), fetcher, per_host=1, limit=1)
    assert [url for _, url in fetcher.begun] == [
        "http://a/0", "http://a/1", "http://a/0", "http://a/2",
    ]  # fmt: skip


def test_failure_for_good_is_not_tried_again():
    failure = Failure("http://a/0", "HTTP 404", "")
    fetcher = FakeFetcher(answers={"http://a/0": [failure]})
    outcomes, _ = work(["http://a/0"], fetcher)
    assert outcomes["http://a/0"] is failure
    assert len(fetcher.begun) == 1


def test_robots_are_read_once_and_first():
    fetcher = FakeFetcher(rules=Rules("User-agent: *\nDisallow: /1\nCrawl-delay: 5", "x"))
    outcomes, _ = work(urls_of("a", each=3), fetcher, robots=True)
    assert [isinstance(outcomes[f"http://a/{n}"], Page) for n in range(3)] == [True, False, True]
    assert outcomes["http://a/1"].kind == "robots.txt"
    # The first page does not wait, as no rule was known when robots.txt was asked for.
    assert fetcher.begun == [
        (0.0, "http://a/robots.txt"), (1.0, "http://a/0"), (6.0, "http://a/2"),
    ]  # fmt: skip


def test_robots_are_tried_again():
    down = Failure("", "timeout", "slow", 1, again=True)
    fetcher = FakeFetcher(rules=[down, down, Rules()])
    outcomes, _ = work(urls_of("a", each=2), fetcher, robots=True)
    assert all(isinstance(outcome, Page) for outcome in outcomes.values())
    fetcher = FakeFetcher(rules=[down] * 3)
    outcomes, _ = work(urls_of("a", each=2), fetcher, robots=True, retries=2)
    assert [outcome.kind for outcome in outcomes.values()] == ["timeout"] * 2
    assert len(fetcher.begun) == 3


def test_stop_begins_nothing_more():
    async def main():
        settings = Settings(robots=False, per_host=2)
        hosts = Hosts(settings)
        for url in urls_of("a", each=10):
            hosts.add(Target(url))
        fetcher = FakeFetcher()
        asyncio.get_running_loop().call_later(1.5, hosts.stop)

        async def deliver(target, outcome):
            pass

        await Work(settings, hosts, fetcher, deliver).run()
        assert len(fetcher.begun) == 4
        return [target.url for target in hosts.left()]

    assert clock.run(main()) == urls_of("a")[4:]


def test_cancelled_work_leaves_nothing_running():
    async def main():
        settings = Settings(robots=False, per_host=3)
        hosts = Hosts(settings)
        for url in urls_of("a", each=10):
            hosts.add(Target(url))
        delivered = []

        async def deliver(target, outcome):
            delivered.append(target.url)

        work = asyncio.ensure_future(Work(settings, hosts, FakeFetcher(), deliver).run())
        await asyncio.sleep(1.5)
        work.cancel()
        await asyncio.wait([work])
        assert work.cancelled()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        # What was under way waits again.
        assert hosts.active == 0
        assert {target.url for target in hosts.left()} | set(delivered) == set(urls_of("a"))

    clock.run(main())


def test_error_of_the_output_ends_all():
    async def main():
        settings = Settings(robots=False)
        hosts = Hosts(settings)
        for url in urls_of("a", each=50):
            hosts.add(Target(url))

        async def deliver(target, outcome):
            raise OSError("full")

        with pytest.raises(OSError, match="full"):
            await Work(settings, hosts, FakeFetcher(), deliver).run()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    clock.run(main())
