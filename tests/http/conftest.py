"""Coroutine tests of the client, on aioxide's loop, and servers that are the test's own."""

import inspect

import pytest
import trustme

import aioxide
from aioxide import http

from .wire import Server

TIME_LIMIT = 20


def pytest_itemcollected(item):
    """Cut a wait that does not end sooner than the suite's own limit does."""
    if item.get_closest_marker("time_limit") is None:
        item.add_marker(pytest.mark.time_limit(TIME_LIMIT))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run a test that is a coroutine function on its `loop` fixture."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    pyfuncitem.funcargs["loop"].run_until_complete(pyfuncitem.obj(**arguments))
    return True


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
