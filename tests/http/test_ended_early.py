"""Servers that end an exchange before the client is through with it."""

import asyncio
import base64
import hashlib
import io

import pytest

from aioxide import http

from ..net.peer import polled
from .wire import OK, answer, fetch, settled

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


async def opened(server, session):
    """A WebSocket and its server's end."""
    opening = asyncio.ensure_future(session.ws_connect(server.url))
    wire = await server.accept()
    (key,) = (await wire.request()).all("Sec-WebSocket-Key")
    accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    await wire.sendall(f"{head}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
    return await opening, wire


@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_lost_websocket_gives_its_place_back(server, session, ending):
    """Though nobody closes it, there is nothing left to collect."""
    websocket, wire = await opened(server, session)
    assert session.connector.stats()["leased"] == 1
    getattr(wire, ending)()
    message = await websocket.receive()
    assert message.type is http.WSMsgType.CLOSED
    assert websocket.closed
    assert session.connector.stats()["leased"] == 0
    del websocket, message


async def frame(wire):
    """A frame of the client: its first byte, and its payload."""
    first, second = await wire.exactly(2)
    key = await wire.exactly(4)
    data = await wire.exactly(second & 0x7F)
    return first, bytes(byte ^ key[place % 4] for place, byte in enumerate(data))


@pytest.mark.parametrize("knows", [True, False])
async def test_message_before_an_error_is_answered(server, session, knows):
    """They came together. The Close says what was wrong, whether or not the program has seen it."""
    websocket, wire = await opened(server, session)
    # A message, and a frame of a kind that there is not.
    wire.send(b"\x81\x02hi\x83\x00")
    assert await websocket.receive_str() == "hi"
    await websocket.send_str("hello")
    if knows:
        assert (await websocket.receive()).type is http.WSMsgType.ERROR
    else:
        await websocket.close()
    assert await frame(wire) == (0x81, b"hello")
    assert await frame(wire) == (0x88, (1002).to_bytes(2, "big"))
    assert await wire.is_closed()
    assert (await settled(session.connector))["leased"] == 0


@pytest.mark.parametrize("body", [None, b"body"], ids=["none", "bytes"])
async def test_server_that_goes_on_and_answers_and_closes_at_once(server, session, body):
    """By the time the body could be sent, there is nobody to send it to; the answer counts."""
    asking = asyncio.ensure_future(
        fetch(session, server.url, "PUT" if body else "GET", data=body, expect100=True)
    )
    wire = await server.accept()
    await wire.until(b"\r\n\r\n")
    wire.send(b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"no", status="500 No"))
    wire.close()
    assert await asking == (500, b"no")
    assert (await settled(session.connector))["leased"] == 0


async def test_writing_of_the_body_may_be_a_subclasses_own(server, make_session):
    class Request(http.ClientRequest):
        async def write_bytes(self, writer, conn, content_length=None):
            await writer.write(b"its own")

    session = make_session(request_class=Request)
    asking = asyncio.ensure_future(fetch(session, server.url, "PUT", data=io.BytesIO(b"another")))
    _, (request,) = await server.answers(OK)
    assert await asking == (200, b"ok")
    assert request.body == b"its own"


@pytest.mark.parametrize("timeout", ["10", b"10", object()])
async def test_what_is_no_timeout(server, session, timeout):
    with pytest.raises(ValueError, match="timeout parameter cannot be of"):
        http.ClientSession(timeout=timeout)
    with pytest.raises(ValueError, match="timeout parameter cannot be of"):
        await session.get(server.url, timeout=timeout)
    await polled()
    assert server.nobody_waits()


class Zlib:
    MAX_WBITS = Z_FULL_FLUSH = Z_SYNC_FLUSH = Z_BEST_SPEED = Z_FINISH = 1
    compressobj = decompressobj = None


def test_zlib_backend_is_accepted_if_it_is_one():
    import zlib

    aiohttp = pytest.importorskip("aiohttp.compression_utils")
    before = aiohttp.ZLibBackend._zlib_backend
    try:
        http.set_zlib_backend(Zlib)
        assert aiohttp.ZLibBackend._zlib_backend is Zlib
    finally:
        http.set_zlib_backend(before)
    http.set_zlib_backend(zlib)
    with pytest.raises(TypeError, match="is no zlib: it has no MAX_WBITS"):
        http.set_zlib_backend(asyncio)


@pytest.mark.parametrize(
    "options", [{"chunked": True}, {"headers": {"Transfer-Encoding": "chunked"}, "method": "GET"}]
)
async def test_chunks_without_a_body_have_an_end(server, session, options):
    """The server waits for it before it answers."""
    asking = asyncio.ensure_future(fetch(session, server.url, **{"method": "POST", **options}))
    wire = await server.accept()
    assert b"\r\nTransfer-Encoding: chunked\r\n" in await wire.until(b"\r\n\r\n")
    assert await wire.exactly(5) == b"0\r\n\r\n"
    await wire.sendall(OK)
    assert await asking == (200, b"ok")
