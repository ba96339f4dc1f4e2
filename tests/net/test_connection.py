"""create_connection: addresses, sockets, and what goes wrong."""

import asyncio
import contextlib
import errno
import gc
import socket
import sys

import pytest

from .peer import Peer
from .recorder import Recorder

NEW = sys.version_info >= (3, 12)


def free_port(host="127.0.0.1"):
    """Find a port of loopback where nobody listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock:
        sock.bind((host, 0))
        return sock.getsockname()[1]


@pytest.fixture
def resolve(loop, monkeypatch):
    """Make the loop resolve every name to the given addresses."""

    def to(*addresses):
        async def getaddrinfo(host, port, **kwargs):
            return [
                (
                    socket.AF_INET6 if ":" in address[0] else socket.AF_INET,
                    socket.SOCK_STREAM,
                    socket.IPPROTO_TCP,
                    "",
                    address,
                )
                for address in addresses
            ]

        monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)

    return to


@contextlib.asynccontextmanager
async def connected(loop, *args, **kwargs):
    """Connect, and close in the end."""
    transport, protocol = await loop.create_connection(Recorder, *args, **kwargs)
    try:
        yield transport, protocol
    finally:
        transport.close()
        await protocol.until("connection_lost")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_by_name_and_by_number(loop, listener, host):
    port = listener.getsockname()[1]
    kwargs = {"family": socket.AF_INET}
    async with connected(loop, host, port, **kwargs) as (transport, protocol):
        conn, address = listener.accept()
        with conn:
            assert transport.get_extra_info("sockname") == address
            assert transport.get_protocol() is protocol
            assert protocol.calls == ["connection_made"]
            assert protocol.transport is transport


async def test_port_given_as_text(loop, listener):
    async with connected(loop, "127.0.0.1", str(listener.getsockname()[1])):
        listener.accept()[0].close()


async def test_ipv6(loop):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        address = listener.getsockname()
        async with connected(loop, "::1", address[1]) as (transport, _):
            assert transport.get_extra_info("peername") == address
            listener.accept()[0].close()


async def test_refused(loop):
    port = free_port()
    with pytest.raises(ConnectionRefusedError) as caught:
        await loop.create_connection(Recorder, "127.0.0.1", port)
    assert caught.value.errno == errno.ECONNREFUSED
    assert str(caught.value) == (
        f"[Errno {errno.ECONNREFUSED}] Connect call failed ('127.0.0.1', {port})"
    )


async def test_refused_leaves_no_cycle(loop):
    """Whoever catches the error of a failed connection is the only one to hold it."""
    with pytest.raises(ConnectionRefusedError) as caught:
        await loop.create_connection(asyncio.Protocol, "127.0.0.1", free_port())
    assert [holder for holder in gc.get_referrers(caught.value) if type(holder) is list] == []


async def test_unreachable(loop):
    # A multicast address cannot be connected to; connect() says so at once.
    with pytest.raises(OSError, match="unreachable") as caught:
        await loop.create_connection(Recorder, "224.0.0.1", 9, proto=socket.IPPROTO_TCP)
    assert caught.value.errno == errno.ENETUNREACH


async def test_name_that_is_none(loop, listener):
    # None is loopback, as getaddrinfo() has it.
    port = listener.getsockname()[1]
    async with connected(loop, None, port, family=socket.AF_INET):
        listener.accept()[0].close()


async def test_factory_is_called_once_and_only_when_connected(loop, listener):
    made = []

    def factory():
        made.append(Recorder())
        return made[-1]

    with pytest.raises(ConnectionRefusedError):
        await loop.create_connection(factory, "127.0.0.1", free_port())
    assert made == []
    transport, protocol = await loop.create_connection(factory, *listener.getsockname())
    assert made == [protocol]
    transport.close()
    await protocol.until("connection_lost")
    listener.accept()[0].close()


@pytest.mark.parametrize("delay", [None, 0.05])
async def test_next_address_when_the_first_is_refused(loop, listener, resolve, delay):
    resolve(("127.0.0.1", free_port()), ("127.0.0.1", free_port()), listener.getsockname())
    async with connected(loop, "name", 1, happy_eyeballs_delay=delay) as (transport, _):
        assert transport.get_extra_info("peername") == listener.getsockname()
        listener.accept()[0].close()


@pytest.mark.parametrize("delay", [None, 0.05])
async def test_all_refused(loop, resolve, delay):
    ports = [free_port(), free_port()]
    resolve(*(("127.0.0.1", port) for port in ports))
    with pytest.raises(OSError, match="Multiple exceptions: ") as caught:
        await loop.create_connection(Recorder, "name", 1, happy_eyeballs_delay=delay)
    assert all(str(port) in str(caught.value) for port in ports)


async def test_all_refused_alike(loop, resolve):
    address = ("127.0.0.1", free_port())
    resolve(address, address)
    with pytest.raises(ConnectionRefusedError):
        await loop.create_connection(Recorder, "name", 1)


@pytest.mark.skipif(not NEW, reason="since Python 3.12")
@pytest.mark.parametrize("delay", [None, 0.05])
@pytest.mark.parametrize("count", [1, 2, 3])
async def test_all_errors(loop, resolve, delay, count):
    ports = [free_port() for _ in range(count)]
    resolve(*(("127.0.0.1", port) for port in ports))
    with pytest.raises(ExceptionGroup, match="create_connection failed") as caught:
        await loop.create_connection(
            Recorder, "name", 1, happy_eyeballs_delay=delay, all_errors=True
        )
    assert len(caught.value.exceptions) == count
    assert {type(error) for error in caught.value.exceptions} == {ConnectionRefusedError}


@pytest.mark.skipif(NEW, reason="since Python 3.12 it is there")
async def test_all_errors_is_unknown_to_this_python(loop, listener):
    with pytest.raises(TypeError, match="all_errors"):
        await loop.create_connection(Recorder, *listener.getsockname(), all_errors=True)


async def test_happy_eyeballs_does_not_wait_for_a_silent_address(loop, resolve):
    # A listener whose queue is full does not answer, as an address far away does not.
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            assert sock.connect_ex(silent.getsockname()) == errno.EINPROGRESS
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        resolve(silent.getsockname(), listener.getsockname())
        async with connected(loop, "name", 1, happy_eyeballs_delay=0.01) as (transport, _):
            assert transport.get_extra_info("peername") == listener.getsockname()
            listener.accept()[0].close()


@pytest.mark.parametrize(
    ("interleave", "delay", "tried"),
    [
        (None, None, "446646"),
        (1, None, "464646"),
        (2, None, "446466"),
        (None, 1000, "464646"),
        (0, 1000, "446646"),
    ],
)
async def test_order_of_addresses(loop, resolve, monkeypatch, interleave, delay, tried):
    port = free_port()
    resolve(*({"4": ("127.0.0.1", port), "6": ("::1", port, 0, 0)}[family] for family in "446646"))
    seen = []
    sock_connect = loop.sock_connect

    async def record(sock, address):
        seen.append("6" if sock.family == socket.AF_INET6 else "4")
        await sock_connect(sock, address)

    monkeypatch.setattr(loop, "sock_connect", record)
    with pytest.raises(OSError, match=r"refused|Connect call failed|Multiple|unavail|assign"):
        await loop.create_connection(
            Recorder, "name", 1, interleave=interleave, happy_eyeballs_delay=delay
        )
    assert "".join(seen) == tried


async def test_local_address(loop, listener):
    port = free_port()
    kwargs = {"local_addr": ("127.0.0.1", port)}
    async with connected(loop, *listener.getsockname(), **kwargs) as (transport, _):
        assert transport.get_extra_info("sockname") == ("127.0.0.1", port)
        listener.accept()[0].close()


async def test_local_address_in_use(loop, listener):
    address = listener.getsockname()
    with pytest.raises(OSError, match="error while attempting to bind on address") as caught:
        await loop.create_connection(Recorder, *address, local_addr=address)
    assert caught.value.errno == errno.EADDRINUSE


async def test_local_address_of_another_family(loop, listener):
    with pytest.raises(OSError, match="no matching local address with family="):
        await loop.create_connection(Recorder, *listener.getsockname(), local_addr=("::1", 0))


async def test_connected_socket(loop):
    left, right = socket.socketpair()
    left.setblocking(True)
    transport, protocol = await loop.create_connection(Recorder, sock=left)
    assert left.gettimeout() == 0
    assert transport.get_extra_info("socket").fileno() == left.fileno()
    peer = Peer(loop, right)
    peer.send(b"data")
    await protocol.until("data_received")
    transport.close()
    assert await peer.recv_all() == b""
    peer.close()
    assert left.fileno() == -1  # the transport owns the socket it was given


@pytest.mark.parametrize("where", [{"host": "127.0.0.1"}, {"port": 1}, {"host": "x", "port": 1}])
async def test_socket_and_address(loop, where):
    left, right = socket.socketpair()
    with left, right:
        with pytest.raises(ValueError, match="host/port and sock can not be specified"):
            await loop.create_connection(Recorder, sock=left, **where)
        assert left.fileno() >= 0


async def test_neither_socket_nor_address(loop):
    with pytest.raises(ValueError, match="host and port was not specified and no sock specified"):
        await loop.create_connection(Recorder)


async def test_datagram_socket_is_refused(loop):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        with pytest.raises(ValueError, match="A Stream Socket was expected"):
            await loop.create_connection(Recorder, sock=sock)
        assert sock.fileno() >= 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"server_hostname": "name"}, "server_hostname is only meaningful with ssl"),
        ({"ssl_handshake_timeout": 1}, "ssl_handshake_timeout is only meaningful with ssl"),
        ({"ssl_shutdown_timeout": 1}, "ssl_shutdown_timeout is only meaningful with ssl"),
    ],
)
async def test_tls_arguments_without_tls(loop, listener, arguments, text):
    with pytest.raises(ValueError, match=text):
        await loop.create_connection(Recorder, *listener.getsockname(), **arguments)


async def test_function_in_place_of_the_socket_class(loop, listener, monkeypatch):
    """Test suites put one there, to watch or to change what is made."""
    made = []
    real = socket.socket

    def make(*arguments, **options):
        made.append(real(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(socket, "socket", make)
    transport, protocol = await loop.create_connection(Recorder, *listener.getsockname())
    monkeypatch.undo()
    assert transport.get_extra_info("socket").fileno() == made[0].fileno()
    transport.close()
    await protocol.until("connection_lost")
    assert made[0].fileno() == -1
    listener.accept()[0].close()


async def test_socket_of_a_live_transport_is_refused(connect, loop):
    transport, protocol, peer = await connect()
    sock = transport.get_extra_info("socket")
    with socket.socket(fileno=sock.fileno()) as same:
        with pytest.raises(RuntimeError, match="is used by transport"):
            loop.add_reader(same, print)
        same.detach()
    peer.send(b"data")
    await protocol.until("data_received")


async def test_many_at_once(loop, listener):
    listener.listen(128)
    results = await asyncio.gather(
        *(loop.create_connection(Recorder, *listener.getsockname()) for _ in range(100))
    )
    peers = [Peer(loop, listener.accept()[0]) for _ in results]
    by_name = {peer.sock.getpeername(): peer for peer in peers}
    for number, (transport, protocol) in enumerate(results):
        peer = by_name[transport.get_extra_info("sockname")]
        transport.write(b"%d" % number)
        assert await peer.recv() == b"%d" % number
        peer.close()
        await protocol.until("connection_lost")
