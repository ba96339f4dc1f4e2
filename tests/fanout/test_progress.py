"""Progress: what is told, when, and how it looks."""

import asyncio
import io
import os
import pty
import re
import subprocess
import sys

import pytest

import aioxide
from aioxide.fanout._bar import Bar, Lines, display_on
from aioxide.fanout._progress import Progress


async def second(item):
    await asyncio.sleep(1)
    if item == "bad":
        raise ValueError(item)


def seen_of(simulation, items, **options):
    seen = []
    simulation.run(aioxide.amap(second, items, progress=seen.append, on_error="skip", **options))
    return seen


def test_counts_times_and_rates(simulation):
    seen = seen_of(simulation, ["bad", *range(29)], limit=3)
    first, last = seen[0], seen[-1]
    assert (first.done, first.failed, first.total, first.rate, first.eta) == (0, 0, 30, None, None)
    assert (first.active, first.limit, first.ended) == (0, 3, False)
    assert first.label == "amap(second)"
    half = next(one for one in seen if one.done + one.failed == 15 and one.elapsed >= 5.05)
    assert (half.done, half.failed, half.active) == (14, 1, 3)
    assert half.rate == pytest.approx(3, rel=0.05)
    assert half.eta == pytest.approx(5, rel=0.05)
    assert (last.done, last.failed, last.active, last.ended) == (29, 1, 0, True)
    assert last.elapsed == pytest.approx(10)
    assert last.rate == pytest.approx(3)
    assert 95 < len(seen) < 110, "ten times a second"


def test_number_of_items_may_be_unknown(simulation):
    seen = seen_of(simulation, (item for item in range(3)))
    assert {one.total for one in seen} == {None}
    assert {one.eta for one in seen} == {None}


def test_stream_tells_too(simulation):
    seen = []

    async def main():
        async with aioxide.stream(second, range(10), limit=2, progress=seen.append) as stream:
            async for _ in stream:
                break

    simulation.run(main())
    assert seen[0].label == "stream(second)"
    assert seen[-1].ended
    assert simulation.timers == 0


@pytest.mark.parametrize("when", ["first", "later", "last"])
def test_function_that_raises(simulation, when):
    """It is told no more; the loop's exception handler has the exception; the calls go on."""
    seen, contexts = [], []
    simulation.loop.set_exception_handler(lambda loop, context: contexts.append(context))

    def progress(told):
        seen.append(told)
        if when == "first" or (when == "later" and told.done) or told.ended:
            raise LookupError("display")

    assert len(simulation.run(aioxide.amap(second, range(4), limit=2, progress=progress))) == 4
    assert [repr(context["exception"]) for context in contexts] == ["LookupError('display')"]
    assert "showing the progress failed" in contexts[0]["message"]
    assert len(seen) == {"first": 1, "later": 11, "last": len(seen)}[when]


def test_error_ends_it(simulation):
    seen = []

    async def main():
        with pytest.raises(aioxide.FanOutError):
            await aioxide.amap(second, ["bad"], progress=seen.append)

    simulation.run(main())
    assert (seen[-1].failed, seen[-1].ended) == (1, True)
    assert simulation.timers == 0


def test_a_line_every_ten_seconds(simulation, monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)

    async def nearly_a_second(item):
        await asyncio.sleep(0.96)

    simulation.run(aioxide.amap(nearly_a_second, range(25), limit=1, progress=True))
    assert file.getvalue().splitlines() == [
        "amap(nearly_a_second): 10/25, 1.0/s, eta 0:15",
        "amap(nearly_a_second): 20/25, 1.0/s, eta 0:05",
        "amap(nearly_a_second): 25/25, 1.0/s, in 0:24",
    ]


def progress_of(**changes):
    told = {
        "label": "amap(fetch)",
        "done": 1200,
        "failed": 34,
        "total": 5000,
        "active": 20,
        "limit": 20,
        "elapsed": 25.0,
        "rate": 49.36,
        "ended": False,
    }
    return Progress(**{**told, **changes})


class TestBar:
    def test_eighty_columns(self):
        text = Bar(io.StringIO(), colour=False).draw(progress_of(), 80)
        assert text == (
            "amap(fetch) [######" + "." * 21 + "] 1,234/5,000 34 failed 49.4/s eta 1:16"
        )
        assert len(text) <= 79

    def test_what_fits_is_shown(self):
        text = Bar(io.StringIO(), colour=True).draw(progress_of(), 50)
        assert text == "amap(fetch) 1,234/5,000 \x1b[31m34 failed\x1b[0m 49.4/s eta 1:16"
        text = Bar(io.StringIO(), colour=True).draw(progress_of(), 49)
        assert text == "amap(fetch) 1,234/5,000 \x1b[31m34 failed\x1b[0m 49.4/s"

    @pytest.mark.parametrize("changes", [{}, {"total": None}, {"label": "amap(" + "x" * 90 + ")"}])
    def test_never_wider_than_the_terminal(self, changes):
        for width in range(2, 200):
            text = Bar(io.StringIO(), colour=False).draw(progress_of(**changes), width)
            assert len(text) < width

    def test_colour_only_for_failures(self):
        bar = Bar(io.StringIO(), colour=True)
        assert "\x1b[31m34 failed\x1b[0m" in bar.draw(progress_of(), 80)
        assert "\x1b" not in bar.draw(progress_of(failed=0), 80)

    @pytest.mark.parametrize(
        ("seconds", "text"), [(0, "eta 0:00"), (75, "eta 1:15"), (3725, "eta 1:02:05")]
    )
    def test_times(self, seconds, text):
        told = progress_of(done=0, failed=0, total=seconds * 2, rate=2.0)
        assert Bar(io.StringIO(), colour=False).draw(told, 80).endswith(text)

    def test_end_of_what_was_not_finished(self):
        told = progress_of(ended=True, active=0)
        assert "1,234/5,000 34 failed 49.4/s in 0:25" in Bar(io.StringIO(), colour=False).draw(
            told, 80
        )


class TestDisplay:
    def test_no_file(self):
        assert display_on(None) is None
        closed = io.StringIO()
        closed.close()
        assert display_on(closed) is None

    def test_file(self):
        assert isinstance(display_on(io.StringIO()), Lines)

    def test_terminal(self, monkeypatch):
        controller, terminal = pty.openpty()
        with open(controller, "rb", 0), open(terminal, "w") as file:
            monkeypatch.setenv("TERM", "xterm")
            monkeypatch.delenv("NO_COLOR", raising=False)
            assert isinstance(display_on(file), Bar)
            assert "\x1b[31m" in display_on(file).draw(progress_of(), 80)
            monkeypatch.setenv("NO_COLOR", "1")
            assert "\x1b" not in display_on(file).draw(progress_of(), 80)
            monkeypatch.setenv("TERM", "dumb")
            assert isinstance(display_on(file), Lines)


PROGRAM = """
import aioxide, asyncio

async def call(item):
    await asyncio.sleep(0)

aioxide.run(aioxide.amap(call, range(10), progress=True))
"""


def test_program_on_a_terminal_and_in_a_pipe():
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    piped = subprocess.run(command, capture_output=True, text=True, timeout=40, check=True)
    assert re.fullmatch(r"amap\(call\): 10/10, [\d.,]+/s, in 0:00\n", piped.stderr)
    controller, terminal = pty.openpty()
    with open(controller, "rb", 0) as screen:
        with open(terminal, "wb", 0) as file:
            subprocess.run(
                command, stderr=file, timeout=40, check=True, env={**os.environ, "TERM": "xterm"}
            )
            shown = screen.read(10_000).decode()
    lines = shown.split("\r\x1b[2K")
    assert re.fullmatch(r"amap\(call\) \[#{30,40}\] 10/10 [\d.,]+/s in 0:00\r\n", lines[-1])
