"""TLS: data in both directions, flow control, and protocols of every kind."""

import array
import asyncio
import ssl

import pytest

from .peer import Peer, polled
from .recorder import BufferedRecorder, Calls, Recorder

BLOCK = bytes(range(256))


# Reading


@pytest.mark.parametrize("size", [1, 1000, 16_384, 16_385, 300_000])
@pytest.mark.parametrize("kind", [Recorder, BufferedRecorder])
async def test_received(tls_connect, kind, size):
    data = (BLOCK * (size // 256 + 1))[:size]
    _, protocol, peer = await tls_connect(kind())
    await peer.sendall(data)
    await protocol.until(lambda: len(protocol.received) >= size)
    assert protocol.received == data


async def test_records_in_single_bytes(tls_connect):
    _, protocol, peer = await tls_connect()
    wire = peer.encrypt(b"first") + peer.encrypt(b"second")
    for number in range(len(wire)):
        peer.send(wire[number : number + 1])
        if number % 16 == 0:
            await polled()
    await protocol.until(lambda: protocol.received == b"firstsecond")


async def test_records_that_come_together_are_one_call(tls_connect):
    class Counts(Recorder):
        count = 0

        def data_received(self, data):
            self.count += 1
            super().data_received(data)

    _, protocol, peer = await tls_connect(Counts())
    peer.send(peer.encrypt(b"one") + peer.encrypt(b"two") + peer.encrypt(b"three")[:-1])
    await protocol.until("data_received")
    assert protocol.received == b"onetwo"
    assert protocol.count == 1


async def test_half_a_record_makes_no_call(tls_connect):
    calls = []

    class Counts(BufferedRecorder):
        def buffer_updated(self, nbytes):
            calls.append(nbytes)
            super().buffer_updated(nbytes)

    _, protocol, peer = await tls_connect(Counts())
    wire = peer.encrypt(b"data")
    peer.send(wire[:9])
    await polled(4)
    assert calls == []
    peer.send(wire[9:])
    await protocol.until("data_received")
    assert calls == [4]


@pytest.mark.parametrize("size", [1, 7, 100, 4096, 100_000])
async def test_any_size_of_buffer_receives_everything(tls_connect, size):
    class Views(BufferedRecorder):
        def get_buffer(self, sizehint):
            return memoryview(super().get_buffer(sizehint))

    data = BLOCK * 16
    _, protocol, peer = await tls_connect(Views(size))
    await peer.sendall(data)
    await protocol.until(lambda: len(protocol.received) >= len(data))
    assert protocol.received == data


async def test_buffer_that_is_no_view(tls_connect, asyncio_fault):
    asyncio_fault(True, "reads all records but the first into a copy of the buffer")
    _, protocol, peer = await tls_connect(BufferedRecorder(4096))
    peer.send(peer.encrypt(b"first") + peer.encrypt(b"second"))
    await protocol.until(lambda: len(protocol.received) >= 11)
    assert protocol.received == b"firstsecond"


async def test_another_protocol_gets_the_rest(tls_connect):
    transport, small, peer = await tls_connect(BufferedRecorder(2))
    other = Recorder()

    def updated(nbytes):
        BufferedRecorder.buffer_updated(small, nbytes)
        transport.set_protocol(other)

    small.buffer_updated = updated
    transport.set_protocol(small)  # asyncio looks the methods up here
    await peer.sendall(b"0123456789")
    await other.until(lambda: len(other.received) == 8)
    assert small.received + other.received == b"0123456789"
    assert transport.get_protocol() is other
    transport.abort()
    await other.until("connection_lost")
    small.note("connection_lost")  # it is not told


async def test_paused_reading(tls_connect):
    transport, protocol, peer = await tls_connect()
    assert transport.is_reading()
    assert transport._ssl_protocol._app_reading_paused is False
    transport.pause_reading()
    assert transport._ssl_protocol._app_reading_paused is True
    assert not transport.is_reading()
    await peer.sendall(b"waits")
    while not transport.get_read_buffer_size():
        await polled()
    assert protocol.received == b""
    transport.resume_reading()
    transport.resume_reading()
    assert protocol.received == b""
    await protocol.until("data_received")
    assert protocol.received == b"waits"
    assert transport.get_read_buffer_size() == 0


async def test_paused_reading_stops_the_peer(tls_connect):
    transport, protocol, peer = await tls_connect()
    transport.set_read_buffer_limits(high=20_000)
    assert transport.get_read_buffer_limits() == (5_000, 20_000)
    lower = transport._ssl_protocol._transport
    transport.pause_reading()
    wire = peer.encrypt(BLOCK * 80)
    await peer.flush()
    await super(type(peer), peer).sendall(wire)
    while lower.is_reading():
        await polled()
    transport.resume_reading()
    await protocol.until(lambda: len(protocol.received) == len(BLOCK) * 80)
    assert lower.is_reading()


async def test_data_received_raises(tls_connect, contexts):
    class Raises(Recorder):
        def data_received(self, data):
            raise RuntimeError("no")

    transport, protocol, peer = await tls_connect(Raises())
    await peer.sendall(b"data")
    await protocol.until("connection_lost")
    assert str(protocol.exception) == "no"
    (context,) = contexts
    assert context["message"] == "Fatal error on SSL protocol"
    assert str(context["exception"]) == "no"
    assert context["protocol"] is transport._ssl_protocol


async def test_bytes_that_are_no_record(tls_connect):
    _, protocol, peer = await tls_connect()
    peer.send(peer.encrypt(b"good"))
    await protocol.until("data_received")
    peer.send(b"HTTP/1.1 400 Bad Request\r\n")
    await protocol.until("connection_lost")
    assert isinstance(protocol.exception, ssl.SSLError)
    assert protocol.received == b"good"


async def test_a_record_that_was_changed(tls_connect):
    _, protocol, peer = await tls_connect()
    wire = bytearray(peer.encrypt(b"data"))
    wire[-1] ^= 1
    peer.send(wire)
    await protocol.until("connection_lost")
    assert isinstance(protocol.exception, ssl.SSLError)


def changed(wire, position):
    """The record with one byte of it changed."""
    wire = bytearray(wire)
    wire[position] ^= 0x41
    return bytes(wire)


@pytest.mark.parametrize("position", range(8))
async def test_a_header_that_was_changed(tls_connect, position):
    _, protocol, peer = await tls_connect()
    peer.send(changed(peer.encrypt(b"data" * 100), position))
    # Enough for any length.
    sending = asyncio.ensure_future(Peer.sendall(peer, bytes(70_000)))
    await protocol.until("connection_lost")
    assert isinstance(protocol.exception, ssl.SSLError)
    assert protocol.calls == ["connection_made", "connection_lost"]
    sending.cancel()
    await asyncio.wait([sending])
    del sending


# Writing


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("size", [1, 1000, 40_000, 1_000_000])
async def test_written(tls_connect, kind, size):
    data = (BLOCK * (size // 256 + 1))[:size]
    transport, _, peer = await tls_connect()
    transport.write(kind(data))
    assert await peer.recv_exactly(size) == data


async def test_writelines(tls_connect):
    transport, _, peer = await tls_connect()
    items = [b"one,", bytearray(b"two,"), memoryview(b"three,"), b"", b"x" * 20_000, b",end"]
    transport.writelines(items)
    transport.writelines(iter([b"!", b"!"]))
    expected = b"".join(items) + b"!!"
    assert await peer.recv_exactly(len(expected)) == expected


async def test_write_nothing(tls_connect):
    transport, _, peer = await tls_connect()
    transport.write(b"")
    transport.writelines([])
    transport.write(b"data")
    assert await peer.recv() == b"data"


@pytest.mark.parametrize("data", ["text", 5, None, array.array("B", [1])])
async def test_write_of_other_types(tls_connect, data):
    transport, _, peer = await tls_connect()
    name = type(data).__name__
    with pytest.raises(TypeError, match=f"data: expecting a bytes-like instance, got {name}"):
        transport.write(data)
    transport.write(b"data")
    assert await peer.recv() == b"data"


async def test_bytearray_may_be_changed_after_write(tls_connect):
    transport, _, peer = await tls_connect()
    data = bytearray(b"before")
    transport.write(data)
    data[:] = b"after!!"
    assert await peer.recv() == b"before"


async def test_no_half_close(tls_connect):
    transport, _, _ = await tls_connect()
    assert not transport.can_write_eof()
    with pytest.raises(NotImplementedError):
        transport.write_eof()


async def test_limits(tls_connect):
    transport, _, _ = await tls_connect()
    assert transport.get_write_buffer_limits() == (128 * 1024, 512 * 1024)
    assert transport.get_read_buffer_limits() == (64 * 1024, 256 * 1024)
    transport.set_write_buffer_limits(low=10)
    assert transport.get_write_buffer_limits() == (10, 40)
    transport.set_write_buffer_limits(high=100)
    assert transport.get_write_buffer_limits() == (25, 100)
    for options in ({"high": 1, "low": 2}, {"high": -1}, {"high": 5, "low": -1}):
        with pytest.raises(ValueError, match=r"high \(-?\d+\) must be >= low \(-?\d+\) must be"):
            transport.set_write_buffer_limits(**options)
        with pytest.raises(ValueError, match=r"high \(-?\d+\) must be >= low \(-?\d+\) must be"):
            transport.set_read_buffer_limits(**options)


async def test_writing_is_paused_and_resumed(tls_connect):
    transport, protocol, peer = await tls_connect()
    transport.set_write_buffer_limits(high=100_000)
    written = 0
    while "pause_writing" not in protocol.calls:
        transport.write(BLOCK * 256)
        written += 65_536
        await asyncio.sleep(0)
    assert transport.get_write_buffer_size() >= 100_000
    received = await peer.recv_exactly(written)
    assert received == BLOCK * (written // 256)
    await protocol.until("resume_writing")
    assert transport.get_write_buffer_size() <= 25_000
    assert protocol.calls == ["connection_made", "pause_writing", "resume_writing"]


@pytest.mark.parametrize("method", ["pause_writing", "resume_writing"])
async def test_flow_control_raises(tls_connect, contexts, method):
    protocol = Recorder()

    def raises():
        Calls.note(protocol, method)
        raise RuntimeError("no")

    setattr(protocol, method, raises)
    transport, _, peer = await tls_connect(protocol)
    transport.set_write_buffer_limits(high=0)
    await protocol.until("pause_writing")
    transport.write(b"data")
    await protocol.until("resume_writing")
    assert await peer.recv() == b"data"
    assert {context["message"] for context in contexts} == {f"protocol.{method}() failed"}
    assert contexts[0]["transport"] is transport


# Both


async def test_answer_in_data_received(tls_connect):
    class Echo(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.write(b"<")
            self.transport.write(data)
            self.transport.write(b">")

    _, _, peer = await tls_connect(Echo())
    for data in (b"a", b"b" * 1000, b"c" * 50_000):
        await peer.sendall(data)
        received = b""
        while received.replace(b"<", b"").replace(b">", b"") != data:
            received += await peer.recv()


async def test_everything_at_once(tls_connect):
    """Both ends write much before they read: neither may wait for the other for ever."""
    transport, protocol, peer = await tls_connect()
    data = BLOCK * 4000
    transport.write(data)
    sending = asyncio.ensure_future(peer.sendall(data))
    assert await peer.recv_exactly(len(data)) == data
    await sending
    await protocol.until(lambda: len(protocol.received) == len(data))
    assert protocol.received == data


async def test_handshake_after_the_handshake(
    loop, authority, tls_connect, tls_contexts, tls_version
):
    """The server asks for a certificate later."""
    if tls_version is not ssl.TLSVersion.TLSv1_3:
        pytest.skip("of TLS 1.3")
    server_context, client_context = tls_contexts
    client_context.post_handshake_auth = True
    authority.issue_cert("client.test").configure_cert(client_context)
    authority.configure_trust(server_context)
    server_context.verify_mode = ssl.CERT_OPTIONAL
    server_context.post_handshake_auth = True
    transport, protocol, peer = await tls_connect()
    assert not peer.tls.getpeercert()
    peer.tls.verify_client_post_handshake()
    await peer.sendall(b"who are you?")
    await protocol.until("data_received")
    transport.write(b"me")
    assert await peer.recv() == b"me"
    assert peer.tls.getpeercert()["subjectAltName"] == (("DNS", "client.test"),)


async def test_sendfile(loop, tls_connect, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(BLOCK * 1000)
    transport, _, peer = await tls_connect()
    with path.open("rb") as file:
        receiving = asyncio.ensure_future(peer.recv_exactly(256_000 - 10))
        assert await loop.sendfile(transport, file, 10) == 256_000 - 10
        assert await receiving == (BLOCK * 1000)[10:]
    with path.open("rb") as file, pytest.raises(RuntimeError, match="fallback is disabled"):
        await loop.sendfile(transport, file, fallback=False)


# Streams


@pytest.fixture
def tls_streams(loop, tls_contexts):
    """Both ends by asyncio's streams: `reader, writer = await tls_streams(serve)`."""
    opened = []

    async def connect(serve, **options):
        server_context, client_context = tls_contexts

        async def handle(reader, writer):
            try:
                await serve(reader, writer)
            finally:
                writer.close()
                await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])

        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=server_context, **options)
        reader, writer = await asyncio.open_connection(
            *server.sockets[0].getsockname(),
            ssl=client_context,
            server_hostname="localhost",
            **options,
        )
        opened.append((server, writer))
        return reader, writer

    async def close():
        for server, writer in opened:
            server.close()
            writer.close()
            await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])
            await polled(4)

    yield connect
    loop.run_until_complete(close())


async def test_streams_echo(tls_streams):
    async def serve(reader, writer):
        while data := await reader.read(50_000):
            writer.write(data)
            await writer.drain()

    reader, writer = await tls_streams(serve)
    for size in (1, 1000, 100_000, 1_000_000):
        data = (BLOCK * (size // 256 + 1))[:size]
        writer.write(data)
        assert await reader.readexactly(size) == data


async def test_streams_lines_and_limits(tls_streams):
    async def serve(reader, writer):
        writer.write(b"".join(b"%d\n" % number for number in range(20_000)))
        await writer.drain()

    reader, _ = await tls_streams(serve, limit=64)
    lines = [line async for line in reader]
    assert lines == [b"%d\n" % number for number in range(20_000)]


async def test_stream_end(tls_streams):
    async def serve(reader, writer):
        assert await reader.readline() == b"hello\n"
        writer.write(b"bye")

    reader, writer = await tls_streams(serve)
    writer.write(b"hello\n")
    assert await reader.read() == b"bye"
    assert reader.at_eof()
