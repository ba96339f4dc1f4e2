"""Programs that are told by their own options, or by their file, which loop to make."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import urllib.request

import pytest

ADDRESS = r"(http://127\.0\.0\.1:\d+)"
LIMIT = 60
APPLICATION = """
    import asyncio, json

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        loop = type(asyncio.get_running_loop())
        body = json.dumps([loop.__module__, loop.__name__]).encode()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
"""


@pytest.fixture
def place(tmp_path):
    """A folder with application.py, an ASGI application that answers with its loop's class."""
    (tmp_path / "application.py").write_text(textwrap.dedent(APPLICATION), encoding="utf-8")
    return tmp_path


@pytest.fixture
def write(place):
    """Write a file of the program."""

    def write(name, text):
        (place / name).write_text(textwrap.dedent(text), encoding="utf-8")

    return write


@pytest.fixture
def execute(place):
    """Run a Python program to its end, and return what it printed."""

    def execute(*arguments):
        done = subprocess.run(
            [sys.executable, *arguments], cwd=place, env=environment(), capture_output=True,
            text=True, timeout=LIMIT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return execute


def environment():
    return {**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore"}


@pytest.fixture
def serving(place):
    """Start a Python program that serves; when it has said where, the block runs."""

    @contextlib.contextmanager
    def serving(*arguments, says=ADDRESS, stop=signal.SIGTERM, pass_fds=()):
        command = [sys.executable, *arguments]
        with subprocess.Popen(
            command, cwd=place, env=environment(), text=True, pass_fds=pass_fds,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as server:  # fmt: skip
            log = []
            try:
                for line in server.stdout:
                    log.append(line)
                    if found := re.search(says, line):
                        break
                else:
                    pytest.fail("".join(log))
                yield found[1]
                server.send_signal(stop)
                log += server.stdout.readlines()
                assert server.wait(LIMIT) in (0, -stop), "".join(log)
            finally:
                server.kill()

    return serving


@pytest.fixture
def loop_of():
    """The class of the loop that serves at an address."""

    def loop_of(address):
        with urllib.request.urlopen(address, timeout=LIMIT) as response:
            module, name = json.load(response)
        return f"{module.partition('.')[0]}.{name}"

    return loop_of
