"""TLS: the ways in which a connection ends."""

import asyncio
import gc
import ssl
import warnings
import weakref

import pytest

from .peer import polled, ready
from .recorder import BufferedRecorder, Recorder
from .tls import TlsPeer

BLOCK = bytes(range(256))


async def reset_or(receiving):
    """Nothing, where the other end had not read all that this one had sent behind its handshake."""
    try:
        return await receiving
    except ConnectionResetError:
        return b""


class Keeps(Recorder):
    """Wants to keep the connection open at the peer's end of it."""

    def eof_received(self):
        super().eof_received()
        return True


@pytest.mark.parametrize("kind", [Recorder, BufferedRecorder])
async def test_close(tls_connect, kind):
    transport, protocol, peer = await tls_connect(kind())
    assert not transport.is_closing()
    assert transport._closed is False
    transport.close()
    assert transport.is_closing()
    assert transport._closed is True
    transport.close()
    assert "connection_lost" not in protocol.calls
    assert await peer.recv() == b""
    await peer.close_notify()
    await protocol.until("connection_lost")
    assert protocol.calls == ["connection_made", "eof_received", "connection_lost"]
    assert protocol.exception is None
    assert transport.is_closing()


async def test_second_close_gives_the_context_back(tls_connect):
    transport, protocol, peer = await tls_connect()
    session = weakref.ref(transport.get_extra_info("ssl_object"))
    transport.close()
    assert session() is not None
    transport.close()
    assert await peer.recv() == b""
    await peer.close_notify()
    await protocol.until("connection_lost")
    assert session() is None


async def test_close_sends_what_is_written(tls_connect):
    transport, protocol, peer = await tls_connect()
    data = BLOCK * 4000
    transport.write(data)
    transport.close()
    assert await peer.recv_exactly(len(data)) == data
    assert await peer.recv() == b""
    await peer.close_notify()
    await protocol.until("connection_lost")
    assert protocol.exception is None


async def test_write_after_close(tls_connect, asyncio_log):
    transport, _, peer = await tls_connect()
    transport.write(b"before")
    transport.close()
    for _ in range(8):
        transport.write(b"after")
    transport.writelines([b"after"])
    texts = [record.getMessage() for record in asyncio_log]
    assert texts.count("SSL connection is closed") == 4
    assert await peer.recv() == b"before"
    assert await peer.recv() == b""


async def test_peer_says_close_notify(tls_connect):
    transport, protocol, peer = await tls_connect()
    await peer.sendall(b"last")
    await peer.close_notify()
    await protocol.until("eof_received")
    assert transport.is_closing()
    assert await peer.recv() == b""
    assert await peer.recv_raw() == b""
    await protocol.until("connection_lost")
    assert protocol.received == b"last"
    assert protocol.exception is None


async def test_peer_ends_without_close_notify(tls_connect):
    transport, protocol, peer = await tls_connect()
    peer.send(peer.encrypt(b"last"))
    peer.shutdown()
    await protocol.until("connection_lost")
    calls = ["connection_made", "data_received", "eof_received", "connection_lost"]
    assert protocol.calls == calls
    assert protocol.exception is None
    assert transport.is_closing()


@pytest.mark.parametrize("notify", [True, False])
async def test_half_open_is_refused_with_a_warning(tls_connect, asyncio_log, notify):
    _, protocol, peer = await tls_connect(Keeps())
    if notify:
        await peer.close_notify()
        assert await peer.recv_raw() != b"x"
    else:
        peer.shutdown()
    await protocol.until("connection_lost")
    texts = [record.getMessage() for record in asyncio_log]
    assert "returning true from eof_received() has no effect when using ssl" in texts


async def test_answer_to_the_end(tls_connect):
    class Answers(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.write(b"got " + data)

    _, protocol, peer = await tls_connect(Answers())
    peer.send(peer.encrypt(b"last"))
    peer.shutdown()
    assert await peer.recv() == b"got last"
    await protocol.until("connection_lost")
    assert protocol.exception is None


async def test_end_while_paused(tls_connect):
    transport, protocol, peer = await tls_connect()
    transport.pause_reading()
    peer.send(peer.encrypt(b"last"))
    peer.shutdown()
    await polled(4)
    assert protocol.calls == ["connection_made"]
    transport.resume_reading()
    await protocol.until("connection_lost")
    assert protocol.received == b"last"
    assert protocol.calls[2:] == ["eof_received", "connection_lost"]


async def test_reset(tls_connect):
    _, protocol, peer = await tls_connect()
    peer.reset()
    await protocol.until("connection_lost")
    assert isinstance(protocol.exception, ConnectionResetError)


async def test_abort(tls_connect):
    transport, protocol, peer = await tls_connect()
    transport.abort()
    assert transport.is_closing()
    transport.abort()
    transport.write(b"nothing")
    await protocol.until("connection_lost")
    assert protocol.calls == ["connection_made", "connection_lost"]
    assert protocol.exception is None
    assert await reset_or(peer.recv_raw()) == b""


async def test_abort_drops_what_is_written(tls_connect):
    transport, protocol, peer = await tls_connect()
    transport.write(BLOCK * 40_000)
    transport.abort()
    await protocol.until("connection_lost")
    assert len(await reset_or(peer.recv_raw())) < len(BLOCK) * 40_000


async def test_abort_after_close(tls_connect):
    transport, protocol, _ = await tls_connect()
    transport.close()
    await polled(4)
    assert "connection_lost" not in protocol.calls  # the peer says nothing
    transport.abort()
    await protocol.until("connection_lost")
    assert protocol.exception is None


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_in_connection_made(tls_connect, how):
    class Ends(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            getattr(transport, how)()

    protocol = Ends()
    try:
        _, _, peer = await tls_connect(protocol)
        await peer.close_notify()
    except (ssl.SSLError, ConnectionError):
        pass  # the peer's end of the handshake may find it closed
    await protocol.until("connection_lost")
    assert protocol.calls[0] == "connection_made"


@pytest.mark.parametrize("how", ["close", "abort"])
@pytest.mark.parametrize("kind", [Recorder, BufferedRecorder])
async def test_in_data_received(tls_connect, how, kind):
    protocol = kind()
    note = protocol.note

    def ends(name):
        note(name)
        if name == "data_received":
            getattr(protocol.transport, how)()

    protocol.note = ends
    _, _, peer = await tls_connect(protocol)
    await peer.sendall(b"data")
    await protocol.until("data_received")
    if how == "close":
        assert await peer.recv() == b""
        await peer.close_notify()
    await protocol.until("connection_lost")
    assert protocol.exception is None
    assert protocol.received == b"data"


async def test_abort_in_the_last_data(tls_connect, on_asyncio, contexts):
    class Aborts(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.abort()

    _, protocol, peer = await tls_connect(Aborts())
    # In one segment, so that the end is found behind the data.
    protocol.transport.pause_reading()
    peer.send(peer.encrypt(b"data"))
    peer.shutdown()
    await polled(4)
    protocol.transport.resume_reading()
    await protocol.until("connection_lost")
    await polled()
    assert protocol.received == b"data"
    if not on_asyncio:  # it reports that it "cannot switch state"
        assert contexts == []


async def test_shutdown_timeout(tls_connect):
    transport, protocol, _ = await tls_connect(ssl_shutdown_timeout=0.05)
    transport.close()
    await protocol.until("connection_lost")
    assert isinstance(protocol.exception, TimeoutError)
    assert str(protocol.exception) == "SSL shutdown timed out"


async def test_data_after_close(tls_connect):
    transport, protocol, peer = await tls_connect()
    transport.close()
    await peer.sendall(b"late")
    await protocol.until("connection_lost")
    assert protocol.received == b""
    assert protocol.exception is None or isinstance(protocol.exception, ssl.SSLError)


async def test_eof_received_raises(tls_connect, contexts):
    class Raises(Recorder):
        def eof_received(self):
            super().eof_received()
            raise RuntimeError("no")

    _, protocol, peer = await tls_connect(Raises())
    await peer.close_notify()
    await protocol.until("connection_lost")
    assert [context["message"] for context in contexts] == ["Error calling eof_received()"]
    assert str(protocol.exception) == "no"


async def test_what_is_known_afterwards(tls_connect, tls_contexts):
    transport, protocol, _ = await tls_connect()
    transport.abort()
    await protocol.until("connection_lost")
    assert transport.get_extra_info("sslcontext") is tls_contexts[1]
    assert transport.get_extra_info("peername") is None
    assert transport.get_extra_info("peername", "gone") == "gone"
    assert transport.get_protocol() is None
    assert transport.get_write_buffer_size() == 0


async def test_nobody_closes_it(loop, listener, tls_contexts):
    server_context, client_context = tls_contexts
    listener.setblocking(False)
    connecting = loop.create_task(
        loop.create_connection(
            Recorder, *listener.getsockname(), ssl=client_context, server_hostname="localhost"
        )
    )
    await ready(loop.add_reader, loop.remove_reader, listener)
    peer = TlsPeer(loop, listener.accept()[0], server_context)
    await peer.handshake()
    transport, protocol = await connecting
    del connecting
    await polled()  # the step that woke this one holds what it was woken by
    transport._ssl_protocol._transport.pause_reading()  # the loop holds what it reads
    assert type(transport).__name__ == type(transport).__qualname__ == "_SSLProtocolTransport"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del transport, protocol
        gc.collect()
        gc.collect()
    text = "unclosed transport <asyncio._SSLProtocolTransport object>"
    files = [warning.filename for warning in caught if str(warning.message) == text]
    assert files == [asyncio.sslproto.__file__]
    assert await reset_or(peer.recv_raw()) == b""
    peer.close()


async def test_cancelled_wait_closed(loop, tls_contexts):
    server_context, client_context = tls_contexts

    async def serve(reader, writer):
        await reader.read()
        writer.close()
        await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context)
    _, writer = await asyncio.open_connection(
        *server.sockets[0].getsockname(), ssl=client_context, server_hostname="localhost"
    )
    writer.close()
    waiting = asyncio.ensure_future(writer.wait_closed())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])
    server.close()
    await polled(6)
