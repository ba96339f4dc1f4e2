"""What is CPython's own code on this loop's descriptors: one real exchange of each kind."""

import asyncio
import io
import os
import signal
import socket
import ssl
import sys

import pytest

from .peer import polled
from .recorder import Recorder

LINE = b"a line of text\n"
LARGE = bytes(range(256)) * 4096  # 1 MiB


async def echo(reader, writer):
    """Send everything back, then close."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def exchange(reader, writer, data):
    """Send the data and return what comes back."""

    async def send():
        writer.write(data)
        await writer.drain()

    sending = asyncio.ensure_future(send())
    received = await reader.readexactly(len(data))
    await sending
    return received


async def close(writer):
    writer.close()
    await writer.wait_closed()


# TLS


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_streams(loop, server_context, client_context, version):
    client_context.minimum_version = client_context.maximum_version = version
    done = loop.create_future()

    async def serve(reader, writer):
        await echo(reader, writer)
        done.set_result(None)

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context) as server:
        address = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(
            *address, ssl=client_context, server_hostname="localhost"
        )
        assert await exchange(reader, writer, LINE) == LINE
        assert await exchange(reader, writer, LARGE) == LARGE
        assert writer.get_extra_info("peername") == address
        assert writer.get_extra_info("ssl_object").version() == version.name.replace("_", ".")
        assert ("DNS", "localhost") in writer.get_extra_info("peercert")["subjectAltName"]
        assert not writer.can_write_eof()
        await close(writer)
        await done


async def test_tls_with_a_certificate_that_nobody_signed(loop, server_context):
    left, right = socket.socketpair()
    accepting = asyncio.ensure_future(
        loop.connect_accepted_socket(Recorder, right, ssl=server_context)
    )
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed certificate"):
        await loop.create_connection(
            Recorder, sock=left, ssl=ssl.create_default_context(), server_hostname="localhost"
        )
    with pytest.raises((ssl.SSLError, ConnectionResetError)):  # the alert may not be sent
        await accepting
    await polled()


async def test_start_tls(loop, server_context, client_context):
    done = loop.create_future()

    async def serve(reader, writer):
        assert await reader.readline() == b"STARTTLS\n"
        writer.write(b"go ahead\n")
        await writer.drain()
        await writer.start_tls(server_context)
        await echo(reader, writer)
        done.set_result(None)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"STARTTLS\n")
        assert await reader.readline() == b"go ahead\n"
        plain = writer.transport
        await writer.start_tls(client_context, server_hostname="localhost")
        assert writer.transport is not plain
        assert writer.get_extra_info("cipher")
        assert await exchange(reader, writer, LINE) == LINE
        assert await exchange(reader, writer, LARGE) == LARGE
        await close(writer)
        await done


# Unix sockets


async def test_unix_streams(loop, tmp_path):
    path = str(tmp_path / "socket")
    done = loop.create_future()

    async def serve(reader, writer):
        await echo(reader, writer)
        done.set_result(None)

    async with await asyncio.start_unix_server(serve, path) as server:
        assert server.sockets[0].getsockname() == path
        reader, writer = await asyncio.open_unix_connection(path)
        assert await exchange(reader, writer, LINE) == LINE
        assert await exchange(reader, writer, LARGE) == LARGE
        assert writer.get_extra_info("peername") == path
        writer.write_eof()
        assert await reader.read() == b""
        await close(writer)
        await done


async def test_unix_connection_to_nobody(loop, tmp_path):
    with pytest.raises(FileNotFoundError):
        await asyncio.open_unix_connection(str(tmp_path / "none"))


async def test_unix_socket_pair(loop):
    left, right = socket.socketpair()
    transport, protocol = await loop.create_unix_connection(Recorder, sock=left)
    with right:
        transport.write(LINE)
        right.setblocking(False)
        assert await loop.sock_recv(right, 100) == LINE
    await protocol.until("connection_lost")


# Datagrams


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self):
        self.received = asyncio.Queue()
        self.lost = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, addr):
        self.received.put_nowait((data, addr))

    def connection_lost(self, exc):
        self.lost.set_result(exc)


async def test_datagrams(loop):
    here = ("127.0.0.1", 0)
    server, served = await loop.create_datagram_endpoint(Datagrams, local_addr=here)
    address = server.get_extra_info("sockname")
    client, received = await loop.create_datagram_endpoint(Datagrams, remote_addr=address)
    for data in (b"one", b"two", bytes(9000)):
        client.sendto(data)
        got, peer = await served.received.get()
        assert (got, peer) == (data, client.get_extra_info("sockname"))
        server.sendto(got, peer)
        assert await received.received.get() == (data, address)
    for transport, protocol in ((client, received), (server, served)):
        transport.close()
        assert await protocol.lost is None


async def test_repr_of_a_datagram_transport(loop):
    transport, protocol = await loop.create_datagram_endpoint(
        Datagrams, local_addr=("127.0.0.1", 0)
    )
    await asyncio.sleep(0)
    assert " read=polling write=<idle, bufsize=0>" in repr(transport)
    transport.close()
    await protocol.lost


# Subprocesses and pipes


async def test_subprocess_with_pipes(loop):
    program = "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data[::-1])"
    program += "; sys.stderr.write('done'); sys.exit(3)"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=pipe, stdout=pipe, stderr=pipe
    )
    out, err = await process.communicate(LARGE)
    assert out == LARGE[::-1]
    assert err == b"done"
    assert await process.wait() == process.returncode == 3


async def test_subprocess_line_by_line(loop):
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_shell("cat; exit 0", stdin=pipe, stdout=pipe)
    for number in range(10):
        process.stdin.write(b"%d\n" % number)
        assert await process.stdout.readline() == b"%d\n" % number
    process.stdin.close()
    assert await process.stdout.read() == b""
    assert await process.wait() == 0


async def test_subprocess_that_is_killed(loop):
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("cat", stdin=pipe, stdout=pipe)
    process.kill()
    assert await process.wait() == -signal.SIGKILL
    assert await process.stdout.read() == b""
    process.stdin.close()


async def test_subprocess_that_is_no_program(loop, tmp_path):
    with pytest.raises(FileNotFoundError):
        await asyncio.create_subprocess_exec(str(tmp_path / "none"))


async def test_pipes(loop):
    read_end, write_end = os.pipe()
    reader = asyncio.StreamReader()
    reading, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb", 0)
    )
    writing, writer = await loop.connect_write_pipe(Recorder, os.fdopen(write_end, "wb", 0))
    await asyncio.sleep(0)
    assert " polling" in repr(reading)
    assert " idle bufsize=0" in repr(writing)
    writing.write(LINE)
    assert await reader.readline() == LINE
    writing.write(LARGE)
    assert await reader.readexactly(len(LARGE)) == LARGE
    writing.close()
    assert await reader.read() == b""
    await writer.until("connection_lost")
    reading.close()
    await polled()


# Socket methods


async def test_socket_methods(loop):
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        listener.setblocking(False)
        client.setblocking(False)
        accepting = asyncio.ensure_future(loop.sock_accept(listener))
        await loop.sock_connect(client, listener.getsockname())
        peer, address = await accepting
        with peer:
            assert address == client.getsockname()
            sending = asyncio.ensure_future(loop.sock_sendall(client, LARGE))
            received = bytearray()
            while len(received) < len(LARGE):
                received += await loop.sock_recv(peer, 65536)
            await sending
            assert received == LARGE
            waiting = asyncio.ensure_future(loop.sock_recv_into(client, received))
            await asyncio.sleep(0)
            await loop.sock_sendall(peer, LINE)
            assert await waiting == len(LINE)
            assert received.startswith(LINE)


async def test_socket_methods_for_datagrams(loop):
    kind = socket.SOCK_DGRAM
    with socket.socket(type=kind) as server, socket.socket(type=kind) as client:
        server.bind(("127.0.0.1", 0))
        client.bind(("127.0.0.1", 0))
        server.setblocking(False)
        client.setblocking(False)
        receiving = asyncio.ensure_future(loop.sock_recvfrom(server, 100))
        await asyncio.sleep(0)
        assert await loop.sock_sendto(client, LINE, server.getsockname()) == len(LINE)
        assert await receiving == (LINE, client.getsockname())
        buffer = bytearray(100)
        await loop.sock_sendto(server, LINE, client.getsockname())
        assert await loop.sock_recvfrom_into(client, buffer) == (len(LINE), server.getsockname())


async def test_socket_of_a_transport_is_refused(loop):
    left, right = socket.socketpair()
    transport, protocol = await loop.create_connection(Recorder, sock=left)
    with right:
        with pytest.raises(RuntimeError, match="is used by transport"):
            await loop.sock_recv(left, 1)
        transport.close()
        await protocol.until("connection_lost")


# Files


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(LARGE)
    with open(path, "rb") as opened:
        yield opened


@pytest.fixture(params=["plain", "tls"])
def transmission(request):
    """Sends a file over a new connection; returns what arrived and what sendfile() returned."""

    async def send(file, *args, **options):
        contexts = {"ssl": None}, {}
        if request.param == "tls":
            contexts = (
                {"ssl": request.getfixturevalue("server_context")},
                {
                    "ssl": request.getfixturevalue("client_context"),
                    "server_hostname": "localhost",
                },
            )
        loop = asyncio.get_running_loop()
        arrived = loop.create_future()

        async def serve(reader, writer):
            arrived.set_result(await reader.read())
            await close(writer)

        async with await asyncio.start_server(serve, "127.0.0.1", 0, **contexts[0]) as server:
            address = server.sockets[0].getsockname()
            _, writer = await asyncio.open_connection(*address, **contexts[1])
            try:
                writer.write(b"before ")
                sent = await loop.sendfile(writer.transport, file, *args, **options)
                writer.write(b" after")
            finally:
                await close(writer)
                data = await arrived
        assert data.startswith(b"before ")
        assert data.endswith(b" after")
        return data.removeprefix(b"before ").removesuffix(b" after"), sent

    return send


@pytest.mark.parametrize("offset", [0, 1, 300_000, len(LARGE), len(LARGE) + 1])
@pytest.mark.parametrize("count", [None, 1, 70_000, 2 * len(LARGE)])
async def test_sendfile(loop, transmission, file, offset, count):
    expected = LARGE[offset:] if count is None else LARGE[offset : offset + count]
    data, sent = await transmission(file, offset, count)
    assert data == expected
    assert sent == len(expected)
    if sent:
        assert file.tell() == offset + sent


async def test_sendfile_of_what_is_no_file(loop, transmission):
    file = io.BytesIO(LARGE)
    assert await transmission(file, 10, 500_000) == (LARGE[10:500_010], 500_000)
    assert file.tell() == 500_010


async def test_sendfile_without_fallback(loop, connect):
    transport, protocol, _ = await connect()
    with pytest.raises(asyncio.SendfileNotAvailableError):
        await loop.sendfile(transport, io.BytesIO(LARGE), fallback=False)
    assert transport.get_protocol() is protocol
    assert transport.is_reading()


@pytest.mark.parametrize(
    ("args", "error"),
    [((-1,), ValueError), ((0, 0), ValueError), ((0, -1), ValueError), (("1",), TypeError)],
    ids=repr,
)
async def test_sendfile_of_wrong_arguments(loop, connect, file, args, error):
    transport, _, _ = await connect()
    with pytest.raises(error):
        await loop.sendfile(transport, file, *args)


async def test_sendfile_to_a_closing_transport(loop, connect, file):
    transport, protocol, _ = await connect()
    transport.close()
    with pytest.raises(RuntimeError, match="^Transport is closing$"):
        await loop.sendfile(transport, file)
    await protocol.until("connection_lost")


async def test_sendfile_to_a_socket(loop, file):
    left, right = socket.socketpair()
    with left, right:
        left.setblocking(False)
        right.setblocking(False)
        sending = asyncio.ensure_future(loop.sock_sendfile(left, file, 5))
        received = bytearray()
        while len(received) < len(LARGE) - 5:
            received += await loop.sock_recv(right, 65536)
        assert received == LARGE[5:]
        assert await sending == len(LARGE) - 5
