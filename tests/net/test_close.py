"""The end of a connection: close, abort, and what connection_lost is told."""

import asyncio
import errno

import pytest

from .peer import clog, polled
from .recorder import BufferedRecorder, Recorder

KINDS = pytest.mark.parametrize("kind", [Recorder, BufferedRecorder])


async def test_close_delivers_what_is_queued(connect):
    transport, protocol, peer = await connect()
    data = await clog(transport)
    transport.write(b"the end")
    transport.close()
    assert transport.is_closing()
    await polled()
    assert "connection_lost" not in protocol.calls
    assert await peer.recv_all() == data + b"the end"
    await protocol.until("connection_lost")
    assert protocol.exception is None


async def test_close_delivers_the_writes_of_the_same_turn(connect):
    transport, protocol, peer = await connect()
    for number in range(10):
        transport.write(b"%d" % number)
    transport.close()
    assert await peer.recv_all() == b"0123456789"
    await protocol.until("connection_lost")
    assert protocol.calls == ["connection_made", "connection_lost"]


async def test_abort_delivers_the_first_write_of_the_turn(connect):
    # asyncio has sent it by the time write() returns; programs say goodbye this way.
    transport, protocol, peer = await connect()
    transport.write(b"goodbye")
    transport.abort()
    assert await peer.recv_all() == b"goodbye"
    await protocol.until("connection_lost")


async def test_abort_drops_what_is_queued(connect):
    transport, protocol, peer = await connect()
    data = await clog(transport)
    queued = transport.get_write_buffer_size()
    transport.abort()
    assert transport.is_closing()
    assert transport.get_write_buffer_size() == 0
    await protocol.until("connection_lost")
    assert protocol.exception is None
    received = await peer.recv_all()
    assert received == data[: len(data) - queued]


@pytest.mark.parametrize("end", ["close", "abort"])
async def test_connection_lost_comes_later(connect, end):
    transport, protocol, _ = await connect()
    getattr(transport, end)()
    assert protocol.calls == ["connection_made"]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert protocol.calls == ["connection_made", "connection_lost"]
    assert protocol.exception is None


@pytest.mark.parametrize(
    "ends",
    [
        ["close", "close"],
        ["abort", "abort"],
        ["close", "abort"],
        ["abort", "close"],
        ["close", "abort", "close", "abort"],
    ],
    ids="-".join,
)
@pytest.mark.parametrize("clogged", [False, True])
async def test_connection_lost_is_called_once(connect, ends, clogged):
    transport, protocol, peer = await connect()
    if clogged:
        await clog(transport)
    for end in ends:
        getattr(transport, end)()
    if "abort" not in ends:
        await peer.recv_all()
    await protocol.until("connection_lost")
    transport.close()
    await polled()
    assert protocol.calls.count("connection_lost") == 1
    assert protocol.exception is None


@KINDS
async def test_reset_by_peer(connect, kind):
    _, protocol, peer = await connect(kind())
    peer.reset()
    await protocol.until("connection_lost")
    assert protocol.calls == ["connection_made", "connection_lost"]
    assert type(protocol.exception) is ConnectionResetError
    assert protocol.exception.errno == errno.ECONNRESET


async def test_reset_by_peer_after_data(connect):
    _, protocol, peer = await connect()
    peer.send(b"data")
    await protocol.until("data_received")
    peer.reset()
    await protocol.until("connection_lost")
    assert protocol.received == b"data"
    assert type(protocol.exception) is ConnectionResetError


async def test_reset_while_clogged(connect):
    transport, protocol, peer = await connect()
    await clog(transport)
    peer.reset()
    await protocol.until("connection_lost")
    assert isinstance(protocol.exception, ConnectionError)
    assert transport.get_write_buffer_size() == 0
    assert protocol.calls.count("connection_lost") == 1
    assert "resume_writing" not in protocol.calls


async def test_reset_while_closing_with_a_queue(connect):
    transport, protocol, peer = await connect()
    await clog(transport)
    transport.close()
    peer.reset()
    await protocol.until("connection_lost")
    assert isinstance(protocol.exception, ConnectionError)


async def test_write_to_a_peer_that_reset(connect):
    transport, protocol, peer = await connect()
    transport.pause_reading()
    peer.reset()
    await polled()
    assert protocol.calls == ["connection_made"]
    transport.write(b"x")
    await protocol.until("connection_lost")
    assert isinstance(protocol.exception, ConnectionResetError | BrokenPipeError)
    assert transport.is_closing()


async def test_failed_write_does_not_call_the_protocol_at_once(connect):
    transport, protocol, peer = await connect()
    transport.pause_reading()
    peer.reset()
    transport.write(b"x")
    transport.write(b"x")
    transport.close()
    assert protocol.calls == ["connection_made"]
    await protocol.until("connection_lost")
    await polled()
    assert protocol.calls == ["connection_made", "connection_lost"]


async def test_reset_by_peer_is_no_matter_for_the_exception_handler(connect, contexts):
    _, protocol, peer = await connect()
    peer.reset()
    await protocol.until("connection_lost")
    assert contexts == []


async def test_data_before_close_is_not_delivered_after_it(connect):
    transport, protocol, peer = await connect()
    peer.send(b"data")
    transport.close()
    await polled()
    assert protocol.received == b""


async def test_closed_in_connection_made(loop, listener):
    class Closes(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.close()

    transport, protocol = await loop.create_connection(Closes, *listener.getsockname())
    assert transport.is_closing()
    await protocol.until("connection_lost")
    assert protocol.calls == ["connection_made", "connection_lost"]
    conn, _ = listener.accept()
    with conn:
        assert conn.recv(1) == b""


async def test_aborted_in_data_received(connect):
    class Aborts(Recorder):
        def data_received(self, data):
            self.transport.abort()
            super().data_received(data)

    _, protocol, peer = await connect(Aborts())
    peer.send(b"data")
    peer.shutdown()
    await protocol.until("connection_lost")
    assert protocol.calls == ["connection_made", "data_received", "connection_lost"]


async def test_transport_is_usable_inside_connection_lost(connect):
    seen = []

    class Looks(Recorder):
        def connection_lost(self, exc):
            transport = self.transport
            transport.write(b"dropped")
            transport.close()
            transport.abort()
            seen.append(transport.is_closing())
            seen.append(transport.get_protocol() is self)
            seen.append(transport.get_extra_info("socket").fileno() >= 0)
            super().connection_lost(exc)

    transport, protocol, _ = await connect(Looks())
    transport.close()
    await protocol.until("connection_lost")
    await polled()
    assert seen == [True, True, True]
    assert protocol.calls == ["connection_made", "connection_lost"]


async def test_many_connections_close_together(connect):
    connections = [await connect() for _ in range(40)]
    for transport, _, _ in connections:
        transport.close()
    for _, protocol, peer in connections:
        await protocol.until("connection_lost")
        assert await peer.recv_all() == b""
