"""The connections of a connector: how many, whose turn it is, and how long they are kept."""

import asyncio
import gc
import json
import queue
import weakref

import pytest

import aioxide
from aioxide import http

from ..net.peer import polled
from .wire import OK, answer, fetch, settled

SHORT = 0.05


async def serve(server, count):
    """Answer `count` requests, each connection in a task of its own; the most at one time."""
    open_now = most = done = 0
    finished = asyncio.get_running_loop().create_future()

    async def connection(wire):
        nonlocal open_now, most, done
        while True:
            try:
                request = await wire.request()
            except (AssertionError, OSError):
                return
            open_now += 1
            most = max(most, open_now)
            await polled(2)
            open_now -= 1
            wire.send(answer(request.target.encode()))
            done += 1
            if done == count and not finished.done():
                finished.set_result(None)

    async def accept():
        while True:
            tasks.append(asyncio.ensure_future(connection(await server.accept())))

    tasks = []
    accepting = asyncio.ensure_future(accept())
    await finished
    for task in (accepting, *tasks):
        task.cancel()
    await asyncio.wait([accepting, *tasks])
    return most


@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({"limit": 3}, 3),
        ({"limit_per_host": 2}, 2),
        ({"limit": 0}, 20),
        ({"limit": 2.5}, 3),
        ({"limit": float("inf"), "limit_per_host": 2**70}, 20),
    ],
)
async def test_no_more_connections_than_the_limit(server, make_session, options, most):
    session = make_session(connector=http.TCPConnector(**options))
    serving = asyncio.ensure_future(serve(server, 20))
    found = await asyncio.gather(*(fetch(session, f"{server.url}{n}") for n in range(20)))
    assert found == [(200, f"/{n}".encode()) for n in range(20)]
    assert await serving <= most
    stats = await settled(session.connector)
    assert stats["connects"] <= most


@pytest.mark.parametrize("name", ["limit", "limit_per_host"])
async def test_limit_that_is_none_is_refused(loop, name):
    for wrong in (-1, float("nan")):
        with pytest.raises(ValueError, match=f"{name} is {wrong}; it is 0 for any number"):
            http.TCPConnector(**{name: wrong})
    with pytest.raises(TypeError, match=f"{name} is '5'; a number of connections is wanted"):
        http.TCPConnector(**{name: "5"})


async def test_limit_per_host_leaves_other_hosts_alone(server, make_session):
    session = make_session(connector=http.TCPConnector(limit_per_host=1))
    held = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await wire.request()
    waiting = asyncio.ensure_future(fetch(session, server.url))
    other = asyncio.ensure_future(fetch(session, server.named("localhost")))
    second = await server.accept()
    request = await second.request()
    assert request.all("Host")[0].startswith("localhost")
    second.send(answer(b"other"))
    assert await other == (200, b"other")
    assert not waiting.done()
    wire.send(OK)
    await wire.request()
    wire.send(OK)
    assert await held == await waiting == (200, b"ok")


@pytest.mark.parametrize("reusable", [True, False])
async def test_first_come_first_served(server, make_session, reusable):
    session = make_session(connector=http.TCPConnector(limit=1))
    order = []

    async def ask(number):
        await fetch(session, f"{server.url}{number}")
        order.append(number)

    tasks = []
    for number in range(10):
        tasks.append(asyncio.ensure_future(ask(number)))
        await polled(1)
    wire = await server.accept()
    asked = []
    for _ in range(10):
        asked.append(int((await wire.request()).target[1:]))
        if reusable:
            wire.send(OK)
        else:
            wire.send(answer(b"", "Connection: close"))
            if len(asked) < 10:
                wire = await server.accept()
    await asyncio.gather(*tasks)
    assert asked == order == list(range(10))


async def test_newcomer_does_not_overtake_who_waits(server, make_session):
    """Not even by the short way that a plain request over an idle connection takes."""
    session = make_session(connector=http.TCPConnector(limit=1))
    first = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await wire.request()
    waiting = asyncio.ensure_future(fetch(session, server.url + "waiting"))
    await polled(1)
    late = None

    def begin_late(_task):
        nonlocal late
        late = asyncio.ensure_future(fetch(session, server.url + "late"))

    first.add_done_callback(begin_late)
    wire.send(OK)
    assert (await wire.request()).target == "/waiting"
    wire.send(OK)
    assert (await wire.request()).target == "/late"
    wire.send(OK)
    assert await waiting == await late == (200, b"ok")


async def test_who_gives_up_leaves_the_queue(server, make_session):
    session = make_session(connector=http.TCPConnector(limit=1))
    first = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await wire.request()
    waiting = [asyncio.ensure_future(fetch(session, f"{server.url}{n}")) for n in range(3)]
    await polled(1)
    assert session.connector.stats()["waiting"] == 3
    waiting[0].cancel()
    await polled(1)
    assert session.connector.stats()["waiting"] == 2
    wire.send(OK)
    assert (await wire.request()).target == "/1"
    # Woken at the same time as it is cancelled: its turn goes to the next.
    wire.send(OK)
    assert (await wire.request()).target == "/2"
    wire.send(OK)
    await asyncio.gather(first, *waiting[1:])


async def test_failed_connection_gives_its_place_to_the_next(server, make_session):
    session = make_session(connector=http.TCPConnector(limit=1))
    bad = asyncio.ensure_future(fetch(session, "http://127.0.0.1:1/"))
    good = asyncio.ensure_future(fetch(session, server.url))
    await server.answers(OK)
    with pytest.raises(http.ClientConnectorError):
        await bad
    assert await good == (200, b"ok")


async def test_idle_connection_is_closed_in_time(server, make_session):
    session = make_session(connector=http.TCPConnector(keepalive_timeout=SHORT))
    _, (wire, _) = await asyncio.gather(fetch(session, server.url), server.answers(OK))
    assert session.connector.stats()["idle"] == 1
    assert await wire.is_closed()
    stats = session.connector.stats()
    assert stats["idle"] == 0
    assert stats["expired"] == 1
    # And a second time: the timer is set anew.
    _, (wire, _) = await asyncio.gather(fetch(session, server.url), server.answers(OK))
    assert await wire.is_closed()


async def test_each_idle_connection_has_its_own_time(server, make_session):
    session = make_session(connector=http.TCPConnector(keepalive_timeout=SHORT))

    async def pair():
        return await asyncio.gather(fetch(session, server.url), fetch(session, server.url))

    asking = asyncio.ensure_future(pair())
    wires = [await server.accept(), await server.accept()]
    for wire in wires:
        await wire.request()
        wire.send(OK)
    await asking
    assert session.connector.stats()["idle"] == 2
    for wire in wires:
        assert await wire.is_closed()


async def test_connection_without_a_time_is_kept(server, make_session, loop):
    session = make_session(connector=http.TCPConnector(keepalive_timeout=None))
    _, (wire, _) = await asyncio.gather(fetch(session, server.url), server.answers(OK))
    over = loop.create_future()
    loop.call_later(SHORT, over.set_result, None)
    await over
    assert wire.is_silent()


@pytest.mark.parametrize("true", [True, 1])
async def test_force_close_uses_no_connection_twice(server, make_session, true):
    session = make_session(connector=http.TCPConnector(force_close=true))
    for _ in range(2):
        _, (wire, requests) = await asyncio.gather(fetch(session, server.url), server.answers(OK))
        assert requests[0].all("Connection") == ["close"]
        assert await wire.is_closed()
    assert session.connector.stats()["idle"] == 0


@pytest.mark.parametrize("by", ["session", "connector"])
async def test_close_tells_those_who_wait(server, make_session, by):
    session = make_session(connector=http.TCPConnector(limit=1))
    connector = session.connector
    held = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await wire.request()
    waiting = [asyncio.ensure_future(fetch(session, server.url)) for _ in range(2)]
    await polled(1)
    assert connector.stats()["waiting"] == 2
    await (session if by == "session" else connector).close()
    for task in (held, *waiting):
        with pytest.raises(http.ClientConnectionError):
            await task
    assert await wire.is_closed()
    stats = connector.stats()
    assert stats["leased"] == stats["waiting"] == stats["idle"] == 0
    with pytest.raises(RuntimeError, match="closed"):
        await fetch(session, server.url)


@pytest.mark.parametrize("turns", range(1, 7))
async def test_close_while_connecting_ends_the_request(server, make_session, turns):
    session = make_session()
    asking = asyncio.ensure_future(fetch(session, server.named("localhost")))
    for _ in range(turns):
        await asyncio.sleep(0)
    await session.close()
    with pytest.raises(http.ClientConnectionError):
        await asking
    assert not asking.cancelled()


async def test_sessions_share_a_connector(server, make_session):
    connector = http.TCPConnector()
    first = make_session(connector=connector, connector_owner=False)
    second = make_session(connector=connector, connector_owner=False)

    async def both():
        return [await fetch(first, server.url), await fetch(second, server.url)]

    results, _ = await asyncio.gather(both(), server.answers(OK, OK))
    assert results == [(200, b"ok")] * 2
    assert connector.stats()["connects"] == 1
    await first.close()
    assert not connector.closed
    assert first.closed
    await connector.close()
    assert second.closed


# What is forgotten


@pytest.fixture
def contexts(loop):
    """What the loop's exception handler was called with."""
    contexts = []
    loop.set_exception_handler(lambda _, context: contexts.append(context))
    return contexts


async def test_session_that_is_not_closed_is_told_of(loop, contexts):
    session = http.ClientSession()
    connector = session.connector
    with pytest.warns(ResourceWarning, match="Unclosed client session"):  # noqa: PT031
        del session
        gc.collect()
    assert [context["message"] for context in contexts] == ["Unclosed client session"]
    await connector.close()


async def test_connector_with_connections_that_is_not_closed_is_told_of(server, loop, contexts):
    connector = http.TCPConnector()
    session = http.ClientSession(connector=connector, connector_owner=False)
    _, (wire, _) = await asyncio.gather(fetch(session, server.url), server.answers(OK))
    await session.close()
    del session
    with pytest.warns(ResourceWarning, match="Unclosed connector"):  # noqa: PT031
        del connector
        gc.collect()
    assert [context["message"] for context in contexts] == ["Unclosed connector"]
    contexts.clear()
    assert await wire.is_closed()


async def test_response_that_is_forgotten_gives_its_connection_up(server, session):
    asking = asyncio.ensure_future(session.get(server.url))
    wire = await server.accept()
    await wire.request()
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
    response = await asking
    weak = weakref.ref(response)
    asking = None
    await polled(1)  # the step that the answer was the argument of is over
    with pytest.warns(ResourceWarning, match="Unclosed response"):
        del response
    assert weak() is None
    assert await wire.is_closed()
    await settled(session.connector)


async def test_response_that_is_forgotten_is_told_of_in_debug_mode(server, loop, contexts):
    loop.set_debug(True)
    async with http.ClientSession() as session:
        asking = asyncio.ensure_future(session.get(server.url))
        wire = await server.accept()
        await wire.request()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
        response = await asking
        assert response.status == 200
        del asking
        await polled(1)
        with pytest.warns(ResourceWarning, match="Unclosed response"):  # noqa: PT031
            del response
            gc.collect()
    loop.set_debug(False)
    (context,) = contexts
    assert context["message"] == "Unclosed response"
    assert context["source_traceback"]


# Descriptors


@pytest.fixture
def threaded_server(start_thread):
    """The URL of a server in a thread of its own, whose descriptors are not the child's."""
    started = queue.SimpleQueue()

    async def answer(reader, writer):
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(OK)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    async def main():
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1000)
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        port = server.sockets[0].getsockname()[1]
        started.put((f"http://127.0.0.1:{port}/", loop, over))
        await over
        server.close()

    start_thread(aioxide.run, main())
    url, loop, over = started.get()
    yield url
    loop.call_soon_threadsafe(over.set_result, None)


def test_hundreds_of_requests_do_with_few_descriptors(child, threaded_server):
    """The limit of open files is lowered: all requests succeed, and it is said once."""
    result = child(
        """
        import asyncio, json, logging, resource, sys
        import aioxide
        from aioxide import http

        resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96))
        records = []

        class Keep(logging.Handler):
            def emit(self, record):
                records.append(record.getMessage())

        logging.getLogger("aioxide.http").addHandler(Keep())

        async def main():
            url = sys.argv[1]
            async with http.ClientSession(connector=http.TCPConnector(limit=0)) as session:
                async def ask():
                    async with session.get(url) as response:
                        return await response.read()
                found = await asyncio.gather(*(ask() for _ in range(400)), return_exceptions=True)
            print(json.dumps([
                sum(body == b"ok" for body in found),
                [repr(body) for body in found if body != b"ok"][:3],
                records,
            ]))

        aioxide.run(main())
        """,
        threaded_server,
    )
    assert result.returncode == 0, result.stderr
    right, wrong, records = json.loads(result.stdout)
    assert (right, wrong) == (400, [])
    assert len(records) <= 1
    assert all("descriptors" in text for text in records)
