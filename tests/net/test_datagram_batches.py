"""What asyncio does not have: datagrams_received(), and datagrams that the kernel puts together."""

import socket

import pytest

from .endpoint import Endpoint, plain, quiet

# Of Linux; not all of them are in `socket`.
UDP_SEGMENT, UDP_GRO = 103, 104
SO_TIMESTAMP, IP_PKTINFO = 29, 8


@pytest.fixture
def loop_kind():
    return "aioxide"


class Batches(Endpoint):
    """Records each batch."""

    def __init__(self, **on):
        super().__init__(**on)
        self.batches = []

    def datagrams_received(self, datagrams):
        assert type(datagrams) is list
        assert all(type(pair) is tuple for pair in datagrams)
        self.batches.append(datagrams)
        self.received += datagrams
        self.note("datagrams_received", datagrams)


def name(protocol):
    return protocol.transport.get_extra_info("sockname")


def send_segments(sock, data, size, address):
    """Send `data` in datagrams of `size` by one call, which the kernel keeps together."""
    control = [(socket.IPPROTO_UDP, UDP_SEGMENT, size.to_bytes(2, "little"))]
    assert sock.sendmsg([data], control, 0, address) == len(data)


def cut(data, size):
    return [data[start : start + size] for start in range(0, len(data), size)]


async def test_batch(endpoint):
    protocol = await endpoint(Batches())
    with plain() as peer:
        for number in range(10):
            peer.sendto(b"%d" % number, name(protocol))
        await protocol.got(10)
        assert protocol.batches == [[(b"%d" % n, peer.getsockname()) for n in range(10)]]
        peer.sendto(b"", name(protocol))
        await protocol.got(11)
        assert protocol.batches[1:] == [[(b"", peer.getsockname())]]
    assert "datagram_received" not in protocol.calls


async def test_method_of_the_object_alone_is_not_called(endpoint):
    """It is looked up on the class: a mock would seem to have it."""
    protocol = Endpoint()
    protocol.datagrams_received = None
    await endpoint(protocol)
    with plain() as peer:
        peer.sendto(b"x", name(protocol))
        assert await protocol.got(1) == [b"x"]


async def test_change_between_both_kinds(endpoint):
    plain_protocol = await endpoint()
    batches = Batches()
    transport = plain_protocol.transport
    with plain() as peer:
        for protocol in (batches, plain_protocol, batches):
            transport.set_protocol(protocol)
            count = len(protocol.received)
            peer.sendto(b"1", name(plain_protocol))
            peer.sendto(b"2", name(plain_protocol))
            await protocol.got(count + 2)
    transport.set_protocol(plain_protocol)
    assert [len(batch) for batch in batches.batches] == [2, 2]


async def test_rest_of_a_batch_goes_to_the_new_protocol(endpoint):
    batches = Batches()
    protocol = await endpoint(
        Endpoint(datagram_received=lambda protocol, *_: protocol.transport.set_protocol(batches))
    )
    with plain() as peer:
        for number in range(4):
            peer.sendto(b"%d" % number, name(protocol))
        assert await batches.got(3) == [b"1", b"2", b"3"]
    protocol.transport.set_protocol(protocol)


async def test_batch_that_raises(endpoint, contexts):
    def fail(protocol, datagrams):
        raise LookupError

    protocol = await endpoint(Batches(datagrams_received=fail))
    with plain() as peer:
        for _ in range(3):
            peer.sendto(b"x", name(protocol))
        await protocol.got(3)
    await quiet(protocol)
    assert {type(context["exception"]) for context in contexts} == {LookupError}
    message = "Exception in callback protocol.datagrams_received()"
    assert {context["message"] for context in contexts} == {message}
    assert not protocol.transport.is_closing()


@pytest.mark.parametrize("action", ["close", "abort", "sendto"])
async def test_acting_in_a_batch(endpoint, action):
    def act(protocol, datagrams):
        for data, address in datagrams:
            protocol.transport.sendto(data, address)
        if action != "sendto":
            getattr(protocol.transport, action)()

    protocol = await endpoint(Batches(datagrams_received=act))
    with plain() as peer:
        for number in range(3):
            peer.sendto(b"%d" % number, name(protocol))
        await protocol.got(3)
        assert [peer.recv(10) for _ in range(3)] == [b"0", b"1", b"2"]
    assert protocol.transport.is_closing() == (action != "sendto")


@pytest.mark.parametrize("kind", [Endpoint, Batches])
@pytest.mark.parametrize("size", [1, 100, 1200])
@pytest.mark.parametrize("rest", [0, 1])
async def test_datagrams_that_the_kernel_keeps_together(endpoint, kind, size, rest):
    protocol = await endpoint(kind())
    await quiet(protocol)
    with plain() as one, plain() as two:
        for _ in range(3):
            sent = []
            for peer in (one, two):
                data = bytes(index % 256 for index in range(size * 20 + rest))
                send_segments(peer, data, size, name(protocol))
                sent += [(part, peer.getsockname()) for part in cut(data, size)]
            one.sendto(b"alone", name(protocol))
            sent.append((b"alone", one.getsockname()))
            await protocol.got(len(sent))
            assert protocol.received == sent
            protocol.received.clear()


async def test_what_a_part_schedules_runs_before_the_next_part(loop, endpoint):
    order = []

    def received(protocol, data, addr):
        order.append(data)
        loop.call_soon(order.append, None)

    protocol = await endpoint(Endpoint(datagram_received=received))
    await quiet(protocol)
    with plain() as peer:
        send_segments(peer, b"abc", 1, name(protocol))
        await protocol.got(3)
    await quiet(protocol)
    assert order == [b"a", None, b"b", None, b"c", None]


async def test_given_socket_is_left_alone(endpoint):
    """Its program may read it elsewhere, too."""
    sock = plain()
    protocol = await endpoint(sock=sock)
    assert sock.getsockopt(socket.IPPROTO_UDP, UDP_GRO) == 0
    with plain() as peer:
        send_segments(peer, b"abc", 1, name(protocol))
        assert await protocol.got(3) == [b"a", b"b", b"c"]
    made = await endpoint()
    await quiet(made)
    assert made.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_UDP, UDP_GRO) == 1


async def test_kernels_notes_beside_a_datagram(endpoint):
    """A program may ask its socket for more of them."""
    protocol = await endpoint()
    sock = protocol.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMP, 1)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    await quiet(protocol)
    with plain() as peer:
        send_segments(peer, b"abcde", 2, name(protocol))
        assert await protocol.got(3) == [b"ab", b"cd", b"e"]
