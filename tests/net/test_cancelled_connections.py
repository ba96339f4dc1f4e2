"""Connecting, cancelled at every await: no descriptor leaks, and a socket has one owner."""

import asyncio
import contextlib
import socket

import pytest

from .peer import polled
from .recorder import Recorder
from .sweep import sweep


async def dispose(outcome):
    """Close what a call has made that was not cancelled, or not in time."""
    if not outcome.cancelled:
        transport, protocol = outcome.value
        transport.close()
        await protocol.until("connection_lost")


@contextlib.asynccontextmanager
async def serving(start, *args, **options):
    """A server of echoing streams, and the handlers that have not ended."""
    handlers = set()

    async def echo(reader, writer):
        handlers.add(asyncio.current_task())
        try:
            with contextlib.suppress(OSError):
                while data := await reader.read(65536):
                    writer.write(data)
                    await writer.drain()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            handlers.discard(asyncio.current_task())

    server = await start(echo, *args, **options)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()
        await polled()
        while handlers:
            await asyncio.wait(set(handlers))
        await server.wait_closed()


def accept_all(listener):
    """Accept and close what has arrived."""
    listener.setblocking(False)
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"happy_eyeballs_delay": 0.25},
        {"happy_eyeballs_delay": 0},
        {"local_addr": ("127.0.0.1", 0)},
    ],
    ids=["plain", "happy-eyeballs", "no-delay", "local-address"],
)
async def test_connection_by_name(loop, listener, arguments, asyncio_fault):
    asyncio_fault(
        "happy_eyeballs_delay" in arguments, "the winner of the race is left open", run=False
    )
    port = listener.getsockname()[1]

    async def operation(cut):
        await dispose(
            await cut(
                loop.create_connection(
                    Recorder, "localhost", port, family=socket.AF_INET, **arguments
                )
            )
        )
        await polled()
        accept_all(listener)

    await loop.getaddrinfo("localhost", port)
    await sweep(operation)


async def test_connection_by_number(loop, listener):
    async def operation(cut):
        await dispose(await cut(loop.create_connection(Recorder, *listener.getsockname())))
        await polled()
        accept_all(listener)

    await sweep(operation)


@pytest.mark.parametrize("method", ["create_connection", "connect_accepted_socket"])
async def test_connection_of_a_socket(loop, method):
    """From the first await on, the transport owns the socket and closes it once."""

    async def operation(cut):
        ours, theirs = socket.socketpair()
        with theirs:
            await dispose(await cut(getattr(loop, method)(Recorder, sock=ours)))
            await polled()
            assert ours.fileno() == -1
            assert theirs.recv(1) == b""

    await sweep(operation)


async def test_cancelled_before_the_first_step_leaves_the_socket(loop):
    left, right = socket.socketpair()
    with left, right:
        task = asyncio.create_task(loop.create_connection(Recorder, sock=left))
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await polled()
        left.send(b"ours")
        assert right.recv(10) == b"ours"


async def test_stream(loop, listener):
    async def operation(cut):
        writers = []

        async def use():
            _, writer = await asyncio.open_connection(*listener.getsockname())
            writers.append(writer)

        await cut(use())
        for writer in writers:
            writer.close()
            await writer.wait_closed()
        await polled()
        accept_all(listener)

    await sweep(operation)


async def test_unix_connection(loop, tmp_path):
    async def operation(cut):
        async with serving(asyncio.start_unix_server, str(tmp_path / "socket")) as path:
            await dispose(await cut(loop.create_unix_connection(Recorder, path)))

    await sweep(operation)


async def test_unix_connection_of_a_socket(loop):
    async def operation(cut):
        ours, theirs = socket.socketpair()
        with theirs:
            await dispose(await cut(loop.create_unix_connection(Recorder, sock=ours)))
            await polled()
            assert ours.fileno() == -1

    await sweep(operation, ways=("at once", "when done"))


async def test_connection_by_tls(loop, server_context, client_context):
    async def operation(cut):
        async with serving(asyncio.start_server, "127.0.0.1", 0, ssl=server_context) as address:
            await dispose(
                await cut(
                    loop.create_connection(
                        Recorder, *address, ssl=client_context, server_hostname="localhost"
                    )
                )
            )

    await sweep(operation)


async def test_stream_by_tls(loop, server_context, client_context):
    async def operation(cut):
        async def use(address):
            reader, writer = await asyncio.open_connection(
                *address, ssl=client_context, server_hostname="localhost"
            )
            try:
                writer.write(b"question")
                await writer.drain()
                assert await reader.readexactly(8) == b"question"
            finally:
                writer.close()
            await writer.wait_closed()

        async with serving(asyncio.start_server, "127.0.0.1", 0, ssl=server_context) as address:
            await cut(use(address))

    await sweep(operation)


async def test_stream_over_a_unix_socket(loop, tmp_path):
    async def operation(cut):
        async def use(path):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                writer.write(b"question")
                await writer.drain()
                assert await reader.readexactly(8) == b"question"
            finally:
                writer.close()
            await writer.wait_closed()

        async with serving(asyncio.start_unix_server, str(tmp_path / "socket")) as path:
            await cut(use(path))

    await sweep(operation)


@pytest.mark.parametrize("side", ["client", "server"])
async def test_start_tls(loop, server_context, client_context, side):
    """One side is cut, the other fails or ends with it."""

    async def operation(cut):
        left, right = socket.socketpair()
        ends = [await loop.create_connection(Recorder, sock=sock) for sock in (left, right)]

        def upgrade(end, context, server_side):
            transport, protocol = end
            hostname = None if server_side else "localhost"
            return loop.start_tls(
                transport, protocol, context, server_side=server_side, server_hostname=hostname
            )

        contexts = [client_context, server_context]
        number = 0 if side == "client" else 1
        other = asyncio.ensure_future(
            upgrade(ends[1 - number], contexts[1 - number], side == "client")
        )
        outcome = await cut(upgrade(ends[number], contexts[number], side == "server"))
        if outcome.cancelled:
            ends[number][0].abort()
            await asyncio.wait([other])
            with contextlib.suppress(OSError):
                await other
            ends[1 - number][0].abort()
        else:
            outcome.value.close()
            (await other).close()
            for _, protocol in ends:
                await protocol.until("connection_lost")
        await polled()
        del ends, other

    await sweep(operation)


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self):
        self.lost = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc):
        self.lost.set_result(exc)


@pytest.mark.parametrize(
    "arguments",
    [
        {"local_addr": ("127.0.0.1", 0)},
        {"local_addr": ("localhost", 0), "family": socket.AF_INET},
        {"remote_addr": ("127.0.0.1", 9)},
        {"remote_addr": ("localhost", 9), "family": socket.AF_INET},
    ],
    ids=["local", "local-name", "remote", "remote-name"],
)
async def test_datagram_endpoint(loop, arguments):
    async def operation(cut):
        outcome = await cut(loop.create_datagram_endpoint(Datagrams, **arguments))
        if not outcome.cancelled:
            transport, protocol = outcome.value
            transport.close()
            await protocol.lost

    await loop.getaddrinfo("localhost", 1)
    await sweep(operation)
