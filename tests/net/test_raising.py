"""Protocol callbacks that raise: who is told, and what becomes of the connection."""

import asyncio
import gc

import pytest

from .peer import Peer, clog, polled
from .recorder import BufferedRecorder, Recorder


class Failure(Exception):
    """What the callbacks here raise."""


class BaseFailure(BaseException):
    """An exception that `except Exception` does not catch."""


ERRORS = pytest.mark.parametrize("error", [Failure, BaseFailure, asyncio.CancelledError])
EXITS = pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])


def raising(base, method, error, times=1):
    """Make a recorder whose `method` raises the first `times` times."""
    left = [error(method) for _ in range(times)]

    def call(self, *args):
        answer = getattr(base, method)(self, *args)
        if left:
            raise left.pop()
        return answer

    call.__qualname__ = method
    return type(f"Raising{base.__name__}", (base,), {method: call})()


def check(contexts, message, error, transport, protocol):
    [context] = contexts
    assert set(context) == {"message", "exception", "transport", "protocol"}
    assert context["message"] == message
    assert type(context["exception"]) is error
    assert context["transport"] is transport
    assert context["protocol"] is protocol


READING = [
    (Recorder, "data_received"),
    (Recorder, "eof_received"),
    (BufferedRecorder, "get_buffer"),
    (BufferedRecorder, "buffer_updated"),
    (BufferedRecorder, "eof_received"),
]


@ERRORS
@pytest.mark.parametrize(("base", "method"), READING)
async def test_error_while_reading_fails_the_connection(connect, contexts, base, method, error):
    transport, protocol, peer = await connect(raising(base, method, error))
    peer.send(b"data")
    peer.shutdown()
    await protocol.until("connection_lost")
    check(contexts, f"Fatal error: protocol.{method}() call failed.", error, transport, protocol)
    assert protocol.exception is contexts[0]["exception"]
    assert transport.is_closing()
    assert protocol.calls.count("connection_lost") == 1


@pytest.mark.parametrize(("base", "method"), READING)
async def test_os_error_while_reading_is_not_reported(connect, contexts, base, method):
    # An OSError is taken for the network's, wherever it comes from.
    _, protocol, peer = await connect(raising(base, method, OSError))
    peer.send(b"data")
    peer.shutdown()
    await protocol.until("connection_lost")
    assert type(protocol.exception) is OSError
    assert contexts == []


@ERRORS
async def test_error_in_connection_made_leaves_the_connection(loop, listener, contexts, error):
    protocol = raising(Recorder, "connection_made", error)
    transport, made = await loop.create_connection(lambda: protocol, *listener.getsockname())
    assert made is protocol
    [context] = contexts
    assert type(context["exception"]) is error
    assert context["message"].startswith("Exception in callback ")
    assert "connection_made" in context["message"]
    peer = Peer(loop, listener.accept()[0])
    peer.send(b"data")
    await protocol.until("data_received")
    transport.close()
    assert await peer.recv_all() == b""
    peer.close()
    assert len(contexts) == 1


@ERRORS
@pytest.mark.parametrize("method", ["pause_writing", "resume_writing"])
async def test_error_in_flow_control_leaves_the_connection(connect, contexts, method, error):
    transport, protocol, peer = await connect(raising(Recorder, method, error))
    data = await clog(transport)
    assert await peer.recv_exactly(len(data)) == data
    await protocol.until("resume_writing")
    check(contexts, f"protocol.{method}() failed", error, transport, protocol)
    transport.write(b"goes on")
    transport.close()
    assert await peer.recv_all() == b"goes on"
    assert protocol.exception is None


@ERRORS
async def test_error_in_connection_lost_still_closes(connect, contexts, error):
    transport, protocol, peer = await connect(raising(Recorder, "connection_lost", error))
    sock = transport.get_extra_info("socket")
    transport.close()
    assert await peer.recv_all() == b""
    [context] = contexts
    assert type(context["exception"]) is error
    assert sock.fileno() == -1
    await polled()
    assert protocol.calls == ["connection_made", "connection_lost"]


async def test_error_in_connection_lost_lets_the_server_go(loop, contexts):
    protocols = []

    def factory():
        protocols.append(raising(Recorder, "connection_lost", Failure))
        return protocols[-1]

    server = await loop.create_server(factory, "127.0.0.1", 0)
    transport, client = await loop.create_connection(Recorder, *server.sockets[0].getsockname())
    while not protocols:
        await polled()
    transport.close()
    await protocols[0].until("connection_lost")
    server.close()
    await server.wait_closed()
    await client.until("connection_lost")
    assert [type(context["exception"]) for context in contexts] == [Failure]


async def test_connections_beside_a_failing_one_go_on(connect, contexts):
    _, failing, bad_peer = await connect(raising(Recorder, "data_received", Failure))
    _, healthy, peer = await connect()
    bad_peer.send(b"x")
    peer.send(b"one")
    await failing.until("connection_lost")
    peer.send(b" two")
    await healthy.until(lambda: healthy.received == b"one two")
    assert len(contexts) == 1


def fail(error):
    raise error("factory")


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize(
    ("factory", "error"),
    [
        (lambda: fail(Failure), Failure),
        (lambda: fail(BaseFailure), BaseFailure),
        (lambda: fail(KeyboardInterrupt), KeyboardInterrupt),
        (lambda: None, AttributeError),
        (object, AttributeError),
        (None, TypeError),
    ],
    ids=["Failure", "BaseFailure", "KeyboardInterrupt", "None", "object", "not-callable"],
)
def test_client_factory_that_fails(loop, listener, factory, error, asyncio_fault):
    asyncio_fault(True, "gh-153133: the socket is left to the collector", fixed_later=True)
    task = loop.create_task(loop.create_connection(factory, *listener.getsockname()))
    with pytest.raises(error):
        loop.run_until_complete(task)
    assert type(task.exception()) is error
    conn, _ = listener.accept()
    with conn:
        conn.setblocking(False)
        try:
            closed = conn.recv(1) == b""
        except BlockingIOError:
            closed = False
    task.exception().__traceback__ = None
    del task
    gc.collect()
    assert closed


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@ERRORS
@pytest.mark.parametrize("debug", [False, True])
async def test_server_factory_that_raises(loop, error, debug):
    # asyncio says so in debug mode only.
    left = [error("factory")]
    protocols = []
    contexts = []

    def handle(_loop, context):
        # The traceback keeps the accepted socket, and is part of a cycle.
        loop.call_soon(gc.collect)
        contexts.append((context["message"], type(context["exception"])))

    loop.set_exception_handler(handle)

    def factory():
        if left:
            raise left.pop()
        protocols.append(Recorder())
        return protocols[-1]

    loop.set_debug(debug)
    async with await loop.create_server(factory, "127.0.0.1", 0) as server:
        address = server.sockets[0].getsockname()
        _, refused = await loop.create_connection(Recorder, *address)
        await refused.until("connection_lost")
        transport, served = await loop.create_connection(Recorder, *address)
        transport.write(b"data")
        while not protocols:
            await polled()
        await protocols[0].until("data_received")
        transport.close()
        await served.until("connection_lost")
        await protocols[0].until("connection_lost")
    message = "Error on transport creation for incoming connection"
    assert contexts == ([(message, error)] if debug else [])


def raise_through(loop, coro, error):
    """Run the loop until `error` comes out, then let the coroutine's task end."""
    task = loop.create_task(coro)
    with pytest.raises(error):
        loop.run_until_complete(task)
    assert not task.done()
    return task


@EXITS
@pytest.mark.parametrize(("base", "method"), READING)
def test_exit_while_reading_leaves_the_loop(loop, connect, base, method, error):
    protocol = raising(base, method, error)

    async def provoke():
        _, _, peer = await connect(protocol)
        peer.send(b"data")
        peer.shutdown()
        await protocol.until("connection_lost")

    # The loop is usable, and the connection as it was: reading goes on.
    task = raise_through(loop, provoke(), error)
    if method == "eof_received":
        assert not protocol.transport.is_closing()
    loop.run_until_complete(task)
    assert protocol.exception is None


@EXITS
@pytest.mark.parametrize("method", ["pause_writing", "resume_writing"])
def test_exit_in_flow_control_leaves_the_loop(loop, connect, method, error):
    protocol = raising(Recorder, method, error)

    async def provoke():
        transport, _, peer = await connect(protocol)
        try:
            data = await clog(transport)
        except (KeyboardInterrupt, SystemExit):
            # pause_writing is called from inside write(), so its exit is ours.
            assert method == "pause_writing"
            transport.abort()
            raise
        await peer.recv_exactly(len(data))
        await protocol.until("connection_lost")

    task = loop.create_task(provoke())
    with pytest.raises(error):
        loop.run_until_complete(task)
    if method == "pause_writing":
        assert type(task.exception()) is error
        loop.run_until_complete(protocol.until("connection_lost"))
    else:
        assert not protocol.transport.is_closing()
        protocol.transport.close()
        loop.run_until_complete(task)


@EXITS
def test_exit_in_connection_lost_leaves_the_loop(loop, connect, error):
    protocol = raising(Recorder, "connection_lost", error)

    async def provoke():
        transport, _, peer = await connect(protocol)
        transport.close()
        await peer.recv_all()
        await loop.create_future()

    task = raise_through(loop, provoke(), error)
    sock = protocol.transport.get_extra_info("socket")
    assert sock.fileno() == -1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)


@EXITS
def test_exit_in_connection_made_leaves_the_loop(loop, connect, error):
    protocol = raising(Recorder, "connection_made", error)

    async def provoke():
        transport, _, peer = await connect(protocol)
        peer.send(b"data")
        await protocol.until("data_received")
        transport.close()
        await protocol.until("connection_lost")

    task = raise_through(loop, provoke(), error)
    loop.run_until_complete(task)
    assert protocol.calls == ["connection_made", "data_received", "connection_lost"]
