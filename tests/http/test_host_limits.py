"""Hosts that are asked only so often, and so many at a time."""

import asyncio

import pytest

from aioxide import http

from ..net.peer import polled
from .wire import OK, answer, fetch, settled

LONG = 1000.0


def limited(limit, **options):
    return http.TCPConnector(host_limits=limit, **options)


async def waiting_for(connector, count):
    """Wait until so many requests wait for their turn."""
    for _ in range(50):
        if connector.stats()["limited"] == count:
            return
        await polled(1)
    raise AssertionError(connector.stats())


async def test_request_beyond_the_rate_waits(server, make_session):
    session = make_session(connector=limited(http.HostLimit(1, per=LONG)))
    await asyncio.gather(fetch(session, server.url), server.answers(OK))
    late = asyncio.ensure_future(fetch(session, server.url))
    await waiting_for(session.connector, 1)
    assert server.wires[0].is_silent()
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    await waiting_for(session.connector, 0)


@pytest.mark.parametrize("options", [{}, {"headers": {"X": "y"}}], ids=["plain", "headers"])
async def test_turn_comes_when_its_time_has_come(server, make_session, loop, options):
    session = make_session(connector=limited(http.HostLimit(1, per=0.05)))
    began = loop.time()
    serving = asyncio.ensure_future(server.answers(OK, OK, OK))
    for _ in range(3):
        assert await fetch(session, server.url, **options) == (200, b"ok")
    await serving
    assert loop.time() - began >= 0.099


async def test_burst_goes_at_once(server, make_session):
    session = make_session(connector=limited(http.HostLimit(3, per=LONG, burst=3)))
    serving = asyncio.ensure_future(server.answers(OK, OK, OK))
    for _ in range(3):
        await fetch(session, server.url)
    await serving
    late = asyncio.ensure_future(fetch(session, server.url))
    await waiting_for(session.connector, 1)
    late.cancel()
    await asyncio.wait([late])


@pytest.mark.parametrize("ending", ["read", "release", "close", "cancel", "forget", "lost"])
async def test_no_more_at_a_time(server, make_session, ending):
    """However a request ends, the next may begin."""
    session = make_session(connector=limited(http.HostLimit(concurrency=1)))
    opening = asyncio.ensure_future(session.get(server.url))
    wire = await server.accept()
    await wire.request()
    waiting = asyncio.ensure_future(fetch(session, server.url, retry=False))
    await waiting_for(session.connector, 1)
    assert server.nobody_waits()
    if ending == "cancel":
        opening.cancel()
        await asyncio.wait([opening])
    elif ending == "lost":
        wire.close()
    else:
        await wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        response = await opening
        assert session.connector.stats()["limited"] == 1
        if ending == "read":
            wire.send(b"ok")
            assert await response.read() == b"ok"
        elif ending == "forget":
            # The step that was woken by the response still holds it.
            await polled()
            with pytest.warns(ResourceWarning, match="Unclosed response"):
                del response, opening

        else:
            getattr(response, ending)()
    if ending == "read":
        await wire.request()
        wire.send(OK)
    else:
        second = await server.accept()
        await second.request()
        if ending == "lost":
            # The first goes on, since it may be made again; then its turn is behind the second's.
            second.send(OK)
            assert await waiting == (200, b"ok")
            await second.request()
            second.send(OK)
            assert (await opening).status == 200
            return
        second.send(OK)
    assert await waiting == (200, b"ok")
    await settled(session.connector)


async def test_hosts_have_limits_of_their_own(server, make_session):
    session = make_session(connector=limited(http.HostLimit(1, per=LONG)))
    await asyncio.gather(fetch(session, server.url), server.answers(OK))
    result, _ = await asyncio.gather(fetch(session, server.named("localhost")), server.answers(OK))
    assert result == (200, b"ok")
    late = asyncio.ensure_future(fetch(session, server.named("LOCALHOST")))
    await waiting_for(session.connector, 1)
    late.cancel()
    await asyncio.wait([late])


@pytest.mark.parametrize("name", ["127.0.0.1", "port"])
async def test_limit_by_name(server, make_session, name):
    name = name.replace("port", f"127.0.0.1:{server.port}")
    limits = {name: http.HostLimit(1, per=LONG), "localhost:1": http.HostLimit(1, per=LONG)}
    session = make_session(connector=limited(limits))
    await asyncio.gather(fetch(session, server.url), server.answers(OK))
    for _ in range(2):
        host = server.named("localhost")
        await asyncio.gather(fetch(session, host), server.wires and _serve_again(server))
    late = asyncio.ensure_future(fetch(session, server.url))
    await waiting_for(session.connector, 1)
    late.cancel()
    await asyncio.wait([late])


async def _serve_again(server):
    """Answer the next request, over whichever connection it comes."""
    if len(server.wires) == 1:
        await server.answers(OK)
    else:
        await server.wires[1].request()
        server.wires[1].send(OK)


async def test_first_come_first_served(server, make_session):
    session = make_session(connector=limited(http.HostLimit(concurrency=1)))
    tasks = []
    for number in range(5):
        tasks.append(asyncio.ensure_future(fetch(session, f"{server.url}{number}")))
        await polled(1)
    wire = await server.accept()
    asked = []
    for _ in range(5):
        asked.append((await wire.request()).target)
        wire.send(OK)
    await asyncio.gather(*tasks)
    assert asked == [f"/{number}" for number in range(5)]


async def test_turn_of_one_who_was_cancelled_goes_to_the_next(server, make_session):
    session = make_session(connector=limited(http.HostLimit(concurrency=1)))
    held = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await wire.request()
    waiting = []
    for number in range(3):
        waiting.append(asyncio.ensure_future(fetch(session, f"{server.url}{number}")))
        await polled(1)
    waiting[1].cancel()
    wire.send(OK)
    assert (await wire.request()).target == "/0"
    # It is told, and cancelled before it runs.
    waiting[2].cancel()
    wire.send(OK)
    await asyncio.wait(waiting)
    assert await held == await waiting[0] == (200, b"ok")
    await settled(session.connector)
    result, _ = await asyncio.gather(fetch(session, server.url), _serve_on(wire))
    assert result == (200, b"ok")


async def _serve_on(wire):
    await wire.request()
    wire.send(OK)


async def test_too_many_that_wait_fail_at_once(server, make_session):
    session = make_session(connector=limited(http.HostLimit(concurrency=1, max_waiting=1)))
    held = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await wire.request()
    waiting = asyncio.ensure_future(fetch(session, server.url))
    await waiting_for(session.connector, 1)
    with pytest.raises(http.ClientConnectionError, match="1 requests wait for their turn already"):
        await session.get(server.url)
    wire.send(OK)
    await wire.request()
    wire.send(OK)
    assert await held == await waiting == (200, b"ok")


@pytest.mark.parametrize("field", ["pool", "connect", "total"])
async def test_wait_for_a_turn_has_limits(server, make_session, field):
    session = make_session(
        connector=limited(http.HostLimit(1, per=LONG)),
        timeout=http.ClientTimeout(**{field: 0.05}),
    )
    await asyncio.gather(fetch(session, server.url), server.answers(OK))
    with pytest.raises(asyncio.TimeoutError, match=None if field == "total" else field):
        await session.get(server.url)
    assert session.connector.stats()["limited"] == 0


async def test_redirects_and_tries_take_turns(server, make_session):
    session = make_session(
        connector=limited(http.HostLimit(3, per=LONG, burst=3)),
        retry=http.RetryPolicy(backoff=0),
    )
    there = answer(b"", "Location: /there", status="302 Found")
    busy = answer(b"", status="503 Service Unavailable")
    result, _ = await asyncio.gather(fetch(session, server.url), server.answers(there, busy, OK))
    assert result == (200, b"ok")
    late = asyncio.ensure_future(fetch(session, server.url))
    await waiting_for(session.connector, 1)
    late.cancel()
    await asyncio.wait([late])


async def test_traces_see_the_wait(server, make_session):
    seen = []
    config = http.TraceConfig()

    async def start(session, context, params):
        seen.append("start")

    async def end(session, context, params):
        seen.append("end")

    config.on_connection_queued_start.append(start)
    config.on_connection_queued_end.append(end)
    session = make_session(connector=limited(http.HostLimit(concurrency=1)), trace_configs=[config])
    held = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await wire.request()
    assert seen == []
    waiting = asyncio.ensure_future(fetch(session, server.url))
    await waiting_for(session.connector, 1)
    assert seen == ["start"]
    wire.send(OK)
    await wire.request()
    wire.send(OK)
    await asyncio.gather(held, waiting)
    assert seen == ["start", "end"]


async def test_closed_connector_lets_nobody_wait(server, make_session):
    session = make_session(connector=limited(http.HostLimit(1, per=LONG)))
    await asyncio.gather(fetch(session, server.url), server.answers(OK))
    late = asyncio.ensure_future(fetch(session, server.url))
    await waiting_for(session.connector, 1)
    await session.close()
    with pytest.raises(http.ClientConnectionError, match="closed"):
        await late


async def test_hosts_that_nobody_asks_are_forgotten(server, make_session, monkeypatch):
    monkeypatch.setattr("aioxide.http._host_limit.KEPT", 2)
    session = make_session(
        connector=limited({"*": http.HostLimit(1000, per=0.000001), "localhost": http.HostLimit(9)})
    )
    limits = session.connector._host_limits
    for number in range(50):
        url = http.ClientRequest("GET", server_url(server, number)).url
        assert limits.limiter_for(url) is not None
        await polled(1)
    assert len(limits._limiters) <= 3


def server_url(server, number):
    from yarl import URL

    return URL(f"http://host{number}.example:{server.port}/")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "limits nothing"),
        ({"requests": 0}, "requests"),
        ({"requests": 1.5}, "requests"),
        ({"requests": 2**32}, "requests"),
        ({"requests": 1, "per": 0}, "per"),
        ({"requests": 1, "per": float("inf")}, "per"),
        ({"requests": 1, "burst": 0}, "burst"),
        ({"concurrency": -1}, "concurrency"),
        ({"concurrency": 1, "max_waiting": -1}, "max_waiting"),
    ],
)
def test_limit_that_makes_no_sense(settings, text):
    with pytest.raises(ValueError, match=text):
        http.HostLimit(**settings)


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        ({"example.org": 3}, TypeError),
        ({7: http.HostLimit(1)}, TypeError),
        ({"": http.HostLimit(1)}, ValueError),
        ({"http://example.org/": http.HostLimit(1)}, ValueError),
    ],
)
async def test_what_is_no_limit_of_a_host(loop, limits, error):
    with pytest.raises(error, match="host_limits"):
        http.TCPConnector(host_limits=limits)
