"""Peers that send single bytes, stall, half-close and reset; and many of them at once."""

import asyncio
import contextlib
import errno
import socket
import struct

import pytest

from .peer import clog, polled
from .recorder import BufferedRecorder, Recorder

LARGE = bytes(range(256)) * 4096


def abandon(sock):
    """Close with a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@pytest.mark.parametrize("factory", [Recorder, BufferedRecorder])
async def test_single_bytes(connect, factory):
    _, protocol, peer = await connect(factory())
    peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for number in range(200):
        peer.send(b"%d" % (number % 10))
        await protocol.until(lambda number=number: len(protocol.received) > number)
    assert protocol.received == b"0123456789" * 20


async def test_single_bytes_to_a_reader_of_lines(loop):
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    with theirs:
        for number in range(20):
            reading = asyncio.ensure_future(reader.readline())
            for byte in b"line %d\n" % number:
                assert not reading.done()
                theirs.send(bytes([byte]))
                await polled(1)
            assert await reading == b"line %d\n" % number
        writer.close()
        await writer.wait_closed()


async def test_half_closed_peer_receives_all(connect):
    """It has nothing more to say, and much to hear."""

    class Answering(Recorder):
        def eof_received(self):
            super().eof_received()
            self.transport.write(LARGE)
            return False

    _, protocol, peer = await connect(Answering())
    peer.send(b"question")
    peer.shutdown()
    assert await peer.recv_all() == LARGE
    await protocol.until("connection_lost")
    assert protocol.exception is None


@pytest.mark.parametrize("clogged", [False, True])
@pytest.mark.parametrize("factory", [Recorder, BufferedRecorder])
async def test_reset(connect, factory, clogged):
    transport, protocol, peer = await connect(factory())
    if clogged:
        await clog(transport)
    peer.reset()
    await protocol.until("connection_lost")
    assert protocol.exception.errno in (errno.ECONNRESET, errno.EPIPE)
    assert protocol.calls.count("connection_lost") == 1
    transport.write(b"late")
    assert transport.is_closing()


async def test_reset_while_paused_is_found_on_resume(connect):
    transport, protocol, peer = await connect()
    transport.pause_reading()
    peer.reset()
    await polled()
    transport.resume_reading()
    await protocol.until("connection_lost")
    assert protocol.exception.errno == errno.ECONNRESET


async def test_reset_before_the_connection_is_accepted(loop):
    served = []

    class Served(Recorder):
        def __init__(self):
            super().__init__()
            served.append(self)

    server = await loop.create_server(Served, "127.0.0.1", 0)
    for _ in range(20):
        sock = socket.create_connection(server.sockets[0].getsockname())
        abandon(sock)
    # The server lives, and whoever it has served at all is told of the end.
    client = socket.create_connection(server.sockets[0].getsockname())
    while not any(protocol.transport for protocol in served):
        await polled(1)
    client.close()
    server.close()
    await polled(4)
    for protocol in served:
        await protocol.until("connection_lost")
    await server.wait_closed()


async def test_stalled_peers_do_not_hold_up_the_others(connect):
    """Full buffers stay full, and cost the others nothing."""
    stalled = [await connect() for _ in range(10)]
    datas = [await clog(transport) for transport, _, _ in stalled]
    transport, protocol, peer = await connect()
    for number in range(1, 200):
        peer.send(b"x")
        await protocol.until(lambda number=number: len(protocol.received) == number)
        transport.write(b"y")
        assert await peer.recv(10) == b"y"
    assert all(transport.get_write_buffer_size() for transport, _, _ in stalled)
    assert all(protocol.calls[-1] == "pause_writing" for _, protocol, _ in stalled)
    for (_, protocol, stalled_peer), data in zip(stalled, datas, strict=True):
        assert await stalled_peer.recv_exactly(len(data)) == data
        await protocol.until("resume_writing")


async def test_peer_that_takes_single_bytes(connect):
    """Room comes in the smallest pieces; the order and the marks hold."""
    transport, protocol, peer = await connect()
    data = await clog(transport)
    transport.write(b"end")
    received = bytearray()
    for _ in range(300):
        received += await peer.recv(1)
    received += await peer.recv_exactly(len(data) + 3 - len(received))
    assert received == data + b"end"
    await protocol.until("resume_writing")
    assert protocol.calls.count("pause_writing") == protocol.calls.count("resume_writing") == 1


async def test_hundreds_that_reset_at_once(loop):
    lost = []

    class Served(Recorder):
        def connection_lost(self, exc):
            super().connection_lost(exc)
            lost.append(exc)

    server = await loop.create_server(Served, "127.0.0.1", 0, backlog=300)
    socks = []
    for _ in range(200):
        socks.append(socket.create_connection(server.sockets[0].getsockname()))
        socks[-1].send(b"data")
    await polled()
    for sock in socks:
        abandon(sock)
    while len(lost) < 200:
        await polled(1)
    assert all(isinstance(exc, (ConnectionError, type(None))) for exc in lost)
    server.close()
    await server.wait_closed()


async def test_peer_gone_while_a_file_is_sent(connect, loop, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(LARGE * 8)
    transport, protocol, peer = await connect()
    with path.open("rb") as file:
        sending = asyncio.ensure_future(loop.sendfile(transport, file))
        await peer.recv(1000)
        peer.reset()
        with pytest.raises(OSError):  # noqa: PT011 - reset, broken pipe or closed
            await sending
    transport.abort() if not transport.is_closing() else None
    with contextlib.suppress(OSError):
        await protocol.until("connection_lost")
