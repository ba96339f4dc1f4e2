"""Coroutine tests of the client, on aioxide's loop, and servers that are the test's own."""

import contextlib
import socket

import pytest
import trustme

import aioxide
from aioxide import http
from aioxide.http import _untouched

from ..net.coroutines import pytest_itemcollected, pytest_pyfunc_call  # noqa: F401 - pytest finds them here
from .dialling import WAYS
from .wire import Server


@pytest.fixture
def loop_kind():
    """The client has no other loop."""
    return "aioxide"


@pytest.fixture
def loop():
    """A new loop of aioxide, closed after the test."""
    loop = aioxide.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def server(loop):
    """A listening socket on loopback."""
    server = Server(loop)
    yield server
    server.close()


@pytest.fixture
def make_session(loop):
    """Make a session, which is closed after the test: `session = make_session(**options)`."""
    made = []

    async def create(options):
        return http.ClientSession(**options)

    def make(**options):
        if loop.is_running():
            session = http.ClientSession(**options)
        else:
            session = loop.run_until_complete(create(options))
        made.append(session)
        return session

    async def close():
        for session in made:
            await session.close()

    yield make
    if not loop.is_closed():
        loop.run_until_complete(close())


@pytest.fixture
def session(make_session):
    """A session with nothing special."""
    return make_session()


@pytest.fixture(scope="session")
def tls_authority():
    """Who signs the certificates of the tests."""
    return trustme.CA()


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """How the sessions of a test connect."""
    if request.param == "asyncio":
        monkeypatch.setattr(_untouched, "may_dial", lambda connector: False)
    return request.param


@pytest.fixture
def session_of(way, make_session):
    """Make a session that goes one way: `session = session_of(**options of the connector)`."""

    def make(timeout=None, **options):
        connector = http.TCPConnector(**options)
        session = make_session(connector=connector, **({"timeout": timeout} if timeout else {}))
        if way != "short":
            session._shortcut = None
        return session

    return make


@pytest.fixture
def nobody():
    """A port that refuses connections: nobody listens on its socket."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.fixture
def silent(loop):
    """The port of a server that answers no more: connecting to it goes on for long."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(("127.0.0.1", port))
        yield port
