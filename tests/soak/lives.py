"""The lives of a connection, as a client leads them: each comes, does its thing and goes.

A life checks what it gets back. It raises when that is wrong, and when nothing comes.
"""

import asyncio
import contextlib
import random
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

from .server import ABORT, CLOSE

RESET = struct.pack("ii", 1, 0)
# Ports of one address would run out: each connection that we close first keeps its own for a
# minute. Nor are they to be missing on 0.0.0.0 meanwhile, see `_share_port`.
SOURCES = [f"127.0.0.{number}" for number in range(2, 34)]
STREAMS = ("streams", "unix-streams", "tls")
PROTOCOLS = ("protocol", "unix-protocol", "buffered", "unix-buffered")


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _share_port(transport: asyncio.BaseTransport) -> None:
    """Let a server for all addresses have the port of a connection that is closed.

    For a minute most free ports of 127.0.0.1 would be refused to it otherwise.
    """
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


class WrongEchoError(Exception):
    """What came back is not what was sent."""


class Client(asyncio.Protocol):
    """Awaits its echo: `await protocol.received(size)`."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.data = bytearray()
        self.wanted = 0
        self.waiter: asyncio.Future[None] | None = None
        self.paused = False
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.data += data
        if self.waiter is not None and len(self.data) >= self.wanted and not self.waiter.done():
            self.waiter.set_result(None)

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)
        if not self.lost.done():
            self.lost.set_result(exc)

    async def received(self, size: int) -> bytes:
        """The next `size` bytes; fewer when the connection is lost."""
        if len(self.data) < size and not self.lost.done():
            self.wanted = size
            self.waiter = asyncio.get_running_loop().create_future()
            await self.waiter
            self.waiter = None
        data = bytes(self.data[:size])
        del self.data[:size]
        return data


class Lives:
    """Makes connections to the servers at `places` and leads lives on them."""

    def __init__(self, places: dict[str, Any], count: Callable[..., None]) -> None:
        self.places = places
        self.count = count
        self.over = False
        self.pauses: set[asyncio.Future[None]] = set()
        # How long a pause in a life is at most; `steer` changes it.
        self.pace = 0.2
        # How many wait at the door.
        self.queued = 0
        self.random = random.Random(1)
        # Fewer at a time than the backlogs of the servers hold.
        self.door = asyncio.Semaphore(200)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        # Messages are parts of it, so that making one costs little.
        self.noise = self.random.randbytes(1 << 20)
        self.kinds: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self.exchange_by_protocol, 30),
            (self.exchange_by_streams, 30),
            (self.half_close, 8),
            (self.reset, 8),
            (self.byte_by_byte, 4),
            (self.stall, 2),
            (self.come_and_go, 6),
            (self.closed_by_the_server, 6),
            (self.cancelled_while_connecting, 3),
            (self.cancelled_while_reading, 3),
        ]

    def choose(self) -> Callable[[], Awaitable[None]]:
        functions, weights = zip(*self.kinds, strict=True)
        return self.random.choices(functions, weights)[0]

    def message(self, most: int = 4096) -> bytes:
        """Never begins like a command to the server: it begins with a space."""
        size = self.random.randrange(1, most)
        start = self.random.randrange(len(self.noise) - size)
        return b" " + self.noise[start : start + size]

    def steer(self, connections: int) -> None:
        """Make longer lives when many wait to be born, shorter ones when hardly any does.

        So nearly all connections are open at a time, whatever the machine can do.
        """
        if self.queued > connections * 0.04:
            self.pace = min(self.pace * 1.05, 40.0)
        elif self.queued < connections * 0.01:
            self.pace *= 0.97

    async def wait(self) -> None:
        if self.over:
            return
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        timer = loop.call_later(self.random.random() * self.pace, _wake, waiter)
        self.pauses.add(waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self.pauses.discard(waiter)

    def end(self) -> None:
        """No more pauses."""
        self.over = True
        for waiter in self.pauses:
            _wake(waiter)

    @contextlib.asynccontextmanager
    async def entrance(self) -> AsyncIterator[None]:
        self.queued += 1
        try:
            await self.door.acquire()
        finally:
            self.queued -= 1
        try:
            yield
        finally:
            self.door.release()

    def kind(self, kinds: tuple[str, ...]) -> str:
        # TLS costs a hundred times as much as the rest: one connection in forty.
        if "tls" in kinds and self.random.randrange(40):
            kinds = tuple(kind for kind in kinds if kind != "tls")
        return self.random.choice(kinds)

    async def protocol(self) -> Client:
        kind = self.kind(PROTOCOLS)
        loop = asyncio.get_running_loop()
        async with self.entrance():
            if kind.startswith("unix"):
                _, client = await loop.create_unix_connection(Client, self.places[kind])
            else:
                _, client = await loop.create_connection(
                    Client,
                    "127.0.0.1",
                    self.places[kind],
                    local_addr=(self.random.choice(SOURCES), 0),
                )
                _share_port(client.transport)
        self.count("connections")
        return client

    async def streams(
        self, kinds: tuple[str, ...] = STREAMS
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        kind = self.kind(kinds)
        async with self.entrance():
            if kind.startswith("unix"):
                pair = await asyncio.open_unix_connection(self.places[kind])
            else:
                pair = await asyncio.open_connection(
                    "127.0.0.1",
                    self.places[kind],
                    ssl=self.context if kind == "tls" else None,
                    local_addr=(self.random.choice(SOURCES), 0),
                )
                _share_port(pair[1].transport)
        self.count("connections")
        return pair

    def check(self, sent: bytes, received: bytes) -> None:
        if sent != received:
            raise WrongEchoError(f"{len(received)} bytes came back, {len(sent)} were sent")
        self.count("messages")
        self.count("bytes", len(sent))

    async def exchange_by_protocol(self) -> None:
        client = await self.protocol()
        try:
            for _ in range(self.random.randrange(1, 6)):
                message = self.message()
                client.transport.write(message)
                self.check(message, await client.received(len(message)))
                await self.wait()
        finally:
            client.transport.close()
        await client.lost

    async def exchange_by_streams(self) -> None:
        reader, writer = await self.streams()
        try:
            for _ in range(self.random.randrange(1, 6)):
                message = self.message(20000)
                writer.write(message)
                await writer.drain()
                self.check(message, await reader.readexactly(len(message)))
                await self.wait()
        finally:
            writer.close()
        await writer.wait_closed()

    async def half_close(self) -> None:
        reader, writer = await self.streams(("streams", "unix-streams"))
        try:
            message = self.message(100_000)
            writer.write(message)
            writer.write_eof()
            self.check(message, await reader.read(-1))
        finally:
            writer.close()
        await writer.wait_closed()

    async def reset(self) -> None:
        client = await self.protocol()
        try:
            message = self.message()
            client.transport.write(message)
            self.check(message, await client.received(len(message)))
            await self.wait()
            client.transport.write(message)
            sock = client.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        finally:
            client.transport.abort()
        await client.lost

    async def byte_by_byte(self) -> None:
        client = await self.protocol()
        try:
            message = self.message(24)
            for number in range(len(message)):
                byte = message[number : number + 1]
                client.transport.write(byte)
                self.check(byte, await client.received(1))
        finally:
            client.transport.close()
        await client.lost

    async def stall(self) -> None:
        """Writes much and reads nothing for a while: all buffers on the way are full."""
        client = await self.protocol()
        try:
            message = self.message(2) + self.noise[:700_000]
            client.transport.pause_reading()
            client.transport.write(message)
            await self.wait()
            client.transport.resume_reading()
            if self.random.randrange(2):
                self.check(message, await client.received(len(message)))
        finally:
            client.transport.abort()
        await client.lost

    async def come_and_go(self) -> None:
        client = await self.protocol()
        client.transport.close()
        await client.lost

    async def closed_by_the_server(self) -> None:
        reader, writer = await self.streams()
        try:
            writer.write(self.random.choice((CLOSE, ABORT)))
            if await reader.read(1):
                raise WrongEchoError("the server echoed instead of closing")
        except ConnectionResetError:
            pass
        finally:
            writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    async def cancelled_while_connecting(self) -> None:
        client = None
        try:
            async with asyncio.timeout(self.random.random() * 0.004):
                client = await self.protocol()
        except TimeoutError:
            self.count("cancelled")
        finally:
            if client is not None:
                client.transport.close()
                await client.lost

    async def cancelled_while_reading(self) -> None:
        reader, writer = await self.streams()
        try:
            async with asyncio.timeout(self.random.random() * min(self.pace, 5.0)):
                await reader.read(1)
        except TimeoutError:
            self.count("cancelled")
        finally:
            writer.close()
        await writer.wait_closed()
