"""Coroutine tests of the client, on aioxide's loop, and servers that are the test's own."""

import pytest
import trustme

import aioxide
from aioxide import http

from ..net.coroutines import pytest_itemcollected, pytest_pyfunc_call  # noqa: F401 - pytest finds them here
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
