"""connect_accepted_socket: a connection accepted elsewhere."""

import asyncio
import socket
import threading

import pytest

from .peer import Peer
from .recorder import Recorder


@pytest.fixture
def accepted(listener):
    """Both ends of a connection."""
    client = socket.create_connection(listener.getsockname())
    conn, _ = listener.accept()
    yield conn, client
    client.close()
    conn.close()


async def test_is_served(loop, accepted):
    conn, client = accepted
    conn.setblocking(True)
    transport, protocol = await loop.connect_accepted_socket(Recorder, conn)
    assert conn.gettimeout() == 0
    assert protocol.calls == ["connection_made"]
    assert protocol.transport is transport
    assert transport.get_extra_info("peername") == client.getsockname()
    peer = Peer(loop, client)
    peer.send(b"question")
    await protocol.until("data_received")
    transport.write(b"answer")
    transport.close()
    assert await peer.recv_all() == b"answer"
    await protocol.until("connection_lost")
    assert conn.fileno() == -1


async def test_peer_that_is_gone_already(loop, accepted):
    conn, client = accepted
    Peer(loop, client).reset()
    transport, protocol = await loop.connect_accepted_socket(Recorder, conn)
    await protocol.until("connection_lost")
    assert isinstance(protocol.exception, ConnectionResetError)
    assert transport.get_extra_info("peername") is None


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"ssl_handshake_timeout": 1}, "ssl_handshake_timeout is only meaningful with ssl"),
        ({"ssl_shutdown_timeout": 1}, "ssl_shutdown_timeout is only meaningful with ssl"),
    ],
)
async def test_tls_arguments_without_tls(loop, accepted, arguments, text):
    with pytest.raises(ValueError, match=text):
        await loop.connect_accepted_socket(Recorder, accepted[0], **arguments)
    assert accepted[0].fileno() >= 0


async def test_datagram_socket_is_refused(loop):
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        with pytest.raises(ValueError, match="A Stream Socket was expected"):
            await loop.connect_accepted_socket(Recorder, sock)


def test_what_a_thread_sends_meanwhile_comes_before_connection_made(loop):
    """What came while the factory ran is older than the connection."""
    order = []

    class Told(asyncio.Protocol):
        def connection_made(self, transport):
            order.append("made")
            transport.abort()
            loop.call_soon(loop.stop)

    def factory():
        sender = threading.Thread(target=loop.call_soon_threadsafe, args=(order.append, "sent"))
        sender.start()
        sender.join()
        return Told()

    server = loop.run_until_complete(loop.create_server(factory, "127.0.0.1", 0))
    with socket.create_connection(server.sockets[0].getsockname()):
        loop.run_forever()
    server.close()
    loop.run_until_complete(server.wait_closed())
    assert order == ["sent", "made"]
