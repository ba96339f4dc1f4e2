"""create_server and what it makes: addresses, options, sockets."""

import asyncio
import errno
import socket
import sys

import pytest

from .peer import Peer, polled
from .recorder import Recorder


class Echo(asyncio.Protocol):
    """Sends back what it receives."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def echoed(loop, address, data=b"data"):
    """Tell whether a new connection to `address` gets its data back."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as sock:
        sock.connect(address)  # the kernel completes it, whoever accepts
        peer = Peer(loop, sock)
        peer.send(data)
        answer = await peer.recv_exactly(len(data))
        peer.shutdown()
        rest = await peer.recv_all()
    return answer == data and rest == b""


async def stopped(server):
    server.close()
    await server.wait_closed()


async def test_serves(loop):
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    assert isinstance(server, asyncio.AbstractServer)
    assert isinstance(server, asyncio.Server)
    [sock] = server.sockets
    assert sock.family == socket.AF_INET
    assert sock.gettimeout() == 0
    assert sock.getsockname()[1] > 0
    for _ in range(3):
        assert await echoed(loop, sock.getsockname())
    await stopped(server)


async def test_stops_listening(loop):
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    await stopped(server)
    with pytest.raises(ConnectionRefusedError):
        await loop.create_connection(Recorder, *address)


async def test_sockets_is_a_tuple_of_transport_sockets(loop):
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    assert type(server.sockets) is tuple
    assert isinstance(server.sockets[0], asyncio.trsock.TransportSocket)
    await stopped(server)
    assert server.sockets == ()


async def test_knows_its_loop(loop):
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    assert server.get_loop() is loop
    await stopped(server)
    assert server.get_loop() is loop


async def test_repr(loop):
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert repr(server).startswith("<Server sockets=(<asyncio.TransportSocket fd=")
    assert str(port) in repr(server)
    await stopped(server)
    assert repr(server) == "<Server sockets=()>"


@pytest.mark.parametrize("host", [None, ""])
async def test_every_interface(loop, host):
    with socket.socket() as probe:  # one port for both families
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    server = await loop.create_server(Echo, host, port)
    assert {sock.family for sock in server.sockets} == {socket.AF_INET, socket.AF_INET6}
    for sock in server.sockets:
        if sock.family == socket.AF_INET6:
            assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    assert await echoed(loop, ("127.0.0.1", port))
    assert await echoed(loop, ("::1", port))
    await stopped(server)


@pytest.mark.parametrize("kind", [list, tuple, iter])
async def test_several_hosts_on_port_zero(loop, kind):
    server = await loop.create_server(Echo, kind(["127.0.0.1", "::1"]), 0)
    addresses = [sock.getsockname()[:2] for sock in server.sockets]
    assert sorted(host for host, _ in addresses) == ["127.0.0.1", "::1"]
    for address in addresses:
        assert await echoed(loop, address)
    await stopped(server)


async def test_host_given_twice_is_bound_once(loop):
    server = await loop.create_server(Echo, ["127.0.0.1", "127.0.0.1"], 0)
    assert len(server.sockets) == 1
    await stopped(server)


async def test_family(loop):
    server = await loop.create_server(Echo, "localhost", 0, family=socket.AF_INET)
    assert [sock.family for sock in server.sockets] == [socket.AF_INET]
    await stopped(server)


async def test_address_in_use(loop):
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    with pytest.raises(OSError, match="error while attempting to bind on address") as caught:
        await loop.create_server(Echo, *address)
    assert caught.value.errno == errno.EADDRINUSE
    assert str(address) in str(caught.value)
    await stopped(server)


async def test_one_of_several_addresses_in_use(loop):
    # The sockets that were bound before are closed; the leak check sees it.
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(OSError, match="error while attempting to bind on address"):
        await loop.create_server(Echo, ["::1", "127.0.0.1"], port)
    await stopped(server)


async def test_address_of_another_machine(loop):
    with pytest.raises(OSError, match=r"bind on"):
        await loop.create_server(Echo, "192.0.2.1", 0)


@pytest.mark.parametrize(("given", "expected"), [(None, 1), (True, 1), (False, 0)])
async def test_reuse_address(loop, given, expected):
    server = await loop.create_server(Echo, "127.0.0.1", 0, reuse_address=given)
    [sock] = server.sockets
    assert bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)) == bool(expected)
    await stopped(server)


async def test_reuse_port(loop):
    first = await loop.create_server(Echo, "127.0.0.1", 0, reuse_port=True)
    address = first.sockets[0].getsockname()
    second = await loop.create_server(Echo, *address, reuse_port=True)
    assert second.sockets[0].getsockname() == address
    assert await echoed(loop, address)
    await stopped(first)
    assert await echoed(loop, address)
    await stopped(second)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="since Python 3.13")
@pytest.mark.parametrize(("given", "expected"), [(None, 0), (True, 1), (False, 0)])
async def test_keep_alive(loop, given, expected):
    server = await loop.create_server(Echo, "127.0.0.1", 0, keep_alive=given)
    assert server.sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == expected
    await stopped(server)


@pytest.mark.parametrize("backlog", [1, 2, 1000])
async def test_backlog_does_not_limit_the_connections(loop, backlog):
    server = await loop.create_server(Echo, "127.0.0.1", 0, backlog=backlog)
    address = server.sockets[0].getsockname()
    results = []
    for _ in range(30):
        transport, protocol = await loop.create_connection(Recorder, *address)
        results.append((transport, protocol))
        transport.write(b"data")
        await protocol.until("data_received")
    for transport, protocol in results:
        transport.close()
        await protocol.until("connection_lost")
    await stopped(server)


async def test_socket_is_given(loop):
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    address = sock.getsockname()
    server = await loop.create_server(Echo, sock=sock)
    assert sock.gettimeout() == 0
    assert server.sockets[0].fileno() == sock.fileno()
    assert await echoed(loop, address)
    await stopped(server)
    assert sock.fileno() == -1


async def test_socket_that_listens_already(loop):
    sock = socket.create_server(("127.0.0.1", 0))
    address = sock.getsockname()
    waiting = socket.create_connection(address)
    server = await loop.create_server(Echo, sock=sock)
    with waiting:
        peer = Peer(loop, waiting)
        peer.send(b"early")
        assert await peer.recv_exactly(5) == b"early"
    await polled()
    await stopped(server)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({}, ValueError, "Neither host/port nor sock were specified"),
        ({"ssl": True}, TypeError, "ssl argument must be an SSLContext or None"),
        ({"port": 0, "ssl_handshake_timeout": 1}, ValueError, "only meaningful with ssl"),
        ({"port": 0, "ssl_shutdown_timeout": 1}, ValueError, "only meaningful with ssl"),
    ],
)
async def test_wrong_arguments(loop, arguments, error, text):
    with pytest.raises(error, match=text):
        await loop.create_server(Echo, **arguments)


async def test_socket_and_address(loop):
    with socket.socket() as sock:
        with pytest.raises(ValueError, match="host/port and sock can not be specified"):
            await loop.create_server(Echo, "127.0.0.1", 0, sock=sock)
        assert sock.fileno() >= 0


async def test_datagram_socket_is_refused(loop):
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        with pytest.raises(ValueError, match="A Stream Socket was expected"):
            await loop.create_server(Echo, sock=sock)
        assert sock.fileno() >= 0


async def test_factory_is_called_for_each_connection(loop):
    protocols = []

    def factory():
        protocols.append(Recorder())
        return protocols[-1]

    server = await loop.create_server(factory, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    clients = [await loop.create_connection(Recorder, *address) for _ in range(5)]
    while len(protocols) < 5:
        await polled()
    for transport, client in clients:
        transport.close()
        await client.until("connection_lost")
    for protocol in protocols:
        await protocol.until("connection_lost")
        assert protocol.calls == ["connection_made", "eof_received", "connection_lost"]
    await stopped(server)


async def test_client_that_is_gone_before_it_is_accepted(loop):
    protocols = []

    def factory():
        protocols.append(Recorder())
        return protocols[-1]

    server = await loop.create_server(factory, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    for _ in range(3):
        gone = Peer(loop, socket.create_connection(address))
        gone.reset()
    await polled()
    for protocol in protocols:
        await protocol.until("connection_lost")
        assert isinstance(protocol.exception, ConnectionResetError)
    transport, client = await loop.create_connection(Recorder, *address)
    transport.close()
    await client.until("connection_lost")
    while protocols[-1].exception is not None or "connection_lost" not in protocols[-1].calls:
        await polled()
    await stopped(server)


async def test_two_servers_side_by_side(loop):
    first = await loop.create_server(Echo, "127.0.0.1", 0)
    second = await loop.create_server(Echo, "127.0.0.1", 0)
    await stopped(first)
    assert await echoed(loop, second.sockets[0].getsockname())
    await stopped(second)


async def test_hundred_connections_at_once(loop):
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()

    async def exchange(number):
        transport, protocol = await loop.create_connection(Recorder, *address)
        data = b"%d" % number * 1000
        transport.write(data)
        await protocol.until(lambda: len(protocol.received) == len(data))
        transport.close()
        await protocol.until("connection_lost")
        return protocol.received == data

    assert all(await asyncio.gather(*(exchange(number) for number in range(100))))
    await stopped(server)
