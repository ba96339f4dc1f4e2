"""The context variables that protocol callbacks see: those that asyncio's see.

Up to 3.14 a callback runs in a copy of the context of whoever caused it. From 3.15 on all callbacks
of a connection run in one context, a copy that is made with the connection: what one of them sets,
the others see.
"""

import asyncio
import contextvars
import sys

import pytest

from .peer import Peer, clog, polled
from .recorder import BufferedRecorder, Recorder

VARIABLE = contextvars.ContextVar("variable", default="unset")
ONE_CONTEXT = sys.version_info >= (3, 15)


def noting(base):
    """Make a recorder that notes the variable in each call, then changes it."""

    class Noting(base):
        def __init__(self):
            super().__init__()
            self.seen = {}

        def note(self, name):
            self.seen.setdefault(name, []).append(VARIABLE.get())
            VARIABLE.set(name)
            super().note(name)

    return Noting()


def seen_later(before):
    """What a callback sees that runs after connection_made, which set the variable."""
    return "connection_made" if ONE_CONTEXT else before


KINDS = pytest.mark.parametrize("kind", [Recorder, BufferedRecorder])


@KINDS
async def test_client_callbacks(connect, kind):
    VARIABLE.set("creator")
    _, protocol, peer = await connect(noting(kind))
    VARIABLE.set("later")
    peer.send(b"one")
    await protocol.until("data_received")
    peer.send(b"two")
    await protocol.until(lambda: protocol.received == b"onetwo")
    peer.shutdown()
    await protocol.until("connection_lost")
    assert VARIABLE.get() == "later"
    assert protocol.seen == {
        "connection_made": ["creator"],
        # Reads share one context, a copy of the creator's: what one sets, the next sees.
        "data_received": [seen_later("creator"), "data_received"],
        "eof_received": ["data_received"],
        # The closing was scheduled from inside eof_received.
        "connection_lost": ["eof_received"],
    }


async def test_close_by_the_program(connect):
    VARIABLE.set("creator")
    transport, protocol, _ = await connect(noting(Recorder))
    VARIABLE.set("closer")
    transport.close()
    await protocol.until("connection_lost")
    assert protocol.seen["connection_lost"] == [seen_later("closer")]


async def test_abort_by_the_program(connect):
    transport, protocol, _ = await connect(noting(Recorder))
    VARIABLE.set("aborter")
    transport.abort()
    await protocol.until("connection_lost")
    assert protocol.seen["connection_lost"] == [seen_later("aborter")]


async def test_resumed_reads(connect):
    VARIABLE.set("creator")
    transport, protocol, peer = await connect(noting(Recorder))
    transport.pause_reading()
    VARIABLE.set("resumer")
    transport.resume_reading()
    VARIABLE.set("later")
    peer.send(b"data")
    await protocol.until("data_received")
    assert protocol.seen["data_received"] == [seen_later("resumer")]


async def test_flow_control(connect):
    VARIABLE.set("creator")
    transport, protocol, peer = await connect(noting(Recorder))
    VARIABLE.set("writer")
    # The first write that cannot be sent registers the writer, in the context of its caller.
    sock = transport.get_extra_info("socket")
    data = b"x" * 4_000_000
    transport.write(data)
    assert transport.get_write_buffer_size() > 0
    assert sock.fileno() >= 0
    assert protocol.seen["pause_writing"] == ["writer"]
    assert VARIABLE.get() == "pause_writing"
    VARIABLE.set("later")
    await peer.recv_exactly(len(data))
    await protocol.until("resume_writing")
    assert protocol.seen["resume_writing"] == [seen_later("writer")]


async def test_close_after_the_queue_is_sent(connect):
    transport, protocol, peer = await connect(noting(Recorder))
    VARIABLE.set("writer")
    data = b"x" * 4_000_000
    transport.set_write_buffer_limits(high=10_000_000)
    transport.write(data)
    VARIABLE.set("closer")
    transport.close()
    assert await peer.recv_all() == data
    await protocol.until("connection_lost")
    assert protocol.seen["connection_lost"] == [seen_later("writer")]


async def test_server_callbacks(loop):
    protocols = []

    def factory():
        protocols.append(noting(Recorder))
        protocols[-1].factory = VARIABLE.get()
        VARIABLE.set(f"factory {len(protocols)}")
        return protocols[-1]

    VARIABLE.set("creator")
    async with await loop.create_server(factory, "127.0.0.1", 0) as server:
        VARIABLE.set("later")
        for number in (1, 2):
            transport, client = await loop.create_connection(
                Recorder, *server.sockets[0].getsockname()
            )
            transport.write(b"data")
            while len(protocols) < number:
                await polled()
            protocol = protocols[-1]
            await protocol.until("data_received")
            transport.close()
            await client.until("connection_lost")
            await protocol.until("connection_lost")
            # Each connection has its own context: a copy of the server's.
            assert protocol.factory == "creator"
            assert protocol.seen["connection_made"] == [f"factory {number}"]
            assert protocol.seen["data_received"] == [seen_later(f"factory {number}")]


async def test_client_factory(loop, listener):
    VARIABLE.set("caller")

    def factory():
        assert VARIABLE.get() == "caller"
        VARIABLE.set("factory")
        return noting(Recorder)

    transport, protocol = await loop.create_connection(factory, *listener.getsockname())
    assert VARIABLE.get() == "factory"
    peer = Peer(loop, listener.accept()[0])
    peer.send(b"data")
    await protocol.until("data_received")
    # 3.15 makes the connection's context before it calls the factory.
    made_in = "caller" if ONE_CONTEXT else "factory"
    assert protocol.seen["connection_made"] == [made_in]
    assert protocol.seen["data_received"] == [seen_later(made_in)]
    peer.close()
    transport.close()
    await protocol.until("connection_lost")


async def test_task_started_in_a_callback_inherits_its_context(connect, loop):
    done = loop.create_future()

    async def child():
        done.set_result(VARIABLE.get())

    class Starts(Recorder):
        def data_received(self, data):
            VARIABLE.set("in data_received")
            self.task = asyncio.ensure_future(child())

    _, protocol, peer = await connect(Starts())
    peer.send(b"data")
    assert await done == "in data_received"
    await protocol.task


async def test_callbacks_of_a_clogged_transport_after_set_protocol(connect):
    transport, _, peer = await connect()
    VARIABLE.set("clogger")
    data = await clog(transport)
    VARIABLE.set("setter")
    new = noting(Recorder)
    transport.set_protocol(new)
    await peer.recv_exactly(len(data))
    await new.until("resume_writing")
    assert new.seen["resume_writing"] == ["unset" if ONE_CONTEXT else "clogger"]


async def test_server_that_starts_later(loop):
    """From 3.15 on its connections get the context of its making, before that of its start."""
    seen = loop.create_future()

    class Sees(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            seen.set_result(VARIABLE.get())
            transport.close()

    VARIABLE.set("made")
    server = await loop.create_server(Sees, "127.0.0.1", 0, start_serving=False)
    VARIABLE.set("started")
    async with server:
        await server.start_serving()
        VARIABLE.set("later")
        _, client = await loop.create_connection(Recorder, *server.sockets[0].getsockname())
        assert await seen == ("made" if ONE_CONTEXT else "started")
        await client.until("connection_lost")


@pytest.mark.parametrize("kind", [Recorder, BufferedRecorder])
async def test_every_callback_may_call_everything(connect, kind):
    """One context for all callbacks is entered once: nothing that a callback calls enters it."""

    class Calls(kind):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.set_write_buffer_limits(high=0)
            self.transport_calls()

        def note(self, name):
            super().note(name)
            if name not in ("connection_made", "get_buffer", "pause_writing"):
                self.transport_calls()

        def transport_calls(self):
            self.transport.pause_reading()
            self.transport.resume_reading()
            self.transport.write(b"answer")
            self.transport.get_write_buffer_size()

    _, protocol, peer = await connect(Calls())
    peer.send(b"question")
    await protocol.until(lambda: protocol.received == b"question")
    await peer.recv_exactly(12)
    peer.close()
    await protocol.until("connection_lost")


# TLS: its callbacks run in the context that the transport below has, but for what resume_reading()
# schedules, which runs in a copy of its caller's.


@KINDS
async def test_tls_callbacks(tls_connect, kind):
    VARIABLE.set("creator")
    _, protocol, peer = await tls_connect(noting(kind))
    VARIABLE.set("later")
    await peer.sendall(b"one")
    await protocol.until("data_received")
    await peer.sendall(b"two")
    await protocol.until(lambda: protocol.received == b"onetwo")
    await peer.close_notify()
    peer.shutdown()
    await protocol.until("connection_lost")
    assert VARIABLE.get() == "later"
    assert protocol.seen == {
        "connection_made": ["creator"],
        "data_received": ["connection_made", "data_received"],
        "eof_received": ["data_received"],
        "connection_lost": ["eof_received"],
    }


async def test_tls_close_by_the_program(tls_connect):
    transport, protocol, peer = await tls_connect(noting(Recorder))
    VARIABLE.set("closer")
    transport.close()
    # It is the peer's answer that ends the connection.
    await peer.close_notify()
    peer.shutdown()
    await protocol.until("connection_lost")
    assert protocol.seen["eof_received"] == ["connection_made"]
    assert protocol.seen["connection_lost"] == ["eof_received"]


async def test_tls_abort_by_the_program(tls_connect):
    transport, protocol, _ = await tls_connect(noting(Recorder))
    VARIABLE.set("aborter")
    transport.abort()
    await protocol.until("connection_lost")
    assert protocol.seen["connection_lost"] == [seen_later("aborter")]


async def test_tls_resumed_reads(tls_connect):
    transport, protocol, peer = await tls_connect(noting(Recorder))
    transport.pause_reading()
    await peer.sendall(b"data")
    peer.shutdown()
    await polled(4)
    VARIABLE.set("resumer")
    transport.resume_reading()
    VARIABLE.set("later")
    await protocol.until("connection_lost")
    assert protocol.seen["data_received"] == ["resumer"]
    assert protocol.seen["eof_received"] == ["data_received"]
    assert protocol.seen["connection_lost"] == [seen_later("eof_received")]


async def test_tls_flow_control(tls_connect):
    transport, protocol, peer = await tls_connect(noting(Recorder))
    transport.set_write_buffer_limits(high=100_000)
    VARIABLE.set("writer")
    written = 0
    while "pause_writing" not in protocol.calls:
        transport.write(bytes(65_536))
        written += 65_536
        await asyncio.sleep(0)
    VARIABLE.set("later")
    await peer.recv_exactly(written)
    await protocol.until("resume_writing")
    assert protocol.seen["pause_writing"] == ["writer"]
    assert protocol.seen["resume_writing"] == [seen_later("writer")]


async def test_tls_server_whose_task_resumes_reading(loop, tls_contexts):
    """What the task sets, no callback sees (gh-140947)."""
    server_context, client_context = tls_contexts
    protocols = []

    async def answer(transport):
        assert VARIABLE.get() == "data_received"
        VARIABLE.set("task")
        transport.pause_reading()
        await polled()
        VARIABLE.set("task resumes")
        transport.resume_reading()
        VARIABLE.set("task ends")

    def factory():
        protocol = noting(Recorder)
        protocol.factory = VARIABLE.get()
        protocol.task = None
        note = protocol.note

        def starting(name):
            note(name)
            if name == "data_received" and protocol.task is None:
                protocol.task = asyncio.ensure_future(answer(protocol.transport))

        protocol.note = starting
        VARIABLE.set("factory")
        protocols.append(protocol)
        return protocol

    VARIABLE.set("creator")
    async with await loop.create_server(factory, "127.0.0.1", 0, ssl=server_context) as server:
        VARIABLE.set("later")
        address = server.sockets[0].getsockname()
        transport, client = await loop.create_connection(
            Recorder, *address, ssl=client_context, server_hostname="localhost"
        )
        transport.write(b"question")
        while not protocols or protocols[0].task is None:
            await polled()
        (protocol,) = protocols
        await protocol.task
        transport.write(b"another")
        await protocol.until(lambda: protocol.received == b"questionanother")
        transport.close()
        await protocol.until("connection_lost")
        await client.until("connection_lost")
    assert protocol.factory == "creator"
    assert protocol.seen == {
        "connection_made": ["factory"],
        "data_received": ["connection_made", "data_received"],
        "eof_received": ["data_received"],
        "connection_lost": ["eof_received"],
    }


async def test_tls_client_factory(loop, tls_contexts):
    server_context, client_context = tls_contexts
    VARIABLE.set("caller")

    def factory():
        assert VARIABLE.get() == "caller"
        VARIABLE.set("factory")
        return noting(Recorder)

    async with await loop.create_server(Recorder, "127.0.0.1", 0, ssl=server_context) as server:
        address = server.sockets[0].getsockname()
        transport, protocol = await loop.create_connection(
            factory, *address, ssl=client_context, server_hostname="localhost"
        )
        made_in = "caller" if ONE_CONTEXT else "factory"
        assert protocol.seen["connection_made"] == [made_in]
        transport.close()
        await protocol.until("connection_lost")
