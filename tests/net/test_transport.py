"""What a transport tells about itself."""

import asyncio
import socket

import pytest

from .peer import Peer, clog
from .recorder import Recorder


async def test_is_an_asyncio_transport(connect):
    transport, _, _ = await connect()
    for base in (
        asyncio.Transport,
        asyncio.ReadTransport,
        asyncio.WriteTransport,
        asyncio.BaseTransport,
    ):
        assert isinstance(transport, base)
    assert not isinstance(transport, asyncio.DatagramTransport)


async def test_socket_information(connect, listener):
    transport, _, peer = await connect()
    sock = transport.get_extra_info("socket")
    assert isinstance(sock, asyncio.trsock.TransportSocket)
    assert sock.fileno() >= 0
    assert (sock.family, sock.type) == (socket.AF_INET, socket.SOCK_STREAM)
    assert sock.gettimeout() == 0
    assert sock.getsockname() == transport.get_extra_info("sockname") == peer.sock.getpeername()
    assert sock.getpeername() == transport.get_extra_info("peername") == listener.getsockname()
    assert not hasattr(sock, "recv")
    assert not hasattr(sock, "close")


async def test_unknown_information(connect):
    transport, _, _ = await connect()
    assert transport.get_extra_info("cipher") is None
    assert transport.get_extra_info("cipher", "none") == "none"
    assert transport.get_extra_info("nothing", default=7) == 7


async def test_method_replaced_on_the_object(connect):
    """Test suites do it, and wrappers: the streams on top call what they find there."""
    transport, protocol, peer = await connect()
    written = []
    transport.write = written.append
    stream = asyncio.StreamWriter(transport, protocol, None, asyncio.get_running_loop())
    stream.write(b"kept")
    assert written == [b"kept"]
    del transport.write
    stream.write(b"sent")
    assert await peer.recv_exactly(4) == b"sent"
    assert not hasattr(transport, "mine")
    transport.mine = 1
    assert (transport.mine, vars(transport)["mine"]) == (1, 1)
    # From 3.13 on a writer that nobody closed warns.
    transport.close()
    await protocol.until("connection_lost")


async def test_information_outlives_the_connection(connect, listener):
    transport, protocol, _ = await connect()
    sock = transport.get_extra_info("socket")
    name = transport.get_extra_info("sockname")
    transport.close()
    assert sock.fileno() >= 0
    await protocol.until("connection_lost")
    assert transport.get_extra_info("sockname") == name
    assert transport.get_extra_info("peername") == listener.getsockname()
    assert transport.get_extra_info("socket") is sock
    assert sock.fileno() == -1


async def test_accepted_connection_has_the_same_information(loop):
    protocols = []

    def factory():
        protocols.append(Recorder())
        return protocols[-1]

    async with await loop.create_server(factory, "127.0.0.1", 0) as server:
        address = server.sockets[0].getsockname()
        transport, client = await loop.create_connection(Recorder, *address)
        while not protocols:
            await asyncio.sleep(0)
        [protocol] = protocols
        await protocol.until("connection_made")
        accepted = protocol.transport
        assert isinstance(accepted, asyncio.Transport)
        assert accepted.get_extra_info("sockname") == address
        assert accepted.get_extra_info("peername") == transport.get_extra_info("sockname")
        assert accepted.get_extra_info("socket").getsockname() == address
        nodelay = accepted.get_extra_info("socket").getsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY
        )
        assert nodelay
        transport.close()
        await protocol.until("connection_lost")
        await client.until("connection_lost")


async def test_private_state_that_libraries_ask(connect):
    transport, _, _ = await connect()
    assert transport._closing is False
    assert transport._conn_lost == 0
    assert transport._paused is False
    transport.abort()
    assert transport._closing is True
    assert transport._conn_lost == 1


async def test_small_writes_go_out_at_once(connect):
    transport, _, _ = await connect()
    sock = transport.get_extra_info("socket")
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_unix_stream_socket_pair(loop):
    left, right = socket.socketpair()
    transport, protocol = await loop.create_connection(Recorder, sock=left)
    peer = Peer(loop, right)
    assert transport.get_extra_info("socket").family == socket.AF_UNIX
    assert transport.get_extra_info("sockname") == ""
    transport.write(b"ping")
    assert await peer.recv() == b"ping"
    peer.send(b"pong")
    peer.close()
    await protocol.until("connection_lost")
    assert protocol.received == b"pong"


async def test_repr(connect):
    transport, protocol, peer = await connect()
    fd = transport.get_extra_info("socket").fileno()
    text = repr(transport)
    assert text.startswith("<")
    assert text.endswith(f" fd={fd} read=polling write=<idle, bufsize=0>>")
    transport.pause_reading()
    assert repr(transport).endswith(f" fd={fd} read=idle write=<idle, bufsize=0>>")
    transport.resume_reading()

    data = await clog(transport)
    size = transport.get_write_buffer_size()
    assert repr(transport).endswith(f" fd={fd} read=polling write=<polling, bufsize={size}>>")
    transport.close()
    assert repr(transport).endswith(f" closing fd={fd} read=idle write=<polling, bufsize={size}>>")
    assert await peer.recv_all() == data
    await protocol.until("connection_lost")
    assert repr(transport).endswith(f" closed fd={fd}>")


@pytest.mark.parametrize("end", ["close", "abort"])
async def test_every_method_may_be_called_after_the_end(connect, end):
    transport, protocol, _ = await connect()
    getattr(transport, end)()
    await protocol.until("connection_lost")
    transport.write(b"x")
    transport.write_eof()
    transport.close()
    transport.abort()
    transport.pause_reading()
    transport.resume_reading()
    transport.set_write_buffer_limits(high=7)
    assert transport.get_write_buffer_limits() == (1, 7)
    assert transport.get_write_buffer_size() == 0
    assert transport.can_write_eof()
    assert transport.is_closing()
    assert not transport.is_reading()
    assert transport.get_protocol() is None
    replacement = Recorder()
    transport.set_protocol(replacement)
    assert transport.get_protocol() is replacement
    assert protocol.calls == ["connection_made", "connection_lost"]
