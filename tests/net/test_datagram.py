"""Datagram endpoints: how they are made, and what they tell of themselves."""

import asyncio
import contextvars
import socket
import sys
import unittest.mock

import pytest

from .endpoint import PAUSES, Endpoint, plain, quiet

UNSPECIFIED = ("0.0.0.0", 0)
LOCAL = ("127.0.0.1", 0)


def name(protocol):
    return protocol.transport.get_extra_info("sockname")


async def test_echo(endpoint):
    def echo(protocol, data, addr):
        protocol.transport.sendto(data, addr)

    server = await endpoint(Endpoint(datagram_received=echo))
    client = await endpoint(remote_addr=name(server))
    for number in range(50):
        client.transport.sendto(b"%d" % number)
    assert await client.got(50) == [b"%d" % number for number in range(50)]
    assert client.received[0][1] == name(server)
    assert server.received[0][1] == name(client)


async def test_calls_in_order(loop, endpoint):
    protocol = await endpoint()
    assert protocol.calls == ["connection_made"]
    with plain() as peer:
        peer.sendto(b"one", name(protocol))
        await protocol.got(1)
        protocol.transport.sendto(b"two", peer.getsockname())
        assert peer.recvfrom(10) == (b"two", name(protocol))
    protocol.transport.close()
    await protocol.until("connection_lost")
    assert protocol.calls == ["connection_made", "datagram_received", "connection_lost"]
    assert protocol.exception is None


async def test_it_is_no_stream(endpoint):
    transport = (await endpoint()).transport
    with pytest.raises(NotImplementedError):
        transport.write(b"")
    with pytest.raises(NotImplementedError):
        transport.writelines([b""])
    for method in (transport.write_eof, transport.can_write_eof):
        with pytest.raises(NotImplementedError):
            method()


async def test_private_state_that_libraries_ask(endpoint):
    transport = (await endpoint()).transport
    assert transport._closing is False
    assert transport._conn_lost == 0
    if sys.version_info >= (3, 12):  # 3.11.0 does not pause datagrams
        assert transport._paused is False
        transport.pause_reading()
        assert transport._paused is True
    transport.abort()
    assert transport._closing is True
    assert transport._conn_lost == 1


async def test_extra_info(endpoint):
    with plain() as peer:
        protocol = await endpoint(remote_addr=peer.getsockname())
        transport = protocol.transport
        sock = transport.get_extra_info("socket")
        assert sock.type == socket.SOCK_DGRAM
        assert sock.getsockname() == transport.get_extra_info("sockname")
        assert transport.get_extra_info("peername") == peer.getsockname()
        assert transport.get_extra_info("none") is None
        assert transport.get_extra_info("none", 5) == 5
        other = await endpoint()
        assert other.transport.get_extra_info("peername") is None


async def test_kind_of_transport(endpoint):
    protocol = await endpoint()
    transport = protocol.transport
    # Up to 3.11 asyncio's is none, and ours says what asyncio's does.
    assert isinstance(transport, asyncio.DatagramTransport) == (sys.version_info >= (3, 12))
    assert isinstance(transport, asyncio.BaseTransport)
    assert transport.get_protocol() is protocol
    assert not transport.is_closing()
    assert transport.get_write_buffer_size() == 0
    assert transport.get_write_buffer_limits() == (16384, 65536)
    fd = transport.get_extra_info("socket").fileno()
    assert repr(transport).endswith(f"Transport fd={fd} read=polling write=<idle, bufsize=0>>")
    transport.close()
    assert transport.is_closing()
    assert f" closing fd={fd} read=idle" in repr(transport)
    await protocol.until("connection_lost")
    assert f" closed fd={fd}" in repr(transport)


async def test_datagrams_go_to_the_protocol_that_was_set_last(endpoint):
    first, second = await endpoint(), Endpoint()
    first.transport.set_protocol(second)
    assert first.transport.get_protocol() is second
    with plain() as peer:
        peer.sendto(b"data", name(first))
        await second.got(1)
    assert first.received == []
    first.transport.set_protocol(first)


async def test_protocol_may_be_changed_between_two_datagrams(endpoint):
    second = Endpoint()
    first = await endpoint(
        Endpoint(datagram_received=lambda protocol, *_: protocol.transport.set_protocol(second))
    )
    with plain() as peer:
        for data in (b"1", b"2", b"3"):
            peer.sendto(data, name(first))
        assert await second.got(2) == [b"2", b"3"]
    assert [data for data, _ in first.received] == [b"1"]
    first.transport.set_protocol(first)


@pytest.mark.parametrize("kind", ["given", "made"])
async def test_socket_options(endpoint, kind):
    if kind == "given":
        sock = plain()
        protocol = await endpoint(sock=sock)
        assert not sock.getblocking()
    else:
        protocol = await endpoint(local_addr=LOCAL, reuse_port=True, allow_broadcast=True)
        sock = protocol.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST)
        other = await endpoint(local_addr=name(protocol), reuse_port=True)
        assert name(other) == name(protocol)
    assert sock.getsockname() == name(protocol)


async def test_connected_socket_is_given(endpoint):
    """asyncio then sends to the peer, whatever address is given."""
    with plain() as peer, plain() as other:
        sock = plain()
        sock.connect(peer.getsockname())
        protocol = await endpoint(sock=sock)
        protocol.transport.sendto(b"1")
        protocol.transport.sendto(b"2", other.getsockname())
        await asyncio.sleep(0)
        assert peer.recv(10) + peer.recv(10) == b"12"


async def test_broadcast_endpoint_is_not_connected(endpoint):
    with plain() as peer, plain() as other:
        protocol = await endpoint(remote_addr=peer.getsockname(), allow_broadcast=True)
        assert protocol.transport.get_extra_info("peername") is None
        protocol.transport.sendto(b"out")
        data, address = peer.recvfrom(10)
        assert data == b"out"
        # It hears others than the one it sends to.
        other.sendto(b"in", ("127.0.0.1", address[1]))
        assert await protocol.got(1) == [b"in"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_addresses_of_both_families(endpoint, host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with plain(host, family=family) as peer:
        protocol = await endpoint(local_addr=(host, 0))
        peer.sendto(b"in", name(protocol))
        await protocol.got(1)
        assert protocol.received == [(b"in", peer.getsockname())]
        for address in (
            peer.getsockname(),
            peer.getsockname()[:2],
            (*peer.getsockname()[:2], 5, 0)[: len(peer.getsockname())],
            ("localhost" if family == socket.AF_INET else host, peer.getsockname()[1]),
        ):
            protocol.transport.sendto(b"out", address)
            await asyncio.sleep(0)
            assert peer.recvfrom(10) == (b"out", name(protocol))


async def test_unbound_endpoint(endpoint):
    protocol = await endpoint(family=socket.AF_INET)
    assert name(protocol)[1] == 0
    with plain() as peer:
        protocol.transport.sendto(b"x", peer.getsockname())
        data, address = peer.recvfrom(10)
        peer.sendto(data, address)
        assert await protocol.got(1) == [b"x"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, ValueError),
        ({"local_addr": "127.0.0.1"}, TypeError),
        ({"local_addr": ("127.0.0.1", 0, 0)}, TypeError),
        ({"local_addr": LOCAL, "remote_addr": ("::1", 1)}, ValueError),
        ({"local_addr": ("192.0.2.1", 0)}, OSError),
        ({"local_addr": ("none.invalid", 0)}, OSError),
    ],
    ids=repr,
)
async def test_wrong_arguments(loop, open_descriptors, options, error):
    before = open_descriptors()
    with pytest.raises(error):
        await loop.create_datagram_endpoint(Endpoint, **options)
    # The resolver's threads keep nothing open.
    await loop.shutdown_default_executor()
    assert open_descriptors() == before


async def test_wrong_sockets(loop):
    with socket.socket() as stream, plain() as given:
        with pytest.raises(ValueError, match="A (datagram socket|UDP Socket) was expected"):
            await loop.create_datagram_endpoint(Endpoint, sock=stream)
        with pytest.raises(ValueError, match="can not be used when sock is specified"):
            await loop.create_datagram_endpoint(Endpoint, sock=given, local_addr=LOCAL)


class Relayed(socket.socket):
    """Wraps what it sends and unwraps what it receives, as a socket of PySocks does."""

    def sendto(self, data, address):
        return super().sendto(b"to " + data, address)

    def send(self, data):
        return super().send(b"out " + data)

    def recvfrom(self, size):
        data, address = super().recvfrom(size)
        return data.removeprefix(b"in "), address


@pytest.mark.parametrize("connected", [False, True])
async def test_methods_of_the_programs_socket_are_called(endpoint, connected):
    sock = Relayed(type=socket.SOCK_DGRAM)
    sock.bind(LOCAL)
    with plain() as peer:
        if connected:
            sock.connect(peer.getsockname())
        protocol = await endpoint(sock=sock)
        protocol.transport.sendto(b"data", None if connected else peer.getsockname())
        await asyncio.sleep(0)
        assert peer.recv(20) == (b"out data" if connected else b"to data")
        peer.sendto(b"in answer", name(protocol))
        assert await protocol.got(1) == [b"answer"]


async def test_method_set_on_the_programs_socket_is_called(endpoint):
    class WithDict(socket.socket):
        pass

    sock, sent = WithDict(type=socket.SOCK_DGRAM), []
    sock.sendto = lambda *args: sent.append(args)
    protocol = await endpoint(sock=sock)
    protocol.transport.sendto(b"data", LOCAL)
    assert sent == [(b"data", LOCAL)]


async def test_mock_of_a_socket(endpoint):
    with plain() as real:
        sock = unittest.mock.create_autospec(socket.socket)
        sock.family, sock.type = real.family, real.type
        sock.fileno.return_value = real.fileno()
        protocol = await endpoint(sock=sock)
        protocol.transport.sendto(b"data")
        sock.send.assert_called_once_with(b"data")
        protocol.transport.abort()
        await protocol.until("connection_lost")


async def test_socket_of_another_transport_is_refused(loop, endpoint, asyncio_fault):
    asyncio_fault(sys.version_info < (3, 12), "it is not looked at", run=False)
    sock = plain()
    await endpoint(sock=sock)
    with pytest.raises(RuntimeError, match="is used by transport"):
        await loop.create_datagram_endpoint(Endpoint, sock=sock)
    with pytest.raises(RuntimeError, match="is used by transport"):
        loop.add_reader(sock, print)


async def test_cancelled_at_every_await(loop, open_descriptors):
    """However far it came, nothing stays open and the protocol is lost if it was made."""
    before = open_descriptors()
    with plain() as peer:
        for steps in range(12):
            protocol = Endpoint()
            making = asyncio.ensure_future(
                loop.create_datagram_endpoint(
                    lambda protocol=protocol: protocol, remote_addr=peer.getsockname()
                )
            )
            for _ in range(steps):
                await asyncio.sleep(0)
            making.cancel()
            try:
                transport, _ = await making
            except asyncio.CancelledError:
                pass
            else:
                transport.close()
            await quiet(protocol)
            assert protocol.calls in ([], ["connection_made", "connection_lost"])
        assert protocol.calls
        del making
    assert open_descriptors() == before


async def test_pausing_and_resuming(endpoint, asyncio_fault):
    asyncio_fault(not PAUSES, "early releases of 3.11 cannot pause", run=False)
    protocol = await endpoint()
    transport = protocol.transport
    assert transport.is_reading()
    with plain() as peer:
        transport.pause_reading()
        transport.pause_reading()
        assert not transport.is_reading()
        for number in range(3):
            peer.sendto(b"%d" % number, name(protocol))
        await quiet(protocol)
        assert protocol.received == []
        transport.resume_reading()
        transport.resume_reading()
        assert await protocol.got(3) == [b"0", b"1", b"2"]
    transport.close()
    assert not transport.is_reading()
    transport.pause_reading()
    transport.resume_reading()
    await protocol.until("connection_lost")


async def test_pausing_between_two_datagrams(endpoint, asyncio_fault):
    asyncio_fault(not PAUSES, "early releases of 3.11 cannot pause", run=False)
    protocol = await endpoint(
        Endpoint(datagram_received=lambda protocol, *_: protocol.transport.pause_reading())
    )
    with plain() as peer:
        for number in range(3):
            peer.sendto(b"%d" % number, name(protocol))
        for count in (1, 2, 3):
            await protocol.got(count)
            await quiet(protocol)
            assert len(protocol.received) == count
            protocol.transport.resume_reading()
        assert [data for data, _ in protocol.received] == [b"0", b"1", b"2"]


async def test_context_is_that_of_the_creation(loop, endpoint):
    variable = contextvars.ContextVar("variable", default="none")
    seen = []

    def note(protocol, *_):
        seen.append(variable.get())
        variable.set("changed")

    variable.set("creation")
    protocol = await endpoint(Endpoint(datagram_received=note, error_received=note))
    variable.set("later")
    with plain() as peer:
        peer.sendto(b"1", name(protocol))
        peer.sendto(b"2", name(protocol))
        await protocol.got(2)
    # One context for the endpoint, as with asyncio: it sees its own changes.
    assert seen == ["creation", "changed"]
    protocol.transport.sendto(bytes(100_000), LOCAL)
    assert seen == ["creation", "changed", "later"]


async def test_debug_mode_tells_of_slow_protocols(loop, endpoint, asyncio_log):
    loop.set_debug(True)
    loop.slow_callback_duration = -1
    protocol = await endpoint()
    with plain() as peer:
        peer.sendto(b"1", name(protocol))
        await protocol.got(1)
        await quiet(protocol)
    loop.slow_callback_duration = 100
    texts = [record.getMessage() for record in asyncio_log]
    assert any("Executing" in text and "took" in text for text in texts)
    loop.set_debug(False)
