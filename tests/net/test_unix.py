"""Unix sockets: addresses of every kind, and the files of servers."""

import asyncio
import os
import pathlib
import socket
import stat
import sys

import pytest

from .peer import polled
from .recorder import BufferedRecorder, Recorder

LINE = b"a line of text\n"
LARGE = bytes(range(256)) * 4096  # 1 MiB


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


ADDRESSES = {
    "text": lambda path: path,
    "bytes": os.fsencode,
    "pathlib": pathlib.Path,
    "not UTF-8": lambda path: path.encode() + b"\xff",
    "abstract text": lambda path: "\0" + path,
    "abstract bytes": lambda path: b"\0" + path.encode() + b"\0\xff",
}


@pytest.fixture(params=ADDRESSES)
def address(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return ADDRESSES[request.param]("socket")


async def test_echo(loop, address):
    server = await loop.create_unix_server(Echo, address)
    client, protocol = await loop.create_unix_connection(Recorder, address)
    name = server.sockets[0].getsockname()
    assert client.get_extra_info("peername") == name
    client.write(LARGE)
    await protocol.until(lambda: len(protocol.received) == len(LARGE))
    assert protocol.received == LARGE
    client.close()
    await protocol.until("connection_lost")
    server.close()
    await server.wait_closed()
    await polled()


async def test_addresses_of_an_accepted_connection(loop, address):
    accepted = loop.create_future()

    class Server(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            accepted.set_result(self)

    server = await loop.create_unix_server(Server, address)
    name = server.sockets[0].getsockname()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(name)
        protocol = await accepted
        transport = protocol.transport
        assert transport.get_extra_info("sockname") == name
        assert transport.get_extra_info("peername") == client.getsockname() == ""
        sock = transport.get_extra_info("socket")
        assert sock.family == socket.AF_UNIX
        assert sock.getsockname() == name
    await protocol.until("connection_lost")
    server.close()
    await server.wait_closed()


async def test_name_of_a_client(loop, tmp_path):
    accepted = loop.create_future()

    class Server(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            accepted.set_result(self)

    server = await loop.create_unix_server(Server, tmp_path / "server")
    with socket.socket(socket.AF_UNIX) as client:
        client.bind(str(tmp_path / "client"))
        client.connect(str(tmp_path / "server"))
        protocol = await accepted
        assert protocol.transport.get_extra_info("peername") == str(tmp_path / "client")
    await protocol.until("connection_lost")
    server.close()
    await server.wait_closed()


async def test_native(loop, loop_kind, tmp_path):
    """Both ends run on the same transports as TCP."""
    accepted = []

    def factory():
        accepted.append(Recorder())
        return accepted[-1]

    server = await loop.create_unix_server(factory, tmp_path / "socket")
    client, protocol = await loop.create_unix_connection(Recorder, tmp_path / "socket")
    await polled()
    expected = "StreamTransport" if loop_kind == "aioxide" else "_SelectorSocketTransport"
    assert type(client).__name__ == expected
    assert type(accepted[0].transport).__name__ == expected
    client.close()
    await protocol.until("connection_lost")
    await accepted[0].until("connection_lost")
    server.close()
    await server.wait_closed()


async def test_buffered_protocol(loop, tmp_path):
    server = await loop.create_unix_server(Echo, tmp_path / "socket")
    client, protocol = await loop.create_unix_connection(BufferedRecorder, tmp_path / "socket")
    client.write(LARGE)
    await protocol.until(lambda: len(protocol.received) == len(LARGE))
    assert protocol.received == LARGE
    client.write_eof()
    await protocol.until("connection_lost")
    server.close()
    await server.wait_closed()


# Files


async def test_stale_file_is_replaced(loop, tmp_path):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
    assert stat.S_ISSOCK(path.stat().st_mode)
    server = await loop.create_unix_server(Echo, path)
    client, protocol = await loop.create_unix_connection(Recorder, path)
    client.close()
    await protocol.until("connection_lost")
    server.close()
    await server.wait_closed()
    await polled()


async def test_file_that_is_no_socket_is_kept(loop, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(LINE)
    with pytest.raises(OSError, match="is already in use"):
        await loop.create_unix_server(Echo, path)
    assert path.read_bytes() == LINE


async def test_no_such_directory(loop, tmp_path):
    with pytest.raises(FileNotFoundError):
        await loop.create_unix_server(Echo, tmp_path / "none" / "socket")


@pytest.mark.parametrize("length", [200])
async def test_long_path(loop, length):
    with pytest.raises(OSError, match="too long"):
        await loop.create_unix_server(Echo, "x" * length)
    with pytest.raises(OSError, match="too long"):
        await loop.create_unix_connection(Echo, "x" * length)


NEW = sys.version_info >= (3, 13)


async def test_file_goes_with_its_server_from_3_13_on(loop, tmp_path):
    path = tmp_path / "socket"
    server = await loop.create_unix_server(Echo, path)
    server.close()
    await server.wait_closed()
    assert path.exists() == (not NEW)


@pytest.mark.skipif(not NEW, reason="new in 3.13")
async def test_file_may_stay(loop, tmp_path):
    path = tmp_path / "socket"
    server = await loop.create_unix_server(Echo, path, cleanup_socket=False)
    server.close()
    await server.wait_closed()
    assert path.exists()


@pytest.mark.skipif(not NEW, reason="new in 3.13")
async def test_file_of_another_server_stays(loop, tmp_path):
    path = tmp_path / "socket"
    first = await loop.create_unix_server(Echo, path)
    second = await loop.create_unix_server(Echo, path)
    first.close()
    await first.wait_closed()
    assert path.exists()
    second.close()
    await second.wait_closed()
    assert not path.exists()


@pytest.mark.skipif(not NEW, reason="new in 3.13")
async def test_file_that_is_gone_is_not_missed(loop, tmp_path):
    path = tmp_path / "socket"
    server = await loop.create_unix_server(Echo, path)
    path.unlink()
    server.close()
    await server.wait_closed()


# Sockets of the program


async def test_listening_socket(loop, tmp_path):
    path = str(tmp_path / "socket")
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    server = await loop.create_unix_server(Echo, sock=sock)
    client, protocol = await loop.create_unix_connection(Recorder, path)
    client.write(LINE)
    await protocol.until(lambda: protocol.received == LINE)
    client.close()
    await protocol.until("connection_lost")
    server.close()
    await server.wait_closed()
    await polled()


async def test_connected_socket(loop):
    left, right = socket.socketpair()
    client, protocol = await loop.create_unix_connection(Recorder, sock=left)
    with right:
        right.send(LINE)
        await protocol.until(lambda: protocol.received == LINE)
    await protocol.until("connection_lost")
    assert client.is_closing()


@pytest.mark.parametrize("method", ["create_unix_connection", "create_unix_server"])
@pytest.mark.parametrize(
    ("family", "kind"),
    [(socket.AF_INET, socket.SOCK_STREAM), (socket.AF_UNIX, socket.SOCK_DGRAM)],
)
async def test_wrong_kind_of_socket(loop, method, family, kind):
    with socket.socket(family, kind) as sock:
        with pytest.raises(ValueError, match="A UNIX Domain Stream Socket was expected"):
            await getattr(loop, method)(Recorder, sock=sock)


@pytest.mark.parametrize("method", ["create_unix_connection", "create_unix_server"])
async def test_path_and_socket(loop, method):
    with socket.socket(socket.AF_UNIX) as sock:
        with pytest.raises(ValueError, match="path and sock can not be specified"):
            await getattr(loop, method)(Recorder, "x", sock=sock)
    with pytest.raises(ValueError, match="sock"):
        await getattr(loop, method)(Recorder)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"server_hostname": "x"}, "server_hostname is only meaningful with ssl"),
        ({"ssl": True}, "you have to pass server_hostname when using ssl"),
        ({"ssl_handshake_timeout": 1}, "ssl_handshake_timeout is only meaningful with ssl"),
        ({"ssl_shutdown_timeout": 1}, "ssl_shutdown_timeout is only meaningful with ssl"),
    ],
)
async def test_options_that_do_not_fit(loop, options, text):
    with pytest.raises(ValueError, match=text):
        await loop.create_unix_connection(Recorder, "x", **options)


# Connecting that fails


async def test_nobody_listens(loop, tmp_path):
    path = tmp_path / "socket"
    with pytest.raises(FileNotFoundError):
        await loop.create_unix_connection(Recorder, path)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        with pytest.raises(ConnectionRefusedError):
            await loop.create_unix_connection(Recorder, path)


async def test_factory_that_fails(loop, tmp_path, asyncio_fault):
    asyncio_fault(True, "the connected socket is left to the garbage collector", fixed_later=True)

    def fail():
        raise ZeroDivisionError

    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        with pytest.raises(ZeroDivisionError):
            await loop.create_unix_connection(fail, path)


@pytest.mark.parametrize("turns", range(4))
async def test_connecting_is_cancelled(loop, tmp_path, turns):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        task = loop.create_task(loop.create_unix_connection(Recorder, path))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        try:
            transport, protocol = await task
        except asyncio.CancelledError:
            pass
        else:
            transport.close()
            await protocol.until("connection_lost")
        await polled()


async def test_hundred_connections(loop, tmp_path):
    path = tmp_path / "socket"
    server = await loop.create_unix_server(Echo, path)
    made = [await loop.create_unix_connection(Recorder, path) for _ in range(100)]
    for number, (transport, _) in enumerate(made):
        transport.write(b"%d" % number)
    for number, (transport, protocol) in enumerate(made):
        await protocol.until(lambda p=protocol, n=number: p.received == b"%d" % n)
        transport.close()
    for _, protocol in made:
        await protocol.until("connection_lost")
    server.close()
    await server.wait_closed()
    await polled()
