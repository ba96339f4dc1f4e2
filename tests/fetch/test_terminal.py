"""On a terminal and off it: bars, Ctrl-C, and what a pipe gets."""

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys

import pytest

from .outputs import check, read
from .site import Answer, body_of

# Becomes the leader of a session whose terminal is its standard input, then runs the rest.
ON_TERMINAL = """
import fcntl, os, struct, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", 24, int(sys.argv.pop(1)), 0, 0))
os.execv(sys.argv[1], sys.argv[1:])
"""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A command on a terminal."""

    def __init__(self, fetch, *arguments, columns=80, **environment):
        self._fd, inner = pty.openpty()
        kept = {name: value for name, value in fetch.environment.items() if name != "COLUMNS"}
        self.child = subprocess.Popen(
            [sys.executable, "-c", ON_TERMINAL, str(columns), *fetch.line(*arguments)],
            cwd=fetch.folder, stdin=inner, stdout=inner, stderr=inner,
            env={**kept, "TERM": "xterm", **environment},
        )  # fmt: skip
        os.close(inner)
        self.shown = ""

    def read_until(self, text):
        while text not in self.shown and self._read():
            pass
        assert text in self.shown

    def _read(self):
        try:
            data = os.read(self._fd, 4096)
        except OSError:  # EIO: no process has the terminal any more
            return False
        self.shown += data.decode()
        return bool(data)

    def press(self, key):
        os.write(self._fd, key)

    def finish(self):
        while self._read():
            pass
        code = self.child.wait(timeout=30)
        os.close(self._fd)
        return code


def test_ctrl_c(site, fetch, listed, tmp_path):
    """What was fetched is there, what remains is said, and the same command goes on."""
    urls = site.pages(range(40))
    arguments = ("-i", listed(urls), "-o", "out.jsonl", "--per-host", 4, "--no-robots")
    site.answer("/page/30", Answer(200, b"never"))
    site.close_at = 12
    terminal = Terminal(fetch, *arguments)
    site.wait_active(4)
    terminal.press(b"\x03")
    assert terminal.finish() == 130
    site.open.set()
    there = len(read(tmp_path / "out.jsonl"))
    assert there >= 8
    assert "Traceback" not in terminal.shown
    assert f"stopped: {40 - there} remain; run the same command again" in terminal.shown
    again = fetch.run(*arguments)
    assert f"{there} URLs in out.jsonl already; {40 - there} to fetch" in again.stderr
    expected = {url: body_of(number) for number, url in enumerate(urls)}
    check(tmp_path / "out.jsonl", {**expected, urls[30]: b"never"})


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"]
)
def test_signal(site, fetch, number, code):
    site.open.clear()
    child = fetch.start(*site.pages(range(10)), "-o", "out", "--json")
    site.wait_active(8)
    child.send_signal(number)
    done = fetch.finish(child)
    site.open.set()
    assert done.returncode == code
    said = json.loads(done.stdout)
    assert (said["interrupted"], said["remaining"]) == (True, 10)


def test_ctrl_c_while_a_sitemap_is_read(site, fetch):
    site.answer("/map", Answer(200, b""))
    site.open.clear()
    child = fetch.start("--sitemap", f"{site.url}/map", "-o", "out")
    site.wait_active(1)
    child.send_signal(signal.SIGINT)
    assert fetch.finish(child).returncode == 130
    site.open.set()


@pytest.mark.parametrize("colour", [False, True])
def test_bars(site, fetch, colour):
    pytest.importorskip("rich")
    other = site.url.replace("127.0.0.1", "localhost")
    urls = [*site.pages(range(20)), *(f"{other}/page/{number}" for number in range(20))]
    environment = {} if colour else {"NO_COLOR": "1"}
    if colour:
        fetch.environment.pop("NO_COLOR")
    # Of each host's twenty, ten are done and two under way.
    site.held = {f"/page/{number}" for number in range(10, 20)}
    site.open.clear()
    terminal = Terminal(fetch, *urls, "-o", "out", "--per-host", 2, "--no-robots", **environment)
    site.wait_active(4)
    terminal.read_until("localhost:")
    terminal.read_until("20/40")
    site.open.set()
    assert terminal.finish() == 0
    # Colours are "m" sequences with a number; the others move the cursor.
    assert bool(re.search(r"\x1b\[[0-9;]*[1-9][0-9;]*m", terminal.shown)) == colour
    for line in re.split(r"[\r\n]+", ESCAPES.sub("", terminal.shown)):
        assert len(line) <= 80, line
    # The cursor is never hidden: it would be for good when the process is killed.
    assert "\x1b[?25l" not in terminal.shown
    assert "fetched 40 of 40 in " in terminal.shown


def lines_of(terminal):
    """What was shown, line by line, without what moves the cursor."""
    return re.split(r"[\r\n]+", ESCAPES.sub("", terminal.shown))


def test_narrow_terminal(site, fetch):
    """The numbers are there, bars are not, and nothing is broken by the terminal."""
    pytest.importorskip("rich")
    site.held = {f"/page/{number}" for number in range(10, 20)}
    site.open.clear()
    terminal = Terminal(
        fetch, *site.pages(range(20)), "-o", "out", "--per-host", 2, "--no-robots", columns=40
    )
    site.wait_active(2)
    terminal.read_until("10/20")
    site.open.set()
    assert terminal.finish() == 0
    assert max(map(len, lines_of(terminal))) <= 40
    assert "━" not in terminal.shown


def test_second_ctrl_c_does_not_wait(site, fetch):
    """The first one ends the bars; the second the process, whatever is being written."""
    site.open.clear()
    stuck = "import aioxide.fetch.writer as w; w.Writer.close = w.Writer.put = never"
    program = f"""
import asyncio, sys
async def never(*_):
    print("closing", file=sys.stderr, flush=True)
    await asyncio.get_running_loop().create_future()
{stuck}
from aioxide._cli import main
main(["fetch", *sys.argv[1:]])
"""
    fetch.line = lambda *arguments: [sys.executable, "-c", program, *map(str, arguments)]
    terminal = Terminal(fetch, *site.pages(range(9)), "-o", "out", "--no-robots")
    site.wait_active(8)
    terminal.read_until("0/9")
    terminal.press(b"\x03")
    terminal.read_until("closing")
    terminal.press(b"\x03")
    assert terminal.finish() == -signal.SIGINT
    site.open.set()
    assert "\x1b[?25l" not in terminal.shown


def test_ctrl_c_leaves_no_bar(site, fetch):
    """The ^C that the terminal shows begins no new line, so the bar is taken away."""
    pytest.importorskip("rich")
    site.open.clear()
    terminal = Terminal(fetch, *site.pages(range(9)), "-o", "out", "--no-robots")
    site.wait_active(8)
    terminal.read_until("0/9 0/s")
    terminal.press(b"\x03")
    assert terminal.finish() == 130
    site.open.set()
    bars = [line for line in lines_of(terminal) if line.startswith("all ")]
    assert bars
    assert all(len(line.removesuffix("^C")) <= 77 for line in bars), bars


def test_what_is_logged_stands_above_the_bars(site, fetch):
    pytest.importorskip("rich")
    program = """
import logging, sys
import aioxide.fetch.work as work
run = work.Work.run
def told(self):
    logging.getLogger("aioxide.http").warning("few %s " * 20, *["things"] * 20)
    return run(self)
work.Work.run = told
from aioxide._cli import main
main(["fetch", *sys.argv[1:]])
"""
    fetch.line = lambda *arguments: [sys.executable, "-c", program, *map(str, arguments)]
    terminal = Terminal(fetch, *site.pages([1]), "-o", "out", "--no-robots")
    assert terminal.finish() == 0
    said = [line for line in lines_of(terminal) if "things" in line]
    assert said[0].startswith("aioxide: few things few things")
    assert max(map(len, said)) <= 80
    assert all("all  " not in line for line in said)


def test_urls_that_are_typed(site, fetch, tmp_path):
    """Who forgets what -i - waits for is told."""
    terminal = Terminal(fetch, "-i", "-", "-o", "out.jsonl", "--no-robots")
    terminal.read_until("URLs, one a line; Ctrl-D ends the list")
    terminal.press(f"{site.url}/page/1\n".encode())
    terminal.press(b"\x04")
    assert terminal.finish() == 0
    check(tmp_path / "out.jsonl", {f"{site.url}/page/1": body_of(1)})


@pytest.mark.parametrize("columns", [40, 80])
def test_errors_break_between_words(fetch, columns):
    terminal = Terminal(fetch, columns=columns)
    assert terminal.finish() == 2
    *_, first, second = (line for line in lines_of(terminal) if line)
    assert max(map(len, (first, second))) <= columns
    assert second.startswith("         ")
    assert "for standard input), or --sitemap URL" in " ".join(terminal.shown.split())


def test_dumb_terminal(site, fetch):
    terminal = Terminal(fetch, *site.pages([1]), "-o", "out", TERM="dumb")
    assert terminal.finish() == 0
    assert "\x1b" not in terminal.shown


def test_pipe_has_no_control_characters(site, fetch):
    """Not even those that a server sends."""
    site.answer("/bad", Answer(404))
    site.answer("/loop", Answer(302, Location="http://h\x1b[31m/"))
    done = fetch.run(
        *site.pages([1]), f"{site.url}/bad", f"{site.url}/loop", "-o", "out", "--retries", 0,
        code=1,
    )  # fmt: skip
    for text in (done.stdout, done.stderr):
        assert text.replace("\n", "").isprintable()
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed(site, fetch, tmp_path, closed):
    """No file of ours gets the number of a standard stream."""
    line = shlex.join(fetch.line(*site.pages([1]), "-o", "out.jsonl"))
    done = subprocess.run(
        f"{line} {closed}", shell=True, cwd=tmp_path, env=fetch.environment,
        capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    check(tmp_path / "out.jsonl", {site.pages([1])[0]: body_of(1)})


@pytest.mark.parametrize(("number", "code"), [(1, 3), (2, 0)])
def test_streams_that_are_full(site, fetch, tmp_path, number, code):
    """A summary that is lost is an error, progress that is lost is none."""
    line = shlex.join(fetch.line(*site.pages([1]), "-o", "out.jsonl"))
    done = subprocess.run(
        f"{line} {number}> /dev/full", shell=True, cwd=tmp_path, env=fetch.environment,
        capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    if code:
        assert "aioxide: cannot write the summary: No space left on device" in done.stderr
    check(tmp_path / "out.jsonl", {site.pages([1])[0]: body_of(1)})


def test_reader_that_has_gone(site, fetch):
    """Progress that nobody reads does not end the run."""
    reading, writing = os.pipe()
    os.close(reading)
    child = subprocess.Popen(
        fetch.line(*site.pages([1]), "-o", "out", "-q"), cwd=fetch.folder, env=fetch.environment,
        stdin=subprocess.DEVNULL, stdout=writing, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(writing)
    with child:
        _, errors = child.communicate(timeout=40)
    assert "Traceback" not in errors
    assert len(read(fetch.folder / "out")) == 1
