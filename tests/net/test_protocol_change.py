"""set_protocol on a live connection."""

import asyncio

import pytest

from .peer import clog, polled
from .recorder import BufferedRecorder, Recorder

KINDS = [Recorder, BufferedRecorder]


@pytest.mark.parametrize("first", KINDS)
@pytest.mark.parametrize("second", KINDS)
async def test_data_goes_to_the_new_protocol(connect, first, second):
    transport, old, peer = await connect(first())
    peer.send(b"one")
    await old.until("data_received")
    new = second()
    assert transport.get_protocol() is old
    transport.set_protocol(new)
    assert transport.get_protocol() is new
    peer.send(b"two")
    await new.until("data_received")
    peer.shutdown()
    await new.until("connection_lost")
    assert (old.received, new.received) == (b"one", b"two")
    assert old.calls == ["connection_made", "data_received"]
    assert new.calls == ["data_received", "eof_received", "connection_lost"]


async def test_there_and_back_again(connect):
    transport, protocol, peer = await connect(Recorder())
    protocols = [protocol]
    for number, kind in enumerate([BufferedRecorder, Recorder, BufferedRecorder, Recorder]):
        protocols.append(kind())
        transport.set_protocol(protocols[-1])
        peer.send(b"%d" % number)
        await protocols[-1].until("data_received")
    assert [bytes(each.received) for each in protocols] == [b"", b"0", b"1", b"2", b"3"]


@pytest.mark.parametrize("first", KINDS)
@pytest.mark.parametrize("second", KINDS)
async def test_from_inside_the_data_callback(connect, first, second):
    new = second()

    class Changes(first):
        def note(self, name):
            super().note(name)
            if name == "data_received":
                self.transport.set_protocol(new)

    _, old, peer = await connect(Changes())
    peer.send(b"one")
    await old.until("data_received")
    peer.send(b"two")
    await new.until("data_received")
    assert (old.received, new.received) == (b"one", b"two")


async def test_from_inside_get_buffer(connect):
    # The transport reads into the buffer it asked for, then tells the protocol of that moment.
    new = BufferedRecorder()
    new.buffer[:4] = b"new!"

    class Changes(BufferedRecorder):
        def get_buffer(self, sizehint):
            self.transport.set_protocol(new)
            return super().get_buffer(sizehint)

    _, old, peer = await connect(Changes())
    peer.send(b"data")
    await new.until("data_received")
    assert old.buffer[:4] == b"data"
    assert (old.received, new.received) == (b"", b"new!")


@pytest.mark.parametrize("second", KINDS)
async def test_from_inside_connection_made(connect, second):
    new = second()

    class Changes(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.set_protocol(new)

    _, old, peer = await connect(Changes())
    peer.send(b"data")
    await new.until("data_received")
    peer.shutdown()
    await new.until("connection_lost")
    assert old.calls == ["connection_made"]
    assert new.calls == ["data_received", "eof_received", "connection_lost"]


async def test_from_inside_eof_received(connect):
    new = Recorder()

    class Changes(Recorder):
        def eof_received(self):
            super().eof_received()
            self.transport.set_protocol(new)

    _, old, peer = await connect(Changes())
    peer.shutdown()
    await new.until("connection_lost")
    assert old.calls == ["connection_made", "eof_received"]
    assert new.calls == ["connection_lost"]


async def test_new_protocol_is_resumed(connect):
    transport, old, peer = await connect()
    data = await clog(transport)
    new = Recorder()
    transport.set_protocol(new)
    await peer.recv_exactly(len(data))
    await new.until("resume_writing")
    assert old.calls == ["connection_made", "pause_writing"]
    assert new.calls == ["resume_writing"]


async def test_while_paused(connect):
    transport, old, peer = await connect()
    transport.pause_reading()
    peer.send(b"data")
    await polled()
    new = BufferedRecorder()
    transport.set_protocol(new)
    await polled()
    assert not transport.is_reading()
    assert new.calls == []
    transport.resume_reading()
    await new.until("data_received")
    assert (old.received, new.received) == (b"", b"data")


@pytest.mark.parametrize("kind", KINDS)
async def test_between_close_and_connection_lost(connect, kind):
    transport, old, _ = await connect()
    transport.close()
    new = kind()
    transport.set_protocol(new)
    await new.until("connection_lost")
    assert old.calls == ["connection_made"]


async def test_to_a_stream(connect, loop):
    transport, old, peer = await connect()
    peer.send(b"greeting")
    await old.until("data_received")
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    peer.send(b"line one\nline")
    assert await reader.readline() == b"line one\n"
    peer.send(b" two\n")
    peer.shutdown()
    assert await reader.read() == b"line two\n"
    assert old.received == b"greeting"
    transport.close()
    await protocol._closed


async def test_from_a_stream(connect, loop):
    transport, _, peer = await connect()
    reader = asyncio.StreamReader(loop=loop)
    transport.set_protocol(asyncio.StreamReaderProtocol(reader, loop=loop))
    peer.send(b"to the stream\n")
    assert await reader.readline() == b"to the stream\n"
    new = Recorder()
    transport.set_protocol(new)
    peer.send(b"to the protocol\n")
    await new.until("data_received")
    assert new.received == b"to the protocol\n"
    assert not reader.at_eof()


async def test_methods_replaced_on_the_instance_are_honoured(connect):
    # Libraries wrap the methods of a live protocol.
    _, protocol, peer = await connect()
    seen = []
    protocol.data_received = seen.append
    protocol.eof_received = lambda: seen.append("eof")
    peer.send(b"data")
    await polled()
    peer.shutdown()
    await protocol.until("connection_lost")
    assert seen == [b"data", "eof"]
    del protocol.data_received, protocol.eof_received
