"""Connections that their server closes between two requests, and who asks again."""

import asyncio
import gc

import pytest

from aioxide import http

from ..net.peer import polled
from .wire import OK, answer, fetch, settled

IDEMPOTENT = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]
OTHERS = ["POST", "PATCH", "LOCK"]


async def idle_connection(server, session, **options):
    _, (wire, _) = await asyncio.gather(fetch(session, server.url), server.answers(OK))
    assert session.connector.stats()["idle"] == 1
    return wire


@pytest.mark.parametrize("method", IDEMPOTENT + OTHERS)
@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize("known", [True, False])
async def test_idle_connection_that_ended_is_not_used(server, session, method, ending, known):
    """Not even if the loop has not seen the end yet: so a POST, which is not repeated, works."""
    wire = await idle_connection(server, session)
    getattr(wire, ending)()
    if known:
        await polled()
    result, (_, requests) = await asyncio.gather(
        fetch(session, server.url, method), server.answers(answer())
    )
    assert result == (200, b"")
    assert [request.method for request in requests] == [method]
    stats = await settled(session.connector)
    assert stats["idle"] == 1


@pytest.mark.parametrize("ending", ["close", "reset", "unasked"])
async def test_idle_connection_that_ended_leaves_at_once(server, session, ending):
    """Nobody asks for it again, and it counts no more: its descriptor is somebody else's."""
    wire = await idle_connection(server, session)
    if ending == "unasked":
        wire.send(OK)
    else:
        getattr(wire, ending)()
    await polled()
    stats = session.connector.stats()
    assert stats["idle"] == 0
    assert stats["dead"] == 1
    assert session.connector._conns == {}


async def test_connection_that_ends_in_use_is_no_idle_one(server, session):
    """Its place among the idle ones is stale by then."""
    wire = await idle_connection(server, session)
    asking = asyncio.ensure_future(fetch(session, server.url, "POST"))
    await wire.request()
    wire.close()
    with pytest.raises(http.ServerDisconnectedError):
        await asking
    stats = await settled(session.connector)
    assert (stats["idle"], stats["leased"], stats["dead"]) == (0, 0, 0)


async def test_idle_connection_that_outlives_its_connector(server, make_session):
    session = make_session()
    wire = await idle_connection(server, session)
    await session.close()
    del session
    gc.collect()
    wire.close()
    await polled()


@pytest.mark.parametrize("method", IDEMPOTENT)
@pytest.mark.parametrize("options", [{}, {"headers": {"X": "y"}}], ids=["plain", "headers"])
@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_request_that_the_server_dropped_is_repeated(
    server, session, method, options, ending
):
    """The request is out when the connection ends, and nothing of an answer has come."""
    wire = await idle_connection(server, session)
    asking = asyncio.ensure_future(fetch(session, server.url, method, **options))
    await wire.request()
    getattr(wire, ending)()
    _, requests = await server.answers(answer())
    assert await asking == (200, b"")
    assert requests[0].method == method


@pytest.mark.parametrize("method", OTHERS)
@pytest.mark.parametrize("options", [{}, {"headers": {"X": "y"}}], ids=["plain", "headers"])
async def test_request_that_may_have_been_done_is_not_repeated(server, session, method, options):
    wire = await idle_connection(server, session)
    asking = asyncio.ensure_future(fetch(session, server.url, method, **options))
    await wire.request()
    wire.close()
    with pytest.raises(http.ServerDisconnectedError):
        await asking
    await polled()
    assert server.nobody_waits()
    assert (await settled(session.connector))["idle"] == 0


@pytest.mark.parametrize("options", [{}, {"headers": {"X": "y"}}], ids=["plain", "headers"])
async def test_request_is_repeated_once(server, session, options):
    wire = await idle_connection(server, session)
    asking = asyncio.ensure_future(fetch(session, server.url, **options))
    await wire.request()
    wire.close()
    wire = await server.accept()
    await wire.request()
    wire.close()
    with pytest.raises(http.ServerDisconnectedError):
        await asking
    await polled()
    assert server.nobody_waits()


async def test_request_whose_answer_has_begun_is_not_repeated_in_the_body(server, session):
    wire = await idle_connection(server, session)
    asking = asyncio.ensure_future(fetch(session, server.url))
    await wire.request()
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal")
    wire.close()
    with pytest.raises(http.ClientPayloadError):
        await asking
    await polled()
    assert server.nobody_waits()


async def test_body_that_cannot_be_sent_twice_is_not_repeated(server, session):
    wire = await idle_connection(server, session)

    async def once():
        yield b"a piece"

    asking = asyncio.ensure_future(fetch(session, server.url, "PUT", data=once()))
    await wire.until(b"0\r\n\r\n")
    wire.close()
    with pytest.raises(http.ClientConnectionError):
        await asking
    await polled()
    assert server.nobody_waits()


async def test_body_that_can_be_sent_twice_is_sent_whole(server, session):
    wire = await idle_connection(server, session)
    asking = asyncio.ensure_future(fetch(session, server.url, "PUT", data=b"all of it"))
    await wire.request()
    wire.close()
    _, requests = await server.answers(answer())
    assert requests[0].body == b"all of it"
    assert await asking == (200, b"")


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nConnection: Keep-Alive, Close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
    ids=["close", "list", "1.0"],
)
async def test_connection_that_is_not_kept_is_closed_at_once(server, session, head):
    result, (wire, _) = await asyncio.gather(fetch(session, server.url), server.answers(head))
    assert result == (200, b"ok")
    assert await wire.is_closed()
    assert (await settled(session.connector))["idle"] == 0


async def test_http_1_0_keeps_the_connection_if_it_says_so(server, session):
    kept = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"

    async def twice():
        await fetch(session, server.url)
        await fetch(session, server.url)

    await asyncio.gather(twice(), server.answers(kept, kept))
    assert session.connector.stats()["connects"] == 1


async def test_response_that_is_released_unread_does_not_keep_its_connection(server, session):
    async def ask():
        async with session.get(server.url) as response:
            assert response.status == 200

    async def serve():
        wire = await server.accept()
        await wire.request()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart of it")
        return wire

    _, wire = await asyncio.gather(ask(), serve())
    assert await wire.is_closed()
    assert (await settled(session.connector))["idle"] == 0


async def test_answer_before_the_upload_has_ended_does_not_keep_the_connection(server, session):
    """The rest of the body would be read as the next request."""
    goes_on = asyncio.get_running_loop().create_future()

    async def body():
        yield b"first"
        await goes_on
        yield b"second"

    async def ask():
        async with session.post(server.url, data=body()) as response:
            return response.status

    asking = asyncio.ensure_future(ask())
    wire = await server.accept()
    await wire.until(b"first\r\n")
    wire.send(answer(status="413 Too Large"))
    assert await asking == 413
    assert await wire.is_closed()
    assert (await settled(session.connector))["idle"] == 0
    goes_on.cancel()
