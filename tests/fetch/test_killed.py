"""Killed at random points and started again until all is there: every URL once, and intact."""

import random
import signal

import pytest

from .outputs import check
from .site import Answer, body_of

PAGES = 300
LIMIT = 16


def wait_asked_or_ended(site, child, count):
    """Return when the site was asked so often, or soon after the child has ended."""
    while child.poll() is None:
        with site.changed:
            if site.changed.wait_for(lambda: site.count >= count, 0.1):
                return


def kill_and_resume(site, fetch, arguments, rng, least_kills):
    """Run the same command until it comes to its end; how often it was killed before."""
    kills = 0
    while True:
        child = fetch.start(*arguments)
        # Enough for some to be written, and any moment between.
        wait_asked_or_ended(site, child, site.count + rng.randrange(1, PAGES // 4))
        if kills < 2 * least_kills:
            child.send_signal(signal.SIGKILL)
        code = fetch.finish(child).returncode
        if code != -signal.SIGKILL:
            assert code == 0
            return kills
        kills += 1


@pytest.mark.time_limit(180)
def test_sigkill(site, fetch, listed, output):
    rng = random.Random(output.name)
    urls = site.pages(range(PAGES))
    arguments = ("-i", listed(urls), "-o", output, "--per-host", LIMIT)
    kills = kill_and_resume(site, fetch, arguments, rng, 4)
    assert kills >= 4
    check(output, {url: body_of(number) for number, url in enumerate(urls)})
    # What was fetched and written is not fetched again; only what was under way may be, or about
    # to be written: that waits for the disk with its place in the limit taken.
    assert site.pages_asked() <= PAGES + kills * 100


@pytest.mark.parametrize("size", ["all", "one missing"])
def test_nothing_is_fetched_twice(site, fetch, listed, output, size):
    urls = site.pages(range(30))
    fetch.run("-i", listed(urls[:-1] if size == "one missing" else urls), "-o", output)
    before = site.pages_asked()
    again = fetch.run("-i", listed(urls), "-o", output)
    if size == "all":
        assert "all of it is in" in again.stderr
        assert again.stdout == ""
        assert site.pages_asked() == before == 30
    else:
        assert "29 URLs in " in again.stderr
        assert " already; 1 to fetch" in again.stderr
        assert site.pages_asked() == before + 1 == 30
    check(output, {url: body_of(number) for number, url in enumerate(urls)})


def test_other_urls_are_added(site, fetch, output):
    first, second = site.pages([1, 2])
    fetch.run(first, "-o", output)
    fetch.run(second, "-o", output)
    check(output, {first: body_of(1), second: body_of(2)})


def test_what_failed_is_fetched_by_the_next_run(site, fetch, output):
    site.answer("/flaky", Answer(500), Answer(200, b"at last"))
    url = f"{site.url}/flaky"
    failed = fetch.run(url, "-o", output, "--retries", "0", code=1)
    assert "HTTP 500" in failed.stdout
    fetch.run(url, "-o", output)
    check(output, {url: b"at last"})
