"""pause_reading, resume_reading, is_reading; peers that send in odd ways."""

import sys

import pytest

from .peer import clog, polled
from .recorder import BufferedRecorder, Recorder

KINDS = pytest.mark.parametrize("kind", [Recorder, BufferedRecorder])


@KINDS
async def test_paused_transport_does_not_read(connect, kind):
    transport, protocol, peer = await connect(kind())
    assert transport.is_reading()
    transport.pause_reading()
    assert not transport.is_reading()
    peer.send(b"data")
    await polled()
    assert protocol.calls == ["connection_made"]
    transport.resume_reading()
    assert transport.is_reading()
    assert protocol.calls == ["connection_made"]  # not from inside resume_reading
    await protocol.until("data_received")
    assert protocol.received == b"data"


async def test_pause_and_resume_may_be_repeated(connect):
    transport, protocol, peer = await connect()
    transport.resume_reading()
    assert transport.is_reading()
    transport.pause_reading()
    transport.pause_reading()
    assert not transport.is_reading()
    transport.resume_reading()
    transport.resume_reading()
    assert transport.is_reading()
    peer.send(b"data")
    await protocol.until("data_received")


async def test_pause_and_resume_in_one_turn(connect):
    transport, protocol, peer = await connect()
    for _ in range(10):
        transport.pause_reading()
        transport.resume_reading()
    peer.send(b"data")
    await protocol.until("data_received")
    transport.resume_reading()
    transport.pause_reading()
    peer.send(b"more")
    await polled()
    assert protocol.received == b"data"


@KINDS
async def test_paused_in_connection_made(connect, kind, asyncio_fault):
    asyncio_fault(sys.version_info < (3, 12), "3.11 reads in spite of this pause", fixed_later=True)

    class Paused(kind):
        def connection_made(self, transport):
            transport.pause_reading()
            super().connection_made(transport)

    transport, protocol, peer = await connect(Paused())
    peer.send(b"data")
    await polled()
    assert protocol.calls == ["connection_made"]
    transport.resume_reading()
    await protocol.until("data_received")


@KINDS
async def test_paused_inside_the_data_callback(connect, kind):
    class Sips(kind):
        def note(self, name):
            super().note(name)
            if name == "data_received":
                self.transport.pause_reading()

    transport, protocol, peer = await connect(Sips())
    transport.pause_reading()
    expected = b""
    for number in range(5):
        peer.send(b"%d" % number)
        await polled()
        assert protocol.received == expected
        transport.resume_reading()
        expected += b"%d" % number
        await protocol.until(lambda: len(protocol.received) == number + 1)  # noqa: B023
    assert protocol.received == expected == b"01234"


async def test_large_backlog_is_read_after_resume(connect):
    transport, protocol, peer = await connect()
    transport.pause_reading()
    data = bytes(range(256)) * 8000
    sent = peer.sock.send(data)
    await polled()
    assert protocol.received == b""
    transport.resume_reading()
    await protocol.until(lambda: len(protocol.received) >= sent)
    assert protocol.received == data[:sent]


async def test_writing_goes_on_while_reading_is_paused(connect):
    transport, _, peer = await connect()
    transport.pause_reading()
    data = await clog(transport)
    assert await peer.recv_exactly(len(data)) == data


@pytest.mark.parametrize("end", ["close", "abort"])
async def test_after_the_end(connect, end):
    transport, protocol, peer = await connect()
    peer.send(b"data")
    getattr(transport, end)()
    assert not transport.is_reading()
    transport.resume_reading()
    transport.pause_reading()
    transport.resume_reading()
    await protocol.until("connection_lost")
    transport.pause_reading()
    transport.resume_reading()
    assert not transport.is_reading()
    assert protocol.calls == ["connection_made", "connection_lost"]


async def test_closed_while_paused(connect):
    transport, protocol, peer = await connect()
    transport.pause_reading()
    peer.send(b"data")
    transport.close()
    transport.resume_reading()
    await protocol.until("connection_lost")
    assert protocol.calls == ["connection_made", "connection_lost"]


async def test_resumed_while_closing_with_a_queue_reads_nothing(connect):
    transport, protocol, peer = await connect()
    await clog(transport)
    transport.pause_reading()
    peer.send(b"data")
    transport.close()
    transport.resume_reading()
    await polled()
    assert "data_received" not in protocol.calls
    transport.abort()


@KINDS
async def test_one_byte_at_a_time(connect, kind):
    transport, protocol, peer = await connect(kind())
    for number in range(300):
        peer.send(bytes([number % 256]))
        await protocol.until(lambda: len(protocol.received) == number + 1)  # noqa: B023
    assert protocol.received == bytes(number % 256 for number in range(300))
    transport.close()


@KINDS
async def test_megabytes_are_received(connect, kind):
    data = bytes(range(256)) * (16 * 1024)
    _, protocol, peer = await connect(kind())
    await peer.sendall(data)
    peer.shutdown()
    await protocol.until("connection_lost")
    assert protocol.received == data
    assert protocol.exception is None


async def test_busy_connection_does_not_starve_the_others(connect):
    # The busy peer always has data under way: each data_received causes more.
    reads = 0
    at_most = 16

    class Busy(Recorder):
        def data_received(self, data):
            nonlocal reads
            reads += 1
            feed.sock.send(b"x" * 4096)

    busy_transport, _, feed = await connect(Busy())
    feed.send(b"x")
    for _ in range(50):
        _, quiet, peer = await connect()
        peer.send(b"hello")
        before = reads
        await quiet.until("data_received")
        assert reads - before <= at_most
        peer.close()
    assert reads > 50
    busy_transport.abort()


async def test_busy_connection_does_not_starve_callbacks(connect, loop):
    reads = 0

    class Busy(Recorder):
        def data_received(self, data):
            nonlocal reads
            reads += 1
            feed.sock.send(b"x" * 4096)

    busy_transport, protocol, feed = await connect(Busy())
    feed.send(b"x")
    await protocol.until(lambda: True)
    for _ in range(100):
        before = reads
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        await future
        assert reads - before <= 16
    busy_transport.abort()
