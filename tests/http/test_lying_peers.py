"""Peers whose responses are not what they say: the length, the framing, the number of them."""

import asyncio
import contextlib

import pytest

from aioxide import http

from ..net.peer import polled
from .wire import OK, answer, fetch, settled

SHORT = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
    "no-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "in-a-size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5",
    "in-a-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "after-a-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "before-the-last-line": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    "in-a-trailer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n",
}


@pytest.mark.parametrize("sent", SHORT.values(), ids=SHORT)
@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_body_that_is_cut_off_is_an_error(server, session, sent, ending):
    asking = asyncio.ensure_future(session.get(server.url))
    wire = await server.accept()
    await wire.request()
    wire.send(sent)
    response = await asking
    getattr(wire, ending)()
    with pytest.raises(http.ClientPayloadError):
        await response.read()
    stats = await settled(session.connector)
    assert stats["idle"] == 0
    # And again, for whoever asks again.
    with pytest.raises(http.ClientPayloadError):
        await response.read()


@pytest.mark.parametrize("sent", SHORT.values(), ids=SHORT)
async def test_stream_that_is_cut_off_gives_what_came_and_raises(server, session, sent):
    asking = asyncio.ensure_future(session.get(server.url))
    wire = await server.accept()
    await wire.request()
    wire.send(sent)
    response = await asking
    content = response.content
    wire.close()
    received = b""
    with pytest.raises(http.ClientPayloadError):
        async for data in content.iter_any():
            received += data
    assert b"hello".startswith(received)


@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize("sent", [b"", b"H", b"HTTP/1.1 200 OK\r\nContent-Le"], ids=repr)
async def test_head_that_is_cut_off_is_a_disconnection(server, session, sent, ending):
    asking = asyncio.ensure_future(session.post(server.url, data=b"x"))
    wire = await server.accept()
    await wire.request()
    if sent:
        wire.send(sent)
        await polled()
    getattr(wire, ending)()
    expected = http.ServerDisconnectedError if ending == "close" else http.ClientOSError
    with pytest.raises(expected):
        await asking
    assert (await settled(session.connector))["idle"] == 0


async def test_body_without_a_length_ends_with_the_connection(server, session):
    asking = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await wire.request()
    wire.send(b"HTTP/1.1 200 OK\r\n\r\nall of it")
    wire.close()
    assert await asking == (200, b"all of it")
    assert session.connector.stats()["idle"] == 0


async def test_body_without_a_length_that_is_reset_is_an_error(server, session):
    asking = asyncio.ensure_future(session.get(server.url))
    wire = await server.accept()
    await wire.request()
    wire.send(b"HTTP/1.1 200 OK\r\n\r\nnot all")
    response = await asking
    wire.reset()
    with pytest.raises(http.ClientPayloadError):
        await response.read()


async def test_answer_before_the_request_was_read_is_its_answer(server, session):
    asking = asyncio.ensure_future(session.post(server.url, data=b"x"))
    wire = await server.accept()
    # The client may or may not have written by now; the bytes are sent before it was read.
    wire.send(answer(b"too early"))
    async with await asking as response:
        # To the client it is no different from a quick one.
        assert await response.read() == b"too early"


EXTRA = {
    "one-byte": b"x",
    "line-end": b"\r\n",
    "response": answer(b"smuggled"),
    "much": b"x" * 100_000,
}


@pytest.mark.parametrize("extra", EXTRA.values(), ids=EXTRA)
@pytest.mark.parametrize("when", ["together", "apart"])
@pytest.mark.parametrize(
    "first",
    [
        OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    ],
    ids=["length", "chunked", "204", "304"],
)
async def test_bytes_after_the_end_reach_no_other_response(server, session, extra, when, first):
    async def serve():
        wire = await server.accept()
        await wire.request()
        if when == "together":
            await wire.sendall(first + extra)
        else:
            wire.send(first)
        return wire

    (_, body), wire = await asyncio.gather(fetch(session, server.url), serve())
    assert body in (b"ok", b"")
    if when == "apart":
        await polled()
        with contextlib.suppress(ConnectionError):
            wire.sock.send(extra)
    # At once: whether the loop has read the bytes is not known.
    (_, second), (other, _) = await asyncio.gather(
        fetch(session, server.url), server.answers(answer(b"right"))
    )
    assert second == b"right"
    assert other is not wire
    stats = await settled(session.connector)
    assert stats["connects"] == 2


async def test_head_response_with_a_body_does_not_poison_the_connection(server, session):
    async def serve():
        wire = await server.accept()
        await wire.request()
        wire.send(answer(b"a body that HEAD may not have"))

    (status, body), _ = await asyncio.gather(fetch(session, server.url, "HEAD"), serve())
    assert (status, body) == (200, b"")
    (_, second), _ = await asyncio.gather(
        fetch(session, server.url), server.answers(answer(b"right"))
    )
    assert second == b"right"


async def test_response_on_an_idle_connection_closes_it(server, session):
    _, (wire, _) = await asyncio.gather(fetch(session, server.url), server.answers(OK))
    assert session.connector.stats()["idle"] == 1
    wire.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
    assert await wire.is_closed()
    (_, body), _ = await asyncio.gather(
        fetch(session, server.url), server.answers(answer(b"right"))
    )
    assert body == b"right"
    assert session.connector.stats()["idle"] == 1


async def test_split_at_every_byte_is_the_same_response(server, session):
    whole = (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n"
        b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n"
    )

    async def serve(cuts):
        for cut in cuts:
            await wire.request()
            for part in (whole[:cut], whole[cut:]):
                wire.send(part)
                await polled()

    first = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    serving = asyncio.ensure_future(serve(range(1, len(whole))))
    assert await first == (200, b"abcde")
    for _ in range(2, len(whole)):
        assert await fetch(session, server.url) == (200, b"abcde")
    await serving
    assert session.connector.stats()["connects"] == 1


async def test_slow_drip_is_a_response(server, session):
    whole = answer(b"drip")

    async def serve():
        wire = await server.accept()
        await wire.request()
        for byte in whole:
            wire.send(bytes([byte]))
            await polled(1)

    (result, _) = await asyncio.gather(fetch(session, server.url), serve())
    assert result == (200, b"drip")


async def test_half_close_after_the_answer_is_no_error(server, session):
    async def serve():
        wire = await server.accept()
        await wire.request()
        wire.send(OK)
        wire.shutdown()
        return wire

    result, wire = await asyncio.gather(fetch(session, server.url), serve())
    assert result == (200, b"ok")
    assert await wire.is_closed()
    result, (other, _) = await asyncio.gather(fetch(session, server.url), server.answers(OK))
    assert result == (200, b"ok")
    assert other is not wire


async def test_half_close_before_the_answer_is_a_disconnection(server, session):
    asking = asyncio.ensure_future(session.post(server.url, data=b"x"))
    wire = await server.accept()
    await wire.request()
    wire.shutdown()
    with pytest.raises(http.ServerDisconnectedError):
        await asking
    assert await wire.is_closed()
