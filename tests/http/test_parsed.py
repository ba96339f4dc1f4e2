"""A parser of the program's behind an upgrade, by `set_parser()`: so aiodocker reads streams."""

import asyncio

import pytest

from aioxide import http

from .wire import OK, fetch

SWITCHED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
ASKS = {"Connection": "Upgrade", "Upgrade": "tcp"}


class Lines:
    """A parser of lines; the line `end` is the last one, `bad` is refused."""

    def __init__(self, loop):
        self.unread = b""
        self.lines = []
        self.calls = 0
        self.ended = loop.create_future()
        self.full = loop.create_future()

    def feed_data(self, data):
        self.unread += data
        *lines, self.unread = self.unread.split(b"\n")
        if b"bad" in lines:
            raise ValueError("a bad line")
        self.lines += lines
        if len(self.lines) >= 3 and not self.full.done():
            self.full.set_result(None)
        return b"end" in lines, b""

    def feed_eof(self):
        self.ended.set_result(None)
        raise RuntimeError("the connection's end is no place to raise")

    def count(self):
        self.calls += 1


async def upgraded(server, session, *behind):
    """A response that has switched, and the wire; `behind` came together with its head."""
    asking = asyncio.ensure_future(session.post(server.url, headers=ASKS))
    wire = await server.accept()
    request = await wire.request()
    assert request.all("Upgrade") == ["tcp"]
    await wire.sendall(SWITCHED + b"".join(behind))
    response = await asking
    assert response.status == 101
    assert await response.read() == b""
    return response, wire


@pytest.mark.parametrize("together", [True, False])
async def test_parser_is_fed_up_to_the_end_of_the_connection(server, session, loop, together):
    first = b"one\ntw"
    response, wire = await upgraded(server, session, *([first] if together else []))
    protocol = response.connection.protocol
    parser = Lines(loop)
    protocol.set_parser(parser, object(), parser.count)
    if not together:
        await wire.sendall(first)
    await wire.sendall(b"o\nthree\n")
    await parser.full
    assert parser.lines == [b"one", b"two", b"three"]
    assert parser.calls >= 1
    response.connection.transport.write(b"answer")
    await protocol._drain_helper()
    assert await wire.exactly(6) == b"answer"
    wire.shutdown()
    await parser.ended
    with pytest.raises(http.ClientConnectionResetError):
        await protocol._drain_helper()
    response.close()
    assert session.connector.stats()["idle"] == 0


async def test_parser_that_has_ended_is_given_nothing_more(server, session, loop):
    response, wire = await upgraded(server, session)
    parser = Lines(loop)
    response.connection.protocol.set_parser(parser, object())
    await wire.sendall(b"one\ntwo\nend\n")
    await parser.full
    await wire.sendall(b"bad\n")
    wire.shutdown()
    await response.connection.protocol.closed
    assert parser.lines == [b"one", b"two", b"end"]
    assert not parser.ended.done()
    response.close()


async def test_what_the_parser_raises_ends_the_connection(server, session, loop):
    told = []
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
    response, wire = await upgraded(server, session)
    parser = Lines(loop)
    response.connection.protocol.set_parser(parser, object())
    await wire.sendall(b"bad\n")
    await parser.ended
    assert [str(error) for error in told] == ["a bad line"]
    assert await wire.is_closed()
    response.close()


async def test_half_of_the_connection_may_be_closed(server, session, loop):
    response, wire = await upgraded(server, session)
    parser = Lines(loop)
    response.connection.protocol.set_parser(parser, object())
    response.connection.transport.write_eof()
    assert await wire.is_closed()
    await wire.sendall(b"one\ntwo\nthree\n")
    await parser.full
    wire.shutdown()
    await parser.ended
    response.close()


async def test_without_an_upgrade_there_is_no_parser(server, session, loop):
    asking = asyncio.ensure_future(fetch(session, server.url))
    await server.answers(OK)
    await asking
    ((protocol, _),) = next(iter(session.connector._conns.values()))
    with pytest.raises(RuntimeError, match="not upgraded"):
        protocol.set_parser(Lines(loop), object())
