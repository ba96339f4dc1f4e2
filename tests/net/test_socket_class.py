"""Sockets with methods of their own: what the program overrides is called."""

import asyncio
import socket

import pytest

from .peer import Peer, polled
from .recorder import Recorder
from .tls import TlsPeer


class Told(socket.socket):
    """Writes down what is called of it."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.calls = set()

    def recv(self, *args):
        self.calls.add("read")
        return super().recv(*args)

    def recv_into(self, *args):
        self.calls.add("read")
        return super().recv_into(*args)

    def send(self, *args):
        self.calls.add("write")
        return super().send(*args)

    def sendmsg(self, *args):
        self.calls.add("write")
        return super().sendmsg(*args)

    def recvfrom(self, *args):
        self.calls.add("read")
        return super().recvfrom(*args)

    def sendto(self, *args):
        self.calls.add("write")
        return super().sendto(*args)

    def accept(self):
        self.calls.add("accept")
        return super().accept()


class Plain(socket.socket):
    """Has a name of its own and nothing else."""


def connected(kind, listener):
    sock = kind()
    sock.connect(listener.getsockname())
    return sock


async def ended(*transports):
    for transport in transports:
        transport.close()
    await polled()
    await polled()


async def test_connection(loop, listener):
    sock = connected(Told, listener)
    transport, protocol = await loop.create_connection(Recorder, sock=sock)
    peer = Peer(loop, listener.accept()[0])
    transport.writelines([b"hel", b"lo"])
    assert await peer.recv_exactly(5) == b"hello"
    await peer.sendall(b"answer")
    await protocol.until(lambda: protocol.received == b"answer")
    assert sock.calls == {"read", "write"}
    peer.close()
    await protocol.until("connection_lost")
    assert sock.fileno() == -1


async def test_tls(loop, listener, tls_contexts):
    server_context, client_context = tls_contexts
    sock = connected(Told, listener)
    peer = TlsPeer(loop, listener.accept()[0], server_context)
    serving = loop.create_task(peer.handshake())
    transport, protocol = await loop.create_connection(
        Recorder, sock=sock, ssl=client_context, server_hostname="localhost"
    )
    await serving
    transport.write(b"hello")
    assert await peer.recv() == b"hello"
    await peer.sendall(b"answer")
    await protocol.until(lambda: protocol.received == b"answer")
    assert sock.calls == {"read", "write"}
    transport.abort()
    await protocol.until("connection_lost")
    peer.sock.close()


async def test_upgrade(loop, listener, tls_contexts):
    server_context, client_context = tls_contexts
    sock = connected(Told, listener)
    plain, protocol = await loop.create_connection(Recorder, sock=sock)
    peer = TlsPeer(loop, listener.accept()[0], server_context)
    serving = loop.create_task(peer.handshake())
    transport = await loop.start_tls(plain, protocol, client_context, server_hostname="localhost")
    await serving
    sock.calls.clear()
    transport.write(b"hello")
    assert await peer.recv() == b"hello"
    assert sock.calls == {"write"}
    transport.abort()
    await protocol.until("connection_lost")
    peer.sock.close()


@pytest.mark.parametrize("whose", ["class", "object"])
async def test_server(loop, whose):
    kind = Told if whose == "class" else Plain
    sock = kind()
    sock.bind(("127.0.0.1", 0))
    if whose == "object":
        calls = sock.calls = set()
        accept = sock.accept
        sock.accept = lambda: calls.add("accept") or accept()
    accepted = loop.create_future()

    def factory():
        protocol = Recorder()
        accepted.set_result(protocol)
        return protocol

    server = await loop.create_server(factory, sock=sock)
    with socket.create_connection(sock.getsockname()) as client:
        protocol = await accepted
        client.sendall(b"hello")
        await protocol.until(lambda: protocol.received == b"hello")
        assert "accept" in sock.calls
    await protocol.until("connection_lost")
    server.close()
    await server.wait_closed()
    assert sock.fileno() == -1


async def test_datagrams(loop):
    sock = Told(type=socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    received = loop.create_future()

    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, addr):
            self.transport.sendto(data, addr)
            received.set_result(data)

    transport, _ = await loop.create_datagram_endpoint(Echo, sock=sock)
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.sendto(b"hello", sock.getsockname())
        assert await received == b"hello"
        assert client.recv(100) == b"hello"
    assert sock.calls == {"read", "write"}
    await ended(transport)


@pytest.mark.parametrize("kind", [socket.socket, Plain])
async def test_nothing_of_its_own(loop, on_asyncio, listener, kind):
    """A class without methods of its own costs nothing."""
    transport, protocol = await loop.create_connection(Recorder, sock=connected(kind, listener))
    peer, _ = listener.accept()
    assert on_asyncio or type(transport).__name__ == "StreamTransport"
    peer.close()
    await protocol.until("connection_lost")


@pytest.mark.parametrize("name", ["recv", "send"])
async def test_of_the_object_alone(loop, listener, name):
    """What is put into the object counts as what its class has."""
    sock = connected(Plain, listener)
    called = []
    own = getattr(sock, name)
    setattr(sock, name, lambda *args: called.append(name) or own(*args))
    transport, protocol = await loop.create_connection(Recorder, sock=sock)
    peer = Peer(loop, listener.accept()[0])
    transport.write(b"hello")
    assert await peer.recv_exactly(5) == b"hello"
    await peer.sendall(b"answer")
    await protocol.until(lambda: protocol.received == b"answer")
    assert called
    peer.close()
    await protocol.until("connection_lost")


async def test_taken_socket_is_refused(loop, listener):
    """It has the same owner as any other while a transport has it."""
    sock = connected(Told, listener)
    transport, protocol = await loop.create_connection(Recorder, sock=sock)
    with pytest.raises(RuntimeError, match="is used by transport"):
        loop.add_reader(sock, print)
    with pytest.raises(RuntimeError, match="is used by transport"):
        await loop.sock_recv(sock, 1)
    transport.abort()
    await protocol.until("connection_lost")
