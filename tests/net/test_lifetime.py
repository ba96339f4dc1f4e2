"""Who keeps whom alive: transports, protocols and the collector."""

import asyncio
import gc
import socket
import sys
import threading
import warnings
import weakref

import pytest

from .peer import Peer, polled
from .recorder import BufferedRecorder, Recorder

KINDS = pytest.mark.parametrize("kind", [Recorder, BufferedRecorder])


@KINDS
async def test_cycle_is_collected_after_close(loop, listener, kind):
    transport, protocol = await loop.create_connection(kind, *listener.getsockname())
    assert protocol.transport is transport
    references = [weakref.ref(transport), weakref.ref(protocol)]
    transport.close()
    await protocol.until("connection_lost")
    await polled()
    del transport, protocol
    gc.collect()
    assert [reference() for reference in references] == [None, None]
    listener.accept()[0].close()


async def test_attributes_of_a_transport_are_collected(loop, listener):
    transport, protocol = await loop.create_connection(Recorder, *listener.getsockname())
    transport.itself = transport
    reference = weakref.ref(transport)
    transport.close()
    await protocol.until("connection_lost")
    await polled()
    del transport, protocol
    gc.collect()
    assert reference() is None
    listener.accept()[0].close()


async def test_closed_connection_needs_no_collector(loop, listener, asyncio_fault):
    asyncio_fault(
        sys.version_info < (3, 13), "the transport holds a method of its own", fixed_later=True
    )
    # After connection_lost the transport lets its protocol go: the cycle is broken.
    gc.collect()
    gc.disable()
    try:
        transport, protocol = await loop.create_connection(Recorder, *listener.getsockname())
        references = [weakref.ref(transport), weakref.ref(protocol)]
        transport.close()
        await protocol.until("connection_lost")
        await polled()
        assert transport.get_protocol() is None
        del transport, protocol
        assert [reference() for reference in references] == [None, None]
    finally:
        gc.enable()
    listener.accept()[0].close()


async def test_open_connection_is_kept_by_the_loop(loop, listener):
    # Nobody but the loop holds the server's end of a connection.
    transport, protocol = await loop.create_connection(Recorder, *listener.getsockname())
    received = protocol.received
    lost = loop.create_future()
    protocol.connection_lost = lost.set_result
    del transport, protocol
    gc.collect()
    peer = Peer(loop, listener.accept()[0])
    peer.send(b"data")
    await polled()
    gc.collect()
    assert received == b"data"
    peer.close()
    assert await lost is None


async def dropped(loop, listener, kind=Recorder):
    """Open a connection that the loop does not watch, and return references to its parts."""
    transport, _ = await loop.create_connection(kind, *listener.getsockname())
    await polled()
    transport.pause_reading()
    return transport.get_extra_info("socket").fileno(), weakref.ref(transport)


@KINDS
async def test_transport_dropped_unclosed_warns_and_closes(loop, listener, kind):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _, reference = await dropped(loop, listener, kind)
        gc.collect()
    assert {warning.category for warning in caught} == {ResourceWarning}
    messages = [str(warning.message) for warning in caught]
    # A warning holds its source, which asyncio gives.
    caught.clear()
    gc.collect()
    assert reference() is None
    assert sum(text.startswith("unclosed transport <") for text in messages) == 1
    conn, _ = listener.accept()
    with conn:
        assert conn.recv(1) == b""


async def test_accepted_transport_dropped_unclosed_lets_the_server_go(loop, asyncio_fault):
    asyncio_fault(sys.version_info[:2] == (3, 12), "3.12 may wait for it for ever", run=False)

    def factory():
        protocol = Recorder()
        protocols.append(weakref.ref(protocol))
        protocol.connection_made = lambda transport: transport.pause_reading()
        return protocol

    protocols = []
    server = await loop.create_server(factory, "127.0.0.1", 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transport, client = await loop.create_connection(Recorder, *server.sockets[0].getsockname())
        while not protocols:
            await polled()
        await polled()
        if protocols[0]() is not None:
            # 3.11 reads in spite of a pause in connection_made, so the loop keeps it.
            protocols[0]().connection_lost = lambda exc: None
            transport.close()
        gc.collect()
        await client.until("connection_lost")
        gc.collect()
    server.close()
    await server.wait_closed()


def test_loop_closed_with_live_transports(loop_factory, listener):
    loop = loop_factory()
    protocols = [Recorder() for _ in range(3)]

    async def main():
        for protocol in protocols:
            await loop.create_connection(lambda: protocol, *listener.getsockname())  # noqa: B023

    loop.run_until_complete(main())
    transports = [protocol.transport for protocol in protocols]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loop.close()
        for transport in transports:
            assert not transport.is_closing()
            repr(transport)
        for protocol in protocols:
            protocol.transport = None
        del transports, transport, protocol
        protocols.clear()
        gc.collect()
    messages = [str(warning.message) for warning in caught]
    assert sum(text.startswith("unclosed transport") for text in messages) == 3
    for _ in range(3):
        conn, _ = listener.accept()
        with conn:
            assert conn.recv(1) == b""


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_transport_used_after_its_loop_is_closed(loop_factory, listener):
    loop = loop_factory()
    transport, protocol = loop.run_until_complete(
        loop.create_connection(Recorder, *listener.getsockname())
    )
    loop.close()
    transport.write(b"x")  # sent at once, or dropped; it must not crash
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        transport.close()
    assert transport.get_extra_info("peername") == listener.getsockname()
    assert protocol.calls == ["connection_made"]
    protocol.transport = None
    del transport, protocol
    gc.collect()
    listener.accept()[0].close()


def test_server_of_a_closed_loop(loop_factory):
    loop = loop_factory()
    server = loop.run_until_complete(loop.create_server(Recorder, "127.0.0.1", 0))
    address = server.sockets[0].getsockname()
    loop.close()
    server.close()
    assert not server.is_serving()
    with socket.socket() as sock, pytest.raises(ConnectionRefusedError):
        sock.connect(address)


async def test_last_reference_dropped_on_another_thread(loop, listener, start_thread):
    box = []
    transport, protocol = await loop.create_connection(Recorder, *listener.getsockname())
    reference = weakref.ref(transport)
    transport.close()
    await protocol.until("connection_lost")
    await polled()
    protocol.transport = None
    box.append(transport)
    del transport
    gone = threading.Event()

    def drop():
        box.clear()
        gc.collect()  # asyncio's transport of 3.11 is a cycle
        gone.set()

    start_thread(drop)
    assert gone.wait(10)
    assert reference() is None
    listener.accept()[0].close()


async def test_collected_while_it_calls(connect):
    # Every callback may run the collector, and drop what the test holds.
    class Collects(Recorder):
        def note(self, name):
            super().note(name)
            gc.collect()

    transport, protocol, peer = await connect(Collects())
    peer.send(b"data")
    await protocol.until("data_received")
    transport.write(b"x" * 1_000_000)
    peer.shutdown()
    assert await peer.recv_exactly(1_000_000)
    await protocol.until("connection_lost")
    assert protocol.calls[-1] == "connection_lost"


async def test_finalizer_that_closes_the_transport(loop, listener):
    class Finalized(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def __del__(self):
            self.transport.abort()

    transport = (await loop.create_connection(Finalized, *listener.getsockname()))[0]
    lost = Recorder()
    transport.set_protocol(lost)  # the old protocol goes, and aborts
    assert transport.is_closing()
    await lost.until("connection_lost")
    listener.accept()[0].close()


async def test_thousand_connections_leave_nothing(loop, open_descriptors):
    class Echo(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            self.transport.write(data)

    async def exchange(address):
        transport, protocol = await loop.create_connection(Recorder, *address)
        transport.write(b"data")
        await protocol.until("data_received")
        transport.close()
        await protocol.until("connection_lost")

    async with await loop.create_server(Echo, "127.0.0.1", 0) as server:
        address = server.sockets[0].getsockname()
        await exchange(address)
        await polled(5)
        before = open_descriptors()
        count = len(gc.get_objects())
        for _ in range(20):
            await asyncio.gather(*(exchange(address) for _ in range(50)))
        await polled(5)
        assert open_descriptors() == before
        assert len(gc.get_objects()) < count + 2000
