"""Heads and framings that are refused, because two readers could read them in two ways, or because
they have no end."""

import asyncio

import pytest

from aioxide import http

from .wire import fetch, settled

REFUSED = {
    "two-lengths": b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "list-of-lengths": b"Content-Length: 2, 3\r\n\r\nok",
    "negative-length": b"Content-Length: -2\r\n\r\nok",
    "signed-length": b"Content-Length: +2\r\n\r\nok",
    "hexadecimal-length": b"Content-Length: 0x2\r\n\r\nok",
    "underscored-length": b"Content-Length: 1_0\r\n\r\n0123456789",
    "arabic-digits": b"Content-Length: \xd9\xa2\r\n\r\nok",
    "huge-length": b"Content-Length: 99999999999999999999999999\r\n\r\nok",
    "length-and-chunked": b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked-and-length": b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    "two-codings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "nul-in-a-value": b"X: a\0b\r\nContent-Length: 2\r\n\r\nok",
    "nul-in-a-name": b"X\0: a\r\nContent-Length: 2\r\n\r\nok",
    "cr-in-a-value": b"X: a\rb\r\nContent-Length: 2\r\n\r\nok",
    "space-in-a-name": b"X y: a\r\nContent-Length: 2\r\n\r\nok",
    "space-before-the-colon": b"Content-Length : 2\r\n\r\nok",
    "no-colon": b"Content-Length\r\n\r\nok",
    "no-name": b": a\r\nContent-Length: 2\r\n\r\nok",
}
BAD_LINES = {
    "not-http": b"SSH-2.0-OpenSSH_9.6\r\n",
    "http-2": b"HTTP/2.0 200 OK\r\n",
    "four-digits": b"HTTP/1.1 2000 OK\r\n",
    "two-digits": b"HTTP/1.1 20 OK\r\n",
    "letters": b"HTTP/1.1 abc OK\r\n",
    "zero": b"HTTP/1.1 000 OK\r\n",
    "nul-in-the-reason": b"HTTP/1.1 200 O\0K\r\n",
    "tls-alert": b"\x15\x03\x01\x00\x02\x02\x46\r\n",
}


async def refused(server, session, sent):
    asking = asyncio.ensure_future(session.post(server.url, data=b"x"))
    wire = await server.accept()
    await wire.request()
    wire.send(sent)
    with pytest.raises(http.ClientResponseError) as caught:
        await asking
    assert caught.value.status == 400
    assert await wire.is_closed()
    stats = await settled(session.connector)
    assert stats["idle"] == 0
    return caught.value


@pytest.mark.parametrize("rest", REFUSED.values(), ids=REFUSED)
async def test_head_is_refused(server, session, rest):
    error = await refused(server, session, b"HTTP/1.1 200 OK\r\n" + rest)
    assert error.message


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES)
async def test_status_line_is_refused(server, session, line):
    await refused(server, session, line + b"Content-Length: 2\r\n\r\nok")


async def test_obsolete_fold_is_one_value_or_refused_and_nothing_else(server, session):
    async def serve():
        wire = await server.accept()
        await wire.request()
        wire.send(b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok")

    async def ask():
        async with session.get(server.url) as response:
            return response.headers["X"], await response.read()

    (value, body), _ = await asyncio.gather(ask(), serve())
    assert value.split() == ["a", "b"]
    assert "\n" not in value
    assert "\r" not in value
    assert body == b"ok"


async def test_bare_line_feeds_do_not_move_the_end_of_the_body(server, session):
    """Taken as line ends or refused; the body is not something else then."""
    sent = b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"

    async def serve():
        wire = await server.accept()
        await wire.request()
        wire.send(sent)
        return wire

    result, _ = await asyncio.gather(fetch(session, server.url), serve(), return_exceptions=True)
    if not isinstance(result, http.ClientResponseError):
        assert result == (200, b"ok")


@pytest.mark.parametrize("size", [b"-1", b"+2", b"0x2", b"2_0", b"", b" 2", b"g", b"f" * 17])
async def test_chunk_size_is_refused(server, session, size):
    asking = asyncio.ensure_future(session.get(server.url))
    wire = await server.accept()
    await wire.request()
    wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    response = await asking
    wire.send(size + b"\r\nok\r\n0\r\n\r\n")
    with pytest.raises(http.ClientPayloadError):
        await response.read()
    assert await wire.is_closed()


@pytest.mark.parametrize("end", [b"\n", b"xx", b"\r", b""])
async def test_chunk_that_does_not_end_where_it_says_is_refused(server, session, end):
    asking = asyncio.ensure_future(session.get(server.url))
    wire = await server.accept()
    await wire.request()
    wire.send(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok" + end + b"3\r\nbad\r\n"
    )
    response = await asking
    with pytest.raises(http.ClientPayloadError):
        await response.read()


def flood(piece, head=b""):
    return head + piece * (2_000_000 // len(piece))


ENDLESS_HEADS = {
    "status-line": flood(b"x", b"HTTP/1.1 200 "),
    "header-name": flood(b"x", b"HTTP/1.1 200 OK\r\n"),
    "header-value": flood(b"x", b"HTTP/1.1 200 OK\r\nX: "),
    "headers": flood(b"X: y\r\n", b"HTTP/1.1 200 OK\r\n"),
    "folds": flood(b" x\r\n", b"HTTP/1.1 200 OK\r\nX: y\r\n"),
    "line-ends": flood(b"\r\n"),
    "interim": flood(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "early-hints": flood(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
}
ENDLESS_BODIES = {
    "extension": flood(b"x", b"1;"),
    "extensions": flood(b"1;" + b"x" * 1000 + b"\r\ny\r\n"),
    "chunk-size": flood(b"0", b"0"),
    "trailer-value": flood(b"x", b"0\r\nX: "),
    "trailers": flood(b"X: y\r\n", b"0\r\n"),
}


async def pour(wire, data):
    """Send until the client has had enough."""
    try:
        await wire.sendall(data)
        while await wire.recv():
            pass
    except ConnectionError:
        pass


@pytest.mark.parametrize("sent", ENDLESS_HEADS.values(), ids=ENDLESS_HEADS)
async def test_head_without_an_end_is_refused(server, session, sent):
    asking = asyncio.ensure_future(session.post(server.url, data=b"x"))
    wire = await server.accept()
    await wire.request()
    pouring = asyncio.ensure_future(pour(wire, sent))
    with pytest.raises(http.ClientResponseError):
        await asking
    await pouring
    assert (await settled(session.connector))["idle"] == 0


@pytest.mark.parametrize("sent", ENDLESS_BODIES.values(), ids=ENDLESS_BODIES)
async def test_framing_without_an_end_is_refused(server, session, sent):
    asking = asyncio.ensure_future(session.get(server.url))
    wire = await server.accept()
    await wire.request()
    wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    response = await asking
    pouring = asyncio.ensure_future(pour(wire, sent))
    with pytest.raises(http.ClientPayloadError):
        await response.read()
    await pouring
    assert (await settled(session.connector))["idle"] == 0


async def test_some_interim_responses_are_passed_over(server, session):
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 5

    async def serve():
        wire = await server.accept()
        await wire.request()
        wire.send(interim + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    result, _ = await asyncio.gather(fetch(session, server.url), serve())
    assert result == (200, b"ok")


async def test_switching_protocols_that_nobody_asked_for_gives_nothing_to_the_next(server, session):
    async def serve():
        wire = await server.accept()
        await wire.request()
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nbytes of x")
        return wire

    async def ask():
        async with session.get(server.url) as response:
            return response.status

    (status, wire) = await asyncio.gather(ask(), serve(), return_exceptions=True)
    assert status == 101 or isinstance(status, http.ClientError)
    assert await wire.is_closed()
    assert (await settled(session.connector))["idle"] == 0
