"""How endpoints end, and that nothing is left of them."""

import asyncio
import gc
import logging
import socket
import warnings
import weakref

import pytest

from .endpoint import Endpoint, plain, quiet


def name(protocol):
    return protocol.transport.get_extra_info("sockname")


async def test_close_twice(endpoint):
    protocol = await endpoint()
    protocol.transport.close()
    protocol.transport.close()
    assert protocol.transport.is_closing()
    assert protocol.calls == ["connection_made"]
    await protocol.until("connection_lost")
    await quiet(protocol)
    assert protocol.calls == ["connection_made", "connection_lost"]


async def test_closed_in_connection_made(endpoint):
    protocol = await endpoint(Endpoint(connection_made=lambda protocol: protocol.transport.close()))
    await protocol.until("connection_lost")
    assert protocol.calls == ["connection_made", "connection_lost"]


async def test_sending_to_a_lost_remote(endpoint, asyncio_log):
    """asyncio warns from the fifth time on, and sends nothing."""
    with plain() as peer:
        protocol = await endpoint(remote_addr=peer.getsockname())
        protocol.transport.close()
        for _ in range(7):
            protocol.transport.sendto(b"x")
        await protocol.until("connection_lost")
        protocol.transport.sendto(b"x")
        peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            peer.recv(10)
    warned = [record for record in asyncio_log if record.levelno == logging.WARNING]
    assert [record.getMessage() for record in warned] == ["socket.send() raised exception."] * 4


async def test_sending_between_close_and_its_end(endpoint):
    """asyncio sends what has an address of its own until the socket is closed."""
    protocol = await endpoint()
    with plain() as peer:
        protocol.transport.close()
        protocol.transport.sendto(b"1", peer.getsockname())
        protocol.transport.sendto(b"2", peer.getsockname())
        assert peer.recv(10) + peer.recv(10) == b"12"
        await protocol.until("connection_lost")


async def test_sending_after_the_end(endpoint, on_asyncio):
    protocol = await endpoint()
    protocol.transport.close()
    await protocol.until("connection_lost")
    if on_asyncio:
        # It fails to say what failed.
        with pytest.raises(AttributeError):
            protocol.transport.sendto(b"x", ("127.0.0.1", 9))
    else:
        protocol.transport.sendto(b"x", ("127.0.0.1", 9))


async def test_connection_lost_that_raises(endpoint, contexts, open_descriptors):
    before = open_descriptors()

    def fail(protocol, error):
        raise LookupError

    protocol = await endpoint(Endpoint(connection_lost=fail))
    protocol.transport.close()
    await protocol.until("connection_lost")
    await quiet(protocol)
    assert [type(context["exception"]) for context in contexts] == [LookupError]
    assert open_descriptors() == before


async def test_descriptors_come_back(endpoint, open_descriptors):
    before = open_descriptors()
    for _ in range(20):
        protocol = await endpoint()
        protocol.transport.close()
        await protocol.until("connection_lost")
    assert open_descriptors() == before


def test_loop_closed_with_an_open_endpoint(loop):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        transport, protocol = loop.run_until_complete(
            loop.create_datagram_endpoint(Endpoint, local_addr=("127.0.0.1", 0))
        )
        loop.close()
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            transport.close()
        assert protocol.calls == ["connection_made"]
        del transport, protocol
        gc.collect()


def test_endpoint_that_nobody_closes(loop):
    transport, protocol = loop.run_until_complete(
        loop.create_datagram_endpoint(Endpoint, local_addr=("127.0.0.1", 0))
    )
    sock = transport.get_extra_info("socket")
    # The loop holds what it reads.
    del transport
    protocol.transport = None
    gc.collect()
    assert sock.fileno() != -1

    def close():
        loop.close()
        gc.collect()

    del protocol
    with pytest.warns(ResourceWarning, match="unclosed transport .*DatagramTransport"):
        close()
    assert sock.fileno() == -1


def test_cycle_with_the_protocol_is_collected(loop):
    async def main():
        transport, protocol = await loop.create_datagram_endpoint(
            Endpoint, local_addr=("127.0.0.1", 0)
        )
        protocol.itself = protocol
        transport.close()
        await protocol.until("connection_lost")
        return weakref.ref(transport), weakref.ref(protocol)

    references = loop.run_until_complete(main())
    gc.collect()
    assert [reference() for reference in references] == [None, None]


async def test_sockets_number_is_free_again(loop, endpoint):
    """What is added for the number later has nothing to do with the endpoint."""
    protocol = await endpoint()
    fd = protocol.transport.get_extra_info("socket").fileno()
    protocol.transport.close()
    await protocol.until("connection_lost")
    left, right = socket.socketpair()
    with left, right:
        assert fd in (left.fileno(), right.fileno())
        seen = loop.create_future()
        loop.add_reader(left, seen.set_result, None)
        right.send(b"x")
        await seen
        loop.remove_reader(left)


async def test_socket_closed_by_its_program(loop, endpoint, on_asyncio, asyncio_fault):
    asyncio_fault(True, "the number may be another's already", run=False)
    sock = plain()
    protocol = await endpoint(sock=sock)
    with plain() as peer:
        address = sock.getsockname()
        sock.close()
        peer.sendto(b"x", address)
        assert await protocol.got(1) == [b"x"]
        protocol.transport.sendto(b"y", peer.getsockname())
        assert peer.recv(10) == b"y"


async def test_out_of_descriptors(loop, open_descriptors):
    import resource

    before = open_descriptors()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    made = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (before + 8, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                made.append(
                    await loop.create_datagram_endpoint(Endpoint, local_addr=("127.0.0.1", 0))
                )
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert made
    for transport, _ in made:
        transport.close()
    for _, protocol in made:
        await protocol.until("connection_lost")
    assert open_descriptors() == before


async def test_waiter_that_is_cancelled_closes(loop):
    protocol = Endpoint()
    making = asyncio.ensure_future(
        loop.create_datagram_endpoint(lambda: protocol, local_addr=("127.0.0.1", 0))
    )
    while not protocol.calls:
        await asyncio.sleep(0)
    if making.done():
        (await making)[0].close()
    else:
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making
    await protocol.until("connection_lost")
