"""What a program leaves open, and that a warning says where it was made."""

import asyncio
import inspect
import re
import subprocess
import sys
import warnings

import pytest

from aioxide import http

from ..net.peer import polled
from .wire import fetch


@pytest.fixture(params=[False, True], ids=["usual", "debug"])
def debug(request, loop):
    """Also in debug mode, where there is more to see."""
    loop.set_debug(request.param)
    return request.param


@pytest.fixture
def reports(loop):
    """What is reported to the loop's exception handler."""
    reports = []
    loop.set_exception_handler(lambda loop, context: reports.append(context))
    return reports


def here(offset):
    """A pattern for a line so many below the caller's."""
    line = inspect.currentframe().f_back.f_lineno + offset
    return rf"made at {re.escape(__file__)}:{line}, in "


async def test_session(loop, debug, reports):
    place = here(1)
    session = http.ClientSession()
    with pytest.warns(ResourceWarning, match="Unclosed client session .*" + place):
        # At once: nothing that it holds holds it.
        del session
    assert re.search(place.removeprefix("made at "), reports[0]["made_at"])
    assert ("source_traceback" in reports[0]) is debug


async def test_session_of_a_subclass(loop, reports):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)

        class Session(http.ClientSession):
            pass

    place = here(1)
    session = Session()
    with pytest.warns(ResourceWarning, match=place):
        del session


@pytest.mark.parametrize("options", [{}, {"headers": {"X": "y"}}], ids=["plain", "headers"])
async def test_response(server, session, debug, reports, options):
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    # The second request may go the short way.
    await asyncio.gather(fetch(session, server.url), server.answers(ok + b"ok"))
    place = here(3)

    async def ask():
        return await session.get(server.url, **options)

    async def reply():
        await server.wires[0].request()
        server.wires[0].send(ok)

    response, _ = await asyncio.gather(ask(), reply())
    # The step that was woken by the response still holds it.
    await polled()
    with pytest.warns(ResourceWarning, match=r"Unclosed response (?s:.*)" + place):
        del response
    assert bool(reports) is debug


async def test_response_of_a_task_that_is_the_request(server, session, reports):
    """Nobody awaits it in between, so there is no place to tell."""
    asking = asyncio.ensure_future(session.get(server.url))
    await server.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
    response = await asking
    await polled()
    with pytest.warns(ResourceWarning, match="Unclosed response") as caught:
        del response, asking
    assert "made at" not in str(caught[0].message)


async def test_what_is_closed_says_nothing(server, session, reports):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await asyncio.gather(
            fetch(session, server.url),
            server.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        )
    assert reports == []


FORGETS = """
import aioxide
from aioxide import http

async def main():
    global session
    session = http.ClientSession()

aioxide.run(main())
"""


def test_session_of_a_program_that_ends():
    """The interpreter imports nothing any more by then."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORGETS],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert "Unclosed client session" in done.stderr
    assert "Traceback" not in done.stderr
