"""A socket that encrypts, given to a connection: streams, buffers and TLS go through it.

The system call that sends a file goes past it, as with asyncio.
"""

import asyncio
import contextlib
import socket
import threading

import pytest


class Rotated(socket.socket):
    """Turns each byte around, as a socket that encrypts does."""

    def send(self, data, flags=0):
        return super().send(bytes(data).translate(ROTATION), flags)

    def sendmsg(self, pieces, *args):
        return super().sendmsg([bytes(piece).translate(ROTATION) for piece in pieces], *args)

    def recv(self, size, flags=0):
        return super().recv(size, flags).translate(ROTATION)

    def recv_into(self, buffer, size=0, flags=0):
        count = super().recv_into(buffer, size, flags)
        buffer[:count] = bytes(buffer[:count]).translate(ROTATION)
        return count


ROTATION = bytes((byte + 128) % 256 for byte in range(256))


@pytest.fixture
def rotated():
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        sock = Rotated()
        sock.connect(listener.getsockname())
        peer = listener.accept()[0]
        peer.settimeout(10)
    with sock, peer:
        sock.setblocking(False)
        yield sock, peer


async def test_stream(loop, rotated):
    sock, peer = rotated
    reader, writer = await asyncio.open_connection(sock=sock)
    writer.write(b"one ")
    writer.writelines([b"two ", b"three"])
    await writer.drain()
    got = b""
    while len(got) < 13:
        got += peer.recv(100)
    assert got.translate(ROTATION) == b"one two three"
    peer.sendall(b"line\nrest".translate(ROTATION))
    peer.shutdown(socket.SHUT_WR)
    assert await reader.readline() == b"line\n"
    assert await reader.read() == b"rest"
    writer.close()
    await writer.wait_closed()
    assert peer.recv(1) == b""


async def test_buffered_protocol(loop, rotated):
    sock, peer = rotated
    done = loop.create_future()

    class Protocol(asyncio.BufferedProtocol):
        buffer = bytearray(100)

        def get_buffer(self, sizehint):
            return memoryview(self.buffer)

        def buffer_updated(self, nbytes):
            done.set_result(bytes(self.buffer[:nbytes]))

    transport, _ = await loop.create_connection(Protocol, sock=sock)
    peer.send(b"data".translate(ROTATION))
    assert await done == b"data"
    transport.close()


async def test_file(loop, rotated, tmp_path):
    sock, peer = rotated
    path = tmp_path / "file"
    path.write_bytes(b"content")
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=sock)
    with path.open("rb") as file:
        assert await loop.sendfile(transport, file) == 7
    assert len(peer.recv(100)) == 7
    transport.close()


@pytest.mark.parametrize("upgraded", [False, True])
async def test_tls(loop, rotated, server_context, client_context, upgraded):
    sock, peer = rotated
    wire, server = socket.socketpair()

    def translate(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data.translate(ROTATION))
            target.shutdown(socket.SHUT_WR)

    def answer():
        with server_context.wrap_socket(server, server_side=True) as tls:
            tls.sendall(tls.recv(10).upper())

    works = [(translate, peer, wire), (translate, wire, peer), (answer,)]
    threads = [threading.Thread(target=work, args=args) for work, *args in works]
    server.settimeout(10)
    for thread in threads:
        thread.start()
    options = {} if upgraded else {"ssl": client_context, "server_hostname": "localhost"}
    reader, writer = await asyncio.open_connection(sock=sock, **options)
    if upgraded:
        await writer.start_tls(client_context, server_hostname="localhost")
    writer.write(b"hello")
    assert await reader.read(10) == b"HELLO"
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    wire.close()
