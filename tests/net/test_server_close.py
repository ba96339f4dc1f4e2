"""The life of a server: start_serving, serve_forever, close, wait_closed."""

import asyncio
import gc
import sys
import weakref

import pytest

from .peer import clog, polled
from .recorder import Recorder

WAITS = sys.version_info >= (3, 12)  # wait_closed() waits for the connections
CLIENTS = pytest.mark.skipif(sys.version_info < (3, 13), reason="since Python 3.13")


@pytest.fixture
def serve(loop):
    """Make a server with one connection: `server, accepted, transport, client = await serve()`."""

    async def start():
        protocols = []

        def factory():
            protocols.append(Recorder())
            return protocols[-1]

        server = await loop.create_server(factory, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        transport, client = await loop.create_connection(Recorder, *address)
        while not protocols:
            await polled()
        await protocols[0].until("connection_made")
        return server, protocols[0], transport, client

    return start


async def finish(*ends):
    for transport, protocol in ends:
        transport.close()
        await protocol.until("connection_lost")


async def test_not_started(loop):
    server = await loop.create_server(Recorder, "127.0.0.1", 0, start_serving=False)
    assert not server.is_serving()
    address = server.sockets[0].getsockname()
    with pytest.raises(ConnectionRefusedError):
        await loop.create_connection(Recorder, *address)
    await server.start_serving()
    assert server.is_serving()
    await server.start_serving()
    transport, client = await loop.create_connection(Recorder, *address)
    await finish((transport, client))
    await polled()
    server.close()
    assert not server.is_serving()
    await server.wait_closed()


async def test_never_started(loop):
    server = await loop.create_server(Recorder, "127.0.0.1", 0, start_serving=False)
    server.close()
    await server.wait_closed()
    assert server.sockets == ()


async def test_close_twice(serve):
    server, accepted, transport, client = await serve()
    await finish((transport, client))
    await accepted.until("connection_lost")
    server.close()
    server.close()
    await server.wait_closed()
    await server.wait_closed()


async def test_start_after_close(loop):
    server = await loop.create_server(Recorder, "127.0.0.1", 0)
    server.close()
    with pytest.raises((TypeError, RuntimeError)):
        await server.start_serving()
    await server.wait_closed()


async def test_close_leaves_the_connections(serve):
    server, accepted, transport, client = await serve()
    server.close()
    transport.write(b"question")
    await accepted.until("data_received")
    accepted.transport.write(b"answer")
    await client.until("data_received")
    assert client.received == b"answer"
    await finish((transport, client))
    await accepted.until("connection_lost")
    await server.wait_closed()


async def test_wait_closed_before_close(loop):
    server = await loop.create_server(Recorder, "127.0.0.1", 0)
    waiting = asyncio.create_task(server.wait_closed())
    await polled()
    assert not waiting.done()
    server.close()
    await waiting


@pytest.mark.skipif(not WAITS, reason="since Python 3.12")
async def test_wait_closed_waits_for_the_connections(serve):
    server, accepted, transport, client = await serve()
    server.close()
    waiting = [asyncio.create_task(server.wait_closed()) for _ in range(2)]
    await polled()
    assert not any(task.done() for task in waiting)
    await finish((transport, client))
    await asyncio.gather(*waiting)
    assert "connection_lost" in accepted.calls


@pytest.mark.skipif(WAITS, reason="until Python 3.11")
async def test_wait_closed_of_old_returns_at_once(serve):
    server, accepted, transport, client = await serve()
    server.close()
    await server.wait_closed()
    assert "connection_lost" not in accepted.calls
    await finish((transport, client))
    await accepted.until("connection_lost")


@pytest.mark.skipif(not WAITS, reason="since Python 3.12")
async def test_wait_closed_waits_for_a_connection_that_is_closing(serve):
    server, accepted, transport, client = await serve()
    transport.pause_reading()
    await clog(accepted.transport)
    accepted.transport.close()
    server.close()
    waiting = asyncio.create_task(server.wait_closed())
    await polled()
    assert not waiting.done()
    transport.resume_reading()
    await waiting
    await client.until("connection_lost")


async def test_async_with(loop):
    async with await loop.create_server(Recorder, "127.0.0.1", 0) as server:
        assert server.is_serving()
    assert not server.is_serving()
    assert server.sockets == ()


async def test_async_with_an_error_inside(loop):
    with pytest.raises(ZeroDivisionError):
        async with await loop.create_server(Recorder, "127.0.0.1", 0) as server:
            raise ZeroDivisionError
    assert not server.is_serving()


async def test_serve_forever(loop):
    server = await loop.create_server(Recorder, "127.0.0.1", 0, start_serving=False)
    address = server.sockets[0].getsockname()
    task = asyncio.create_task(server.serve_forever())
    await polled()
    assert server.is_serving()
    await finish(await loop.create_connection(Recorder, *address))
    await polled()
    with pytest.raises(RuntimeError, match="is already being awaited on serve_forever"):
        await server.serve_forever()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not server.is_serving()
    assert server.sockets == ()
    with pytest.raises(RuntimeError, match="is closed"):
        await server.serve_forever()


async def test_close_ends_serve_forever(loop):
    server = await loop.create_server(Recorder, "127.0.0.1", 0)
    task = asyncio.create_task(server.serve_forever())
    await polled()
    server.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    await server.wait_closed()


@CLIENTS
async def test_close_clients(serve):
    server, accepted, transport, client = await serve()
    transport.pause_reading()
    data = await clog(accepted.transport)
    server.close()
    server.close_clients()
    assert accepted.transport.is_closing()
    assert "connection_lost" not in accepted.calls
    transport.resume_reading()
    await client.until("connection_lost")
    assert client.received == data
    await accepted.until("connection_lost")
    assert accepted.exception is None
    await server.wait_closed()


@CLIENTS
async def test_abort_clients(serve):
    server, accepted, transport, client = await serve()
    transport.pause_reading()
    await clog(accepted.transport)
    server.close()
    server.abort_clients()
    await accepted.until("connection_lost")
    assert accepted.exception is None
    await server.wait_closed()
    transport.resume_reading()
    await client.until("connection_lost")


@CLIENTS
async def test_clients_of_an_open_server(serve, loop):
    server, accepted, _, client = await serve()
    server.close_clients()
    await accepted.until("connection_lost")
    await client.until("connection_lost")
    assert server.is_serving()
    await finish(await loop.create_connection(Recorder, *server.sockets[0].getsockname()))
    await polled()
    server.abort_clients()
    await polled()
    server.close()
    server.close_clients()
    server.abort_clients()
    await server.wait_closed()


@CLIENTS
@pytest.mark.parametrize("transport_is_dropped", [False, True])
async def test_closed_transports_are_no_clients(serve, transport_is_dropped):
    server, accepted, transport, client = await serve()
    reference = weakref.ref(accepted.transport)
    await finish((transport, client))
    await accepted.until("connection_lost")
    if transport_is_dropped:
        accepted.transport = None
        gc.collect()
        assert reference() is None
    server.abort_clients()
    assert accepted.calls.count("connection_lost") == 1
    server.close()
    await server.wait_closed()


async def test_close_while_connections_wait_in_the_queue(loop):
    # What the kernel has completed and nobody has accepted is reset.
    server = await loop.create_server(Recorder, "127.0.0.1", 0, start_serving=False)
    await server.start_serving()
    connections = [
        await loop.create_connection(Recorder, *server.sockets[0].getsockname()) for _ in range(3)
    ]
    server.close()
    for _, client in connections:
        await polled()
        client.transport.close()
        await client.until("connection_lost")
    await polled()
    await server.wait_closed()


async def test_close_from_inside_a_connection(loop):
    servers = []

    class Closes(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            servers[0].close()
            transport.close()

    servers.append(await loop.create_server(Closes, "127.0.0.1", 0))
    _, client = await loop.create_connection(Recorder, *servers[0].sockets[0].getsockname())
    await client.until("connection_lost")
    await servers[0].wait_closed()


async def test_loop_lists_no_server_after_close(loop):
    server = await loop.create_server(Recorder, "127.0.0.1", 0)
    reference = weakref.ref(server)
    server.close()
    await server.wait_closed()
    del server
    gc.collect()
    assert reference() is None
