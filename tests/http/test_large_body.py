"""Bodies that are sent while there is room, and their heads, which go out with the first piece."""

import asyncio
import warnings

import pytest

from aioxide import _aioxide, http
from aioxide.http._request import TOGETHER
from aioxide.http._writer import RequestWriter

from .wire import OK, answer, both, fetch, settled

SIZE = 3 * TOGETHER


@pytest.fixture(autouse=True)
def without_advice():
    """Bytes of this size are warned about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


class Sent:
    """A connection that keeps what each call sends."""

    def __init__(self):
        self.calls = []

    def writelines(self, pieces):
        self.calls.append([bytes(piece) for piece in pieces])

    def drain_waiter(self):
        return None


async def test_head_goes_out_with_the_first_piece(loop):
    sent = Sent()
    writer = RequestWriter(sent, _aioxide.RequestBody.length(4), head=b"head")
    await writer.write(b"bo")
    await writer.write(b"dy")
    await writer.write_eof()
    assert sent.calls == [[b"head", b"bo"], [b"dy"]]
    # As with aiohttp's, the size is that of the body.
    assert writer.output_size == 4


async def test_head_goes_out_without_a_piece(loop):
    sent = Sent()
    writer = RequestWriter(sent, _aioxide.RequestBody.empty(), head=b"head")
    await writer.write_eof()
    assert sent.calls == [[b"head"]]


MADE = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "text": lambda body: body.decode(),
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
async def test_each_kind_arrives(server, session, make):
    """On a new connection, and on one that is kept."""
    body = b"<" + b"b" * (SIZE - 2) + b">"

    async def post():
        return await fetch(session, server.url, "POST", data=make(body))

    async def answered(wire):
        request = await wire.request()
        await wire.sendall(OK)
        return request.body

    async def first():
        return await answered(await server.accept())

    assert await both(post(), first()) == [(200, b"ok"), body]
    assert await both(post(), answered(server.wires[0])) == [(200, b"ok"), body]
    assert len(server.wires) == 1


async def test_no_more_than_announced(server, session):
    body = b"a" * SIZE
    length = str(SIZE - 1)
    got, (_, [request]) = await both(
        fetch(session, server.url, "PUT", data=body, headers={"Content-Length": length}),
        server.answers(OK),
    )
    assert got == (200, b"ok")
    assert request.all("Content-Length") == [length]
    assert request.body == body[:-1]


async def test_answer_that_does_not_wait_for_the_body(server, session):
    """The server has seen the head, refuses, and closes."""

    async def refuse():
        wire = await server.accept()
        await wire.until(b"\r\n\r\n")
        await wire.sendall(answer(b"no", "Connection: close", status="413 Too Large"))

    got, _ = await both(fetch(session, server.url, "POST", data=b"a" * SIZE), refuse())
    assert got == (413, b"no")
    assert (await settled(session.connector))["leased"] == 0


async def test_method_of_a_subclass_sees_the_head_sent(server, make_session):
    """What it waits for may be what the server answers to the head."""
    order = []

    class Request(http.ClientRequest):
        async def write_bytes(self, writer, conn, content_length=None):
            await seen.wait()
            order.append("body")
            await super().write_bytes(writer, conn, content_length)

    seen = asyncio.Event()
    session = make_session(request_class=Request)

    async def serve():
        wire = await server.accept()
        await wire.until(b"\r\n\r\n")
        order.append("head")
        seen.set()
        assert await wire.exactly(SIZE) == b"a" * SIZE
        await wire.sendall(OK)

    got, served = await both(fetch(session, server.url, "POST", data=b"a" * SIZE), serve())
    assert (got, served) == ((200, b"ok"), None)
    assert order == ["head", "body"]
