"""open_connection: asyncio's own streams over the transport."""

import asyncio
import contextlib
import socket
import sys

import pytest

from .peer import Peer, polled


@pytest.fixture
def stream(loop, listener):
    """Open a stream to a plain socket: `reader, writer, peer = await stream()`."""
    opened = []

    async def open_stream(**kwargs):
        reader, writer = await asyncio.open_connection(*listener.getsockname(), **kwargs)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        peer = Peer(loop, listener.accept()[0])
        opened.append((writer, peer))
        return reader, writer, peer

    yield open_stream

    async def close():
        for writer, peer in opened:
            peer.close()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    loop.run_until_complete(close())
    opened.clear()


async def test_kinds(stream):
    reader, writer, _ = await stream()
    assert isinstance(reader, asyncio.StreamReader)
    assert isinstance(writer, asyncio.StreamWriter)
    assert type(writer.transport.get_protocol()) is asyncio.StreamReaderProtocol


async def test_lines(stream):
    reader, _, peer = await stream()
    peer.send(b"one\ntwo\nthr")
    assert await reader.readline() == b"one\n"
    assert await reader.readline() == b"two\n"
    line = asyncio.create_task(reader.readline())
    await polled()
    assert not line.done()
    peer.send(b"ee\nrest")
    assert await line == b"three\n"
    peer.shutdown()
    assert await reader.readline() == b"rest"
    assert await reader.readline() == b""
    assert reader.at_eof()


async def test_iteration(stream):
    reader, _, peer = await stream()
    peer.send(b"a\nb\nc")
    peer.shutdown()
    assert [line async for line in reader] == [b"a\n", b"b\n", b"c"]


async def test_line_in_pieces(stream):
    reader, _, peer = await stream()
    line = asyncio.create_task(reader.readline())
    for byte in b"a line, byte by byte\n":
        peer.send(bytes([byte]))
        await polled()
    assert await line == b"a line, byte by byte\n"


async def test_until(stream):
    reader, _, peer = await stream()
    peer.send(b"head--SEP--body--SE")
    assert await reader.readuntil(b"--SEP--") == b"head--SEP--"
    body = asyncio.create_task(reader.readuntil(b"--SEP--"))
    await polled()
    peer.send(b"P--tail")
    assert await body == b"body--SEP--"
    peer.shutdown()
    with pytest.raises(asyncio.IncompleteReadError) as caught:
        await reader.readuntil(b"--SEP--")
    assert caught.value.partial == b"tail"


@pytest.mark.skipif(sys.version_info < (3, 13), reason="since Python 3.13")
async def test_until_one_of_several(stream):
    reader, _, peer = await stream()
    peer.send(b"one;two,three")
    assert await reader.readuntil((b",", b";")) == b"one;"
    assert await reader.readuntil((b",", b";")) == b"two,"


async def test_exactly(stream):
    reader, _, peer = await stream()
    peer.send(b"0123456789")
    assert await reader.readexactly(4) == b"0123"
    assert await reader.readexactly(0) == b""
    rest = asyncio.create_task(reader.readexactly(10))
    await polled()
    peer.send(b"abcd")
    assert await rest == b"456789abcd"
    peer.send(b"xy")
    peer.shutdown()
    with pytest.raises(asyncio.IncompleteReadError) as caught:
        await reader.readexactly(5)
    assert (caught.value.partial, caught.value.expected) == (b"xy", 5)


async def test_read(stream):
    reader, _, peer = await stream()
    assert await reader.read(0) == b""
    peer.send(b"0123456789")
    assert await reader.read(3) == b"012"
    assert await reader.read(100) == b"3456789"
    everything = asyncio.create_task(reader.read())
    peer.send(b"abc")
    await polled()
    assert not everything.done()
    peer.send(b"def")
    peer.shutdown()
    assert await everything == b"abcdef"
    assert await reader.read() == b""
    assert await reader.read(10) == b""


async def test_at_eof_is_told_after_the_last_byte(stream):
    reader, _, peer = await stream()
    peer.send(b"x")
    peer.shutdown()
    await polled()
    assert not reader.at_eof()
    await reader.read(1)
    assert reader.at_eof()


async def test_limit(stream):
    reader, _, peer = await stream(limit=8)
    peer.send(b"0123456789abcdef\nnext\n")
    await polled()
    with pytest.raises(ValueError, match="chunk is longer than limit"):
        await reader.readline()
    assert await reader.readline() == b"next\n"
    peer.send(b"0123456789abcdefg")
    with pytest.raises(asyncio.LimitOverrunError) as caught:
        await reader.readuntil(b"\n")
    assert caught.value.consumed > 8
    assert await reader.readexactly(17) == b"0123456789abcdefg"


async def test_unread_data_pauses_the_transport(stream):
    # Above twice the limit the reader pauses; it resumes at the limit.
    limit = 1000
    reader, writer, peer = await stream(limit=limit)
    data = bytes(range(256)) * 1000
    sending = asyncio.create_task(peer.sendall(data))
    await polled()
    await polled()
    assert not writer.transport.is_reading()
    received = bytearray()
    while len(received) < len(data):
        received += await reader.read(100)
    await sending
    assert received == data
    assert writer.transport.is_reading()


async def test_large_reads_above_the_limit(stream):
    # A reader that waits for more than the limit must not deadlock.
    reader, _, peer = await stream(limit=100)
    data = bytes(range(256)) * 4000
    sending = asyncio.create_task(peer.sendall(data))
    assert await reader.readexactly(len(data)) == data
    await sending


async def test_write_writelines_and_eof(stream):
    reader, writer, peer = await stream()
    writer.write(b"one ")
    writer.writelines([b"two ", bytearray(b"three")])
    await writer.drain()
    assert writer.can_write_eof()
    writer.write_eof()
    assert await peer.recv_all() == b"one two three"
    peer.send(b"answer")
    assert await reader.read(100) == b"answer"


async def test_drain_waits_for_room(stream):
    _, writer, peer = await stream()
    writer.transport.set_write_buffer_limits(high=1000)
    data = b"x" * 2_000_000
    writer.write(data)
    draining = asyncio.create_task(writer.drain())
    second = asyncio.create_task(writer.drain())
    await polled()
    assert not draining.done()
    assert await peer.recv_exactly(len(data)) == data
    await asyncio.gather(draining, second)
    await writer.drain()


async def test_drain_after_a_reset(stream):
    _, writer, peer = await stream()
    writer.write(b"x" * 2_000_000)
    draining = asyncio.create_task(writer.drain())
    await polled()
    peer.reset()
    with pytest.raises(ConnectionError):
        await draining
    with pytest.raises(ConnectionError):
        await writer.drain()


async def test_read_after_a_reset(stream):
    reader, writer, peer = await stream()
    reading = asyncio.create_task(reader.read())
    await polled()
    peer.reset()
    with pytest.raises(ConnectionResetError):
        await reading
    with pytest.raises(ConnectionResetError):
        await reader.readline()
    assert isinstance(reader.exception(), ConnectionResetError)
    writer.close()
    with pytest.raises(ConnectionResetError):
        await writer.wait_closed()


async def test_data_before_a_reset_is_lost_to_the_error(stream):
    reader, _, peer = await stream()
    peer.send(b"data")
    await polled()
    peer.reset()
    await polled()
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(4)


async def test_close(stream):
    reader, writer, peer = await stream()
    assert not writer.is_closing()
    writer.write(b"bye")
    writer.close()
    assert writer.is_closing()
    await writer.wait_closed()
    assert await peer.recv_all() == b"bye"
    assert await reader.read() == b""
    with pytest.raises(ConnectionResetError, match="Connection lost"):
        await writer.drain()


async def test_extra_information(stream, listener):
    _, writer, _ = await stream()
    assert writer.get_extra_info("peername") == listener.getsockname()
    assert writer.get_extra_info("nothing", 7) == 7


async def test_eof_keeps_the_stream_writable(stream):
    reader, writer, peer = await stream()
    peer.send(b"question")
    peer.shutdown()
    assert await reader.read() == b"question"
    writer.write(b"answer")
    await writer.drain()
    writer.close()
    assert await peer.recv_all() == b"answer"


async def test_cancelled_read_loses_nothing(stream):
    reader, _, peer = await stream()
    for number in range(20):
        reading = asyncio.create_task(reader.readexactly(4))
        await polled(1)
        peer.send(b"%04d" % number)
        if number % 2:
            await polled(1)
        reading.cancel()
        try:
            received = await reading
        except asyncio.CancelledError:
            received = await reader.readexactly(4)
        assert received == b"%04d" % number


async def test_two_readers_are_refused(stream):
    reader, _, peer = await stream()
    first = asyncio.create_task(reader.read(1))
    await polled()
    with pytest.raises(RuntimeError, match="called while another coroutine is already waiting"):
        await reader.read(1)
    peer.send(b"x")
    assert await first == b"x"


async def test_set_exception_wakes_the_reader(stream):
    reader, _, _ = await stream()
    reading = asyncio.create_task(reader.read(1))
    await polled()
    reader.set_exception(ZeroDivisionError("told"))
    with pytest.raises(ZeroDivisionError, match="told"):
        await reading
    with pytest.raises(ZeroDivisionError):
        await reader.read(1)


async def test_data_fed_by_hand(stream):
    reader, _, peer = await stream()
    reader.feed_data(b"by hand, ")
    peer.send(b"by wire")
    await polled()
    assert await reader.read(100) == b"by hand, by wire"
    reader.feed_eof()
    assert reader.at_eof()


async def test_reader_that_is_gone_drops_the_data(stream):
    # The protocol holds its reader weakly.
    reader, writer, peer = await stream()
    del reader
    peer.send(b"data")
    await polled()
    peer.shutdown()
    await polled()
    assert not writer.is_closing()
    writer.write(b"still writes")
    writer.close()
    await writer.wait_closed()


async def test_protocol_subclass_is_honoured(loop, listener):
    class Counting(asyncio.StreamReaderProtocol):
        seen = b""
        eof = False

        def data_received(self, data):
            self.seen += data
            super().data_received(data.upper())

        def eof_received(self):
            self.eof = True
            return super().eof_received()

    reader = asyncio.StreamReader(loop=loop)
    transport, protocol = await loop.create_connection(
        lambda: Counting(reader, loop=loop), *listener.getsockname()
    )
    peer = Peer(loop, listener.accept()[0])
    peer.send(b"data")
    assert await reader.readexactly(4) == b"DATA"
    peer.shutdown()
    assert await reader.read() == b""
    assert (protocol.seen, protocol.eof) == (b"data", True)
    peer.close()
    transport.close()
    await protocol._closed


async def test_reader_subclass_is_honoured(loop, listener):
    class Loud(asyncio.StreamReader):
        fed = 0
        ends = 0

        def feed_data(self, data):
            self.fed += 1
            super().feed_data(data.upper())

        def feed_eof(self):
            self.ends += 1
            super().feed_eof()

    reader = Loud(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.create_connection(lambda: protocol, *listener.getsockname())
    peer = Peer(loop, listener.accept()[0])
    peer.send(b"data")
    assert await reader.readexactly(4) == b"DATA"
    peer.shutdown()
    assert await reader.read() == b""
    assert reader.fed == 1
    assert reader.ends >= 1
    peer.close()
    transport.close()
    await protocol._closed


async def test_methods_replaced_on_the_instance_are_honoured(stream):
    reader, writer, peer = await stream()
    seen = []
    feed_data = reader.feed_data

    def spy(data):
        seen.append(data)
        feed_data(data)

    reader.feed_data = spy
    peer.send(b"one")
    assert await reader.readexactly(3) == b"one"
    protocol = writer.transport.get_protocol()
    protocol.data_received = lambda data: feed_data(b"<" + data + b">")
    peer.send(b"two")
    assert await reader.readexactly(5) == b"<two>"
    assert seen == [b"one"]
    del reader.feed_data, protocol.data_received


async def test_methods_replaced_on_the_class_are_honoured(stream, monkeypatch):
    reader, _, peer = await stream()
    seen = []
    feed_data = asyncio.StreamReader.feed_data
    data_received = asyncio.StreamReaderProtocol.data_received

    def spy_feed(self, data):
        seen.append("feed_data")
        feed_data(self, data)

    def spy_received(self, data):
        seen.append("data_received")
        data_received(self, data)

    monkeypatch.setattr(asyncio.StreamReader, "feed_data", spy_feed)
    monkeypatch.setattr(asyncio.StreamReaderProtocol, "data_received", spy_received)
    peer.send(b"data")
    assert await reader.readexactly(4) == b"data"
    assert seen == ["data_received", "feed_data"]
