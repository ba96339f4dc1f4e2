"""Streams, threads and names, cancelled at every await."""

import asyncio
import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from .peer import polled
from .sweep import sweep

LARGE = bytes(range(256)) * 8192


@contextlib.asynccontextmanager
async def stream():
    """A stream and the plain socket at its other end."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=ours)
    with theirs:
        try:
            yield reader, writer, theirs
        finally:
            if not writer.is_closing():
                writer.transport.abort()
            # Up to 3.11, a cancelled wait_closed() cancels all others.
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()


READS = {
    "read": lambda reader: reader.read(100),
    "read-all": lambda reader: reader.read(),
    "readline": lambda reader: reader.readline(),
    "readexactly": lambda reader: reader.readexactly(5),
    "readuntil": lambda reader: reader.readuntil(b"\n"),
}


@pytest.mark.parametrize("method", READS)
async def test_reading(loop, method):
    """A read that is cancelled leaves its data to the next."""

    async def operation(cut):
        async with stream() as (reader, _, peer):

            def provoke():
                peer.send(b"line\n")
                peer.shutdown(socket.SHUT_WR)

            outcome = await cut(READS[method](reader), provoke)
            if outcome.cancelled and method != "read-all":
                assert await reader.readline() == b"line\n"
            elif not outcome.cancelled:
                assert outcome.value == b"line\n"

    await sweep(operation)


async def test_iterating(loop):
    async def operation(cut):
        async def iterate(reader):
            return [line async for line in reader]

        async with stream() as (reader, _, peer):

            def provoke():
                peer.send(b"1\n2\n3\n")
                peer.shutdown(socket.SHUT_WR)

            await cut(iterate(reader), provoke)

    await sweep(operation)


async def receive(sock):
    """Read to the end of the stream."""
    loop = asyncio.get_running_loop()
    received = 0
    while data := await loop.sock_recv(sock, 1 << 20):
        received += len(data)
    return received


async def test_draining(loop):
    """What is written goes out whoever waits for it."""

    async def operation(cut):
        async def write(writer):
            writer.write(LARGE)
            await writer.drain()

        async with stream() as (_, writer, peer):
            receiving = []
            await cut(
                write(writer),
                lambda: receiving.append(asyncio.ensure_future(receive(peer))),
            )
            writer.close()
            assert await receiving[0] == len(LARGE)

    await sweep(operation)


async def test_waiting_for_the_end(loop):
    async def operation(cut):
        async with stream() as (_, writer, peer):
            writer.write(LARGE)
            writer.close()
            receiving = []
            await cut(
                writer.wait_closed(),
                lambda: receiving.append(asyncio.ensure_future(receive(peer))),
            )
            assert await receiving[0] == len(LARGE)
            await polled()

    await sweep(operation)


async def test_sending_a_file(loop, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(LARGE)

    async def operation(cut):
        async with stream() as (_, writer, peer):
            with path.open("rb") as file:
                receiving = []
                outcome = await cut(
                    loop.sendfile(writer.transport, file),
                    lambda: receiving.append(asyncio.ensure_future(receive(peer))),
                )
                writer.close()
                received = await receiving[0]
                assert received == len(LARGE) or outcome.cancelled
                await polled()

    await sweep(operation)


async def test_name(loop):
    async def operation(cut):
        await cut(loop.getaddrinfo("localhost", 80))

    await loop.getaddrinfo("localhost", 80)
    await sweep(operation)


async def test_name_of_an_address(loop):
    async def operation(cut):
        await cut(loop.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICSERV))

    await loop.getnameinfo(("127.0.0.1", 80))
    await sweep(operation)


@pytest.mark.parametrize("way", ["run_in_executor", "to_thread"])
async def test_thread(loop, way):
    """The function goes on; who waited for it is gone."""

    async def operation(cut):
        go = threading.Event()
        with ThreadPoolExecutor(1) as executor:
            loop.set_default_executor(executor)
            call = loop.run_in_executor(None, go.wait) if way == "run_in_executor" else None
            outcome = await cut(call or asyncio.to_thread(go.wait), go.set)
            go.set()
        assert outcome.cancelled or outcome.value is True
        await polled()

    await sweep(operation)


PRIMITIVES = {
    "sleep": lambda: asyncio.sleep(0.001),
    "wait_for": lambda: asyncio.wait_for(asyncio.sleep(0.001), 10),
    "gather": lambda: asyncio.gather(*(asyncio.sleep(0.001) for _ in range(3))),
    "shield": lambda: asyncio.shield(asyncio.sleep(0)),
}


@pytest.mark.parametrize("name", PRIMITIVES)
async def test_primitive(loop, name):
    async def operation(cut):
        async def call():
            return await PRIMITIVES[name]()

        await cut(call())
        await polled()

    await sweep(operation)
