"""What is said meanwhile and in the end."""

import asyncio
import io

import pytest

from aioxide.fetch import bars, summary
from aioxide.fetch.page import Failure, Page
from aioxide.fetch.settings import Settings
from aioxide.fetch.tally import Tally, percentile

from . import clock

HOST = "http://example.org"


def tally_of(pages=0, failures=(), planned=None):
    tally = Tally()
    for _ in range(planned if planned is not None else pages + len(failures)):
        tally.plan(HOST)
    for number in range(pages):
        url = f"{HOST}/{number}"
        tally.fetched(HOST, Page(url, url, 200, "", [], b"x" * 1000, 0.0, (number + 1) / 100, 1))
    for kind in failures:
        tally.failure(HOST, Failure(f"{HOST}/bad", kind, f"why it was {kind}"))
    return tally


def text_of(tally, seconds=2.0, before=0, descriptors=None, **settings):
    return summary.as_text(tally, Settings(**settings), "out", seconds, before, descriptors)


def test_a_line_every_ten_seconds():
    async def main():
        stream = io.StringIO()
        tally = tally_of(50, ["timeout"], planned=200)
        progress = bars.make(tally, stream, False)
        progress.start()
        await asyncio.sleep(25)
        progress.stop()
        await asyncio.sleep(25)
        return stream.getvalue()

    assert clock.run(main()).splitlines() == [
        "51 of 200, 1 failed, 5.0 pages/s, 50.0 kB",
        "51 of 200, 1 failed, 2.5 pages/s, 50.0 kB",
    ]


def test_quiet():
    async def main():
        stream = io.StringIO()
        progress = bars.make(tally_of(1), stream, True)
        progress.start()
        await asyncio.sleep(60)
        progress.stop()
        return stream.getvalue()

    assert clock.run(main()) == ""


def test_stream_that_nobody_reads():
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    async def main():
        progress = bars.make(tally_of(1), Closed(), False)
        progress.start()
        await asyncio.sleep(60)
        progress.stop()

    clock.run(main())


def test_all_fetched():
    assert text_of(tally_of(100), before=7).splitlines() == [
        "fetched 100 of 100 in 2.0 s: 50.0 pages/s, 100.0 kB",
        "  and 7 were in out before",
        "times   50% 500 ms, 90% 900 ms, 99% 990 ms, most 1.0 s",
    ]


def test_failures_and_what_remains():
    assert text_of(tally_of(1, ["HTTP 404", "bad redirect", "HTTP 404"], 9)).splitlines()[2:] == [
        "failed  3",
        "  HTTP 404     2",
        "    such as http://example.org/bad",
        "    why it was HTTP 404",
        "  bad redirect 1",
        "    such as http://example.org/bad",
        "    why it was bad redirect",
        "stopped: 5 remain; run the same command again to go on",
    ]


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        (
            "timeout",
            "1 timeout: the servers are slower than what they were asked; ask less at a time",
        ),
        ("timeout", "ask less at a time (--per-host 4), or wait longer (--timeout 60)"),
        ("HTTP 429", "ask more slowly (--rate 1/s, or less)"),
        ("too many open files", "raise `ulimit -n`, or lower --limit"),
        ("too large", "--max-size allows larger bodies"),
    ],
)
def test_hints(kind, hint):
    text = " ".join(text_of(tally_of(5, [kind])).split())
    assert "hint " in text
    assert hint in text
    assert "hint " not in text_of(tally_of(5, ["HTTP 404"]))


def test_hints_of_several_and_of_one_url():
    several = " ".join(text_of(tally_of(5, ["timeout", "timeout", "HTTP 503", "HTTP 503"])).split())
    assert "2 timeouts: " in several
    assert "2 answers said" in several
    alone = " ".join(text_of(tally_of(0, ["timeout"])).split())
    assert "they were asked; wait longer (--timeout 60)" in alone


def test_the_failed_can_be_listed():
    again = "run the same command again to try the failed ones once more"
    tally = tally_of(5, ["HTTP 404"])
    unlisted = summary.as_text(tally, Settings(), "out", 2.0, 0, None)
    assert " ".join(unlisted.split()).endswith(f"{again}; --failed FILE lists them")
    listed = summary.as_text(tally, Settings(), "out", 2.0, 0, None, listed=True)
    assert listed.endswith(again)


def test_a_narrow_terminal():
    tally = tally_of(5, ["timeout", "HTTP 404"])
    lines = summary.as_text(tally, Settings(), "out", 2.0, 3, None, width=40).splitlines()
    assert max(map(len, lines)) <= 40
    words = " ".join(" ".join(lines).split())
    assert words == " ".join(summary.as_text(tally, Settings(), "out", 2.0, 3, None).split())


def test_few_timeouts_are_no_hint():
    assert "hint" not in text_of(tally_of(99, ["timeout"]))


def test_few_descriptors():
    text = " ".join(text_of(tally_of(9), descriptors=40, limit=100).split())
    assert "left room for 40 connections, not 100: raise `ulimit -n`" in text
    assert "hint" not in text_of(tally_of(9), descriptors=100, limit=100)


def test_nothing_reaches_the_terminal_that_it_would_obey():
    tally = tally_of()
    tally.plan(HOST)
    tally.failure(HOST, Failure(f"{HOST}/\x1b[31m", "HTTP 404", "Not\r\nFound\x1b]0;x\x07"))
    assert text_of(tally).replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_500_000, "2.5 MB"), (3e12, "3000.0 GB")],
)
def test_sizes(count, text):
    assert summary.size_text(count) == text


@pytest.mark.parametrize(("share", "value"), [(0.5, 5), (0.9, 9), (0.99, 10), (0.01, 1)])
def test_percentiles(share, value):
    assert percentile(range(1, 11), share) == value
