"""start_tls: a connection that becomes a TLS connection, and TLS within TLS."""

import asyncio
import contextlib
import gc
import socket
import ssl

import pytest

from .peer import Peer, polled, ready
from .recorder import BufferedRecorder, Recorder
from .tls import TlsPeer


async def tls_peer(loop, peer, context, *, server_side=True):
    """The same socket as a TlsPeer, after its handshake."""
    peer = TlsPeer(loop, peer.sock, context, server_side=server_side)
    await peer.handshake()
    return peer


@pytest.mark.parametrize("kind", [Recorder, BufferedRecorder])
async def test_client(loop, connect, tls_contexts, kind):
    server_context, client_context = tls_contexts
    plain, protocol, peer = await connect(kind())
    plain.write(b"STARTTLS\n")
    assert await peer.recv() == b"STARTTLS\n"
    serving = loop.create_task(tls_peer(loop, peer, server_context))
    transport = await loop.start_tls(plain, protocol, client_context, server_hostname="localhost")
    peer = await serving
    assert protocol.calls == ["connection_made"]
    assert protocol.transport is plain
    assert transport.get_protocol() is protocol
    assert transport.get_extra_info("sslcontext") is client_context
    await peer.sendall(b"hello")
    await protocol.until("data_received")
    assert protocol.received == b"hello"
    transport.write(b"answer")
    assert await peer.recv() == b"answer"
    transport.close()
    assert await peer.recv() == b""
    await peer.close_notify()
    await protocol.until("connection_lost")


async def test_another_protocol(loop, connect, tls_contexts):
    server_context, client_context = tls_contexts
    plain, first, peer = await connect()
    second = Recorder()
    serving = loop.create_task(tls_peer(loop, peer, server_context))
    transport = await loop.start_tls(plain, second, client_context, server_hostname="localhost")
    peer = await serving
    await peer.sendall(b"hello")
    await second.until("data_received")
    assert second.calls == ["data_received"]
    transport.abort()
    await second.until("connection_lost")
    assert first.calls == ["connection_made"]
    first.note("connection_lost")  # it is not told


async def test_data_behind_the_handshake(loop, connect, tls_contexts):
    """What comes in one piece with the end of the handshake is not lost."""
    server_context, client_context = tls_contexts
    plain, protocol, peer = await connect()

    async def serve():
        tls = TlsPeer(loop, peer.sock, server_context)
        flush = tls.flush

        async def flush_with_data():
            if tls.tls.version() is not None and server_context.maximum_version == (
                ssl.TLSVersion.TLSv1_3
            ):
                # Until the handshake is that far:
                with contextlib.suppress(ssl.SSLError):
                    tls.tls.write(b"early")
            await flush()

        tls.flush = flush_with_data
        await tls.handshake()
        tls.flush = flush
        await tls.sendall(b"late")
        return tls

    serving = loop.create_task(serve())
    await loop.start_tls(plain, protocol, client_context, server_hostname="localhost")
    await serving
    await protocol.until(lambda: protocol.received.endswith(b"late"))


async def test_server(loop, connect, tls_contexts):
    server_context, client_context = tls_contexts
    plain, protocol, peer = await connect()
    connecting = loop.create_task(tls_peer(loop, peer, client_context, server_side=False))
    transport = await loop.start_tls(plain, protocol, server_context, server_side=True)
    peer = await connecting
    transport.write(b"hello")
    assert await peer.recv() == b"hello"


@pytest.mark.parametrize("when", ["asked", "early"])
async def test_streams(loop, tls_contexts, when, asyncio_fault):
    moves = "_stream_reader" in asyncio.BaseEventLoop.start_tls.__code__.co_consts
    fault = when == "early" and not moves
    asyncio_fault(fault, "gh-142352: what has been read of the handshake is lost", run=False)
    server_context, client_context = tls_contexts

    async def serve(reader, writer):
        assert await reader.readline() == b"STARTTLS\n"
        if when == "asked":
            writer.write(b"go on\n")
        else:
            while not reader._buffer:
                await asyncio.sleep(0)
        await writer.start_tls(server_context)
        assert writer.get_extra_info("ssl_object").server_side
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    peer = TlsPeer(
        loop,
        socket.create_connection(server.sockets[0].getsockname()),
        client_context,
        server_side=False,
    )
    if when == "asked":
        Peer.send(peer, b"STARTTLS\n")
        assert await Peer.recv(peer) == b"go on\n"
    else:
        with pytest.raises(ssl.SSLWantReadError):
            peer.tls.do_handshake()
        Peer.send(peer, b"STARTTLS\n" + peer.outgoing.read())
    await peer.handshake()
    await peer.sendall(b"hello\n")
    assert await peer.recv() == b"hello\n"
    assert await peer.recv() == b""
    await peer.close_notify()
    assert await peer.recv_raw() == b""
    peer.close()
    server.close()
    await polled(4)


async def test_tls_within_tls(loop, tls_connect, tls_contexts):
    server_context, client_context = tls_contexts
    outer, protocol, outer_peer = await tls_connect()

    class Inner(TlsPeer):
        """Speaks through the peer of the outer connection."""

        async def flush(self):
            await outer_peer.sendall(self.outgoing.read())

        async def _step(self, function, *args):
            while True:
                try:
                    result = function(*args)
                except ssl.SSLWantReadError:
                    await self.flush()
                    self.incoming.write(await outer_peer.recv())
                else:
                    await self.flush()
                    return result

    inner_peer = Inner(loop, outer_peer.sock, server_context)
    serving = loop.create_task(inner_peer.handshake())
    inner = await loop.start_tls(outer, protocol, client_context, server_hostname="localhost")
    await serving
    assert inner.get_extra_info("ssl_object") is not outer.get_extra_info("ssl_object")
    inner.write(b"x" * 40_000)
    received = b""
    while len(received) < 40_000:
        received += await inner_peer.recv()
    assert received == b"x" * 40_000
    inner_peer.tls.write(b"answer")
    await inner_peer.flush()
    await protocol.until("data_received")
    assert protocol.received == b"answer"
    inner.abort()
    await protocol.until("connection_lost")


async def test_wrong_arguments(loop, connect, tls_contexts):
    plain, protocol, _ = await connect()
    with pytest.raises(TypeError, match="sslcontext is expected to be an instance"):
        await loop.start_tls(plain, protocol, True)
    with pytest.raises(TypeError, match="is not supported by start_tls"):
        await loop.start_tls(object(), protocol, tls_contexts[1])
    with pytest.raises(ValueError, match="ssl_handshake_timeout should be a positive number"):
        await loop.start_tls(
            plain, protocol, tls_contexts[1], server_hostname="localhost", ssl_handshake_timeout=0
        )
    assert plain.get_protocol() is protocol
    assert plain.is_reading()


async def test_failed_handshake(loop, connect, tls_contexts):
    plain, protocol, peer = await connect()
    upgrading = loop.create_task(
        loop.start_tls(plain, protocol, tls_contexts[1], server_hostname="localhost")
    )
    assert await peer.recv()
    peer.send(b"no, thanks\r\n")
    with pytest.raises(ssl.SSLError, match="WRONG_VERSION_NUMBER"):
        await upgrading
    assert plain.is_closing()
    assert await peer.recv() == b""
    await polled()
    protocol.note("connection_lost")  # asyncio tells it only of what happens after a handshake


async def test_timeout(loop, connect, tls_contexts):
    plain, protocol, peer = await connect()
    with pytest.raises(ConnectionAbortedError, match="longer than 0.05 seconds"):
        await loop.start_tls(
            plain,
            protocol,
            tls_contexts[1],
            server_hostname="localhost",
            ssl_handshake_timeout=0.05,
        )
    assert await peer.recv()
    assert await peer.recv() == b""
    protocol.note("connection_lost")


@pytest.mark.parametrize("turns", range(1, 12))
async def test_cancelled_after_some_turns(loop, connect, tls_contexts, turns):
    server_context, client_context = tls_contexts
    plain, protocol, peer = await connect()
    serving = loop.create_task(tls_peer(loop, peer, server_context))
    upgrading = loop.create_task(
        loop.start_tls(plain, protocol, client_context, server_hostname="localhost")
    )
    for _ in range(turns):
        await polled(1)
    upgrading.cancel()
    try:
        transport = await upgrading
    except asyncio.CancelledError:
        assert plain.is_closing()
    else:
        transport.abort()
    await asyncio.wait([serving], timeout=None if serving.done() else 0.01)
    serving.cancel()
    await asyncio.wait([serving])
    await polled()
    protocol.note("connection_lost")


@pytest.mark.parametrize("turns", range(12))
async def test_connecting_cancelled_after_some_turns(loop, listener, tls_contexts, turns):
    server_context, client_context = tls_contexts
    listener.setblocking(False)
    connecting = loop.create_task(
        loop.create_connection(
            Recorder, *listener.getsockname(), ssl=client_context, server_hostname="localhost"
        )
    )
    await ready(loop.add_reader, loop.remove_reader, listener)
    peer = TlsPeer(loop, listener.accept()[0], server_context)
    serving = loop.create_task(peer.handshake())
    for _ in range(turns):
        await polled(1)
    connecting.cancel()
    try:
        transport, protocol = await connecting
    except asyncio.CancelledError:
        pass
    else:
        transport.abort()
        await protocol.until("connection_lost")
    serving.cancel()
    await asyncio.wait([serving])
    peer.close()
    await polled()


def test_loop_ends_in_the_middle_of_accepting(loop_factory, tls_contexts):
    """asyncio.run() cancels accepting; here too nothing is left, and nobody is warned."""
    peers = []

    async def main():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Recorder, "127.0.0.1", 0, ssl=tls_contexts[0])
        peers.append(socket.create_connection(server.sockets[0].getsockname()))
        await polled(4)
        server.close()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())
    gc.collect()
    try:
        assert peers[0].recv(100) == b""
    finally:
        peers[0].close()


async def test_own_transport(loop, tls_contexts):
    """A transport that is not the loop's: asyncio's protocol speaks TLS on it."""

    class Own(asyncio.Transport):
        _start_tls_compatible = True

        def __init__(self):
            super().__init__()
            self.written = asyncio.Event()
            self.protocol = None

        def pause_reading(self):
            pass

        def resume_reading(self):
            pass

        def set_protocol(self, protocol):
            self.protocol = protocol

        def write(self, data):
            assert data[0] == 0x16
            self.written.set()

        def close(self):
            pass

        def _force_close(self, exc):
            pass

    own = Own()
    upgrading = loop.create_task(
        loop.start_tls(own, Recorder(), tls_contexts[1], server_hostname="localhost")
    )
    await own.written.wait()
    upgrading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upgrading
    own.protocol.connection_lost(None)
