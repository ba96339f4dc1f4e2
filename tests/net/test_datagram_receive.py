"""What comes: its order among other things, and protocols that misbehave."""

import asyncio
import socket

import pytest

from .endpoint import Endpoint, plain, quiet


def name(protocol):
    return protocol.transport.get_extra_info("sockname")


async def test_what_a_datagram_schedules_runs_before_the_next(loop, endpoint):
    order = []

    def received(protocol, data, addr):
        order.append(data)
        loop.call_soon(order.append, data.upper())

    protocol = await endpoint(Endpoint(datagram_received=received))
    with plain() as peer:
        for data in (b"a", b"b", b"c"):
            peer.sendto(data, name(protocol))
        await protocol.got(3)
        await quiet(protocol)
    assert order == [b"a", b"A", b"b", b"B", b"c", b"C"]


async def test_task_that_takes_one_datagram_at_a_time(loop, endpoint):
    """A future for each datagram: two in a row would be one too many for it."""
    waiter = loop.create_future()
    protocol = await endpoint(
        Endpoint(datagram_received=lambda protocol, data, addr: waiter.set_result(data))
    )
    with plain() as peer:
        for number in range(100):
            peer.sendto(b"%d" % number, name(protocol))
        for number in range(100):
            assert await waiter == b"%d" % number
            waiter = loop.create_future()


def test_stop_ends_the_run_before_the_next_datagram(loop):
    protocol = Endpoint(datagram_received=lambda *_: loop.stop())
    transport, _ = loop.run_until_complete(
        loop.create_datagram_endpoint(lambda: protocol, local_addr=("127.0.0.1", 0))
    )
    with plain() as peer:
        for _ in range(4):
            peer.sendto(b"x", name(protocol))
    for count in range(1, 5):
        loop.run_forever()
        assert len(protocol.received) == count
    transport.close()
    loop.run_until_complete(protocol.until("connection_lost"))


def test_exception_that_ends_the_run_loses_no_datagram(loop):
    def end(protocol, data, addr):
        if data == b"end":
            raise KeyboardInterrupt

    protocol = Endpoint(datagram_received=end)
    transport, _ = loop.run_until_complete(
        loop.create_datagram_endpoint(lambda: protocol, local_addr=("127.0.0.1", 0))
    )
    with plain() as peer:
        for data in (b"1", b"end", b"2", b"3"):
            peer.sendto(data, name(protocol))
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    assert len(protocol.received) == 2
    loop.run_until_complete(protocol.got(4))
    transport.close()
    loop.run_until_complete(protocol.until("connection_lost"))


async def test_raising_protocol_gets_the_next_datagram(endpoint, contexts):
    def fail(protocol, data, addr):
        raise LookupError(data)

    protocol = await endpoint(Endpoint(datagram_received=fail))
    with plain() as peer:
        for data in (b"1", b"2", b"3"):
            peer.sendto(data, name(protocol))
        await protocol.got(3)
        await quiet(protocol)
    assert [context["exception"].args for context in contexts] == [(b"1",), (b"2",), (b"3",)]
    assert all("Exception in callback" in context["message"] for context in contexts)
    assert not protocol.transport.is_closing()
    contexts.clear()


@pytest.mark.parametrize("action", ["close", "abort"])
async def test_no_datagram_after_close(endpoint, action):
    protocol = await endpoint(
        Endpoint(datagram_received=lambda protocol, *_: getattr(protocol.transport, action)())
    )
    with plain() as peer:
        for _ in range(3):
            peer.sendto(b"x", name(protocol))
        await protocol.until("connection_lost")
    await quiet(protocol)
    assert protocol.calls == ["connection_made", "datagram_received", "connection_lost"]


@pytest.mark.parametrize("action", ["close", "abort"])
async def test_answer_before_close_is_sent(endpoint, action):
    def answer(protocol, data, addr):
        for number in range(3):
            protocol.transport.sendto(b"%d" % number, addr)
        getattr(protocol.transport, action)()

    protocol = await endpoint(Endpoint(datagram_received=answer))
    with plain() as peer:
        peer.sendto(b"x", name(protocol))
        await protocol.until("connection_lost")
        assert [peer.recv(10) for _ in range(3)] == [b"0", b"1", b"2"]


@pytest.mark.parametrize("action", ["close", "abort", "sendto"])
async def test_acting_in_error_received(endpoint, action):
    with plain() as peer:
        gone = peer.getsockname()

    def act(protocol, error):
        if action == "sendto":
            if len(protocol.errors) < 3:
                protocol.transport.sendto(b"again")
        else:
            getattr(protocol.transport, action)()

    protocol = await endpoint(Endpoint(error_received=act), remote_addr=gone)
    protocol.transport.sendto(b"x")
    protocol.transport.sendto(b"x")
    await protocol.until("error_received" if action == "sendto" else "connection_lost")
    await quiet(protocol)
    assert protocol.transport.is_closing() == (action != "sendto")
    assert protocol.calls.count("connection_lost") == (action != "sendto")


async def test_a_busy_endpoint_does_not_starve_others(loop, endpoint):
    """Each datagram brings another one; a timer and another endpoint come through."""

    def again(protocol, data, addr):
        protocol.transport.sendto(data, addr)

    busy = await endpoint(Endpoint(datagram_received=again))
    for _ in range(30):
        busy.transport.sendto(b"x", name(busy))
    other = await endpoint()
    due = loop.create_future()
    loop.call_later(0.001, due.set_result, None)
    with plain() as peer:
        peer.sendto(b"x", name(other))
        await other.got(1)
        await due
    busy.transport.close()
    await busy.until("connection_lost")


async def test_large_datagrams(endpoint):
    protocol = await endpoint()
    sent = [bytes([number]) * size for number, size in enumerate((65_507, 1, 65_507, 1472))]
    with plain() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        for data in sent:
            peer.sendto(data, name(protocol))
            await protocol.got(sent.index(data) + 1)
    assert [data for data, _ in protocol.received] == sent


async def test_more_senders_than_addresses_are_remembered(endpoint):
    def echo(protocol, data, addr):
        protocol.transport.sendto(data, addr)

    protocol = await endpoint(Endpoint(datagram_received=echo))
    peers = [plain() for _ in range(150)]
    try:
        for turn in range(2):
            for index, peer in enumerate(peers):
                peer.sendto(b"%d" % index, name(protocol))
                if index % 50 == 49:
                    await protocol.got(turn * len(peers) + index + 1)
            await quiet(protocol)
            for index, peer in enumerate(peers):
                assert peer.recvfrom(10) == (b"%d" % index, name(protocol))
        for index, (data, address) in enumerate(protocol.received):
            peer = peers[index % len(peers)]
            assert (data, address) == (b"%d" % (index % len(peers)), peer.getsockname())
    finally:
        for peer in peers:
            peer.close()


async def test_own_address_objects(endpoint):
    """An address is looked up by what it says, whoever made it."""
    protocol = await endpoint()
    with plain() as one, plain() as two:
        for _ in range(3):
            for peer in (one, two):
                host, port = peer.getsockname()
                protocol.transport.sendto(b"%d" % port, (host, port))
                await asyncio.sleep(0)
                assert peer.recv(10) == b"%d" % port
                one_of_another_class = type("Address", (tuple,), {})((host, port))
                protocol.transport.sendto(b"x", one_of_another_class)
                await asyncio.sleep(0)
                assert peer.recv(10) == b"x"


async def test_same_tuple_for_sockets_of_both_families(endpoint, contexts):
    """("::1", port) is an address for one and an error for the other."""
    six = await endpoint(local_addr=("::1", 0))
    four = await endpoint()
    with plain("::1", family=socket.AF_INET6) as peer:
        address = peer.getsockname()[:2]
        six.transport.sendto(b"x", address)
        assert peer.recv(10) == b"x"
    four.transport.sendto(b"x", address)
    await quiet(four, six)
    # The name lookup has failed, which is an error of the network.
    assert len(four.errors) == 1
    assert not contexts


async def test_two_loops_do_not_share(loop, loop_factory, endpoint):
    protocol = await endpoint()
    other = loop_factory()
    with plain() as peer:
        peer.sendto(b"x", name(protocol))
        await protocol.got(1)
    other.close()
    assert asyncio.get_running_loop() is loop
