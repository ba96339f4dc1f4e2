"""Requests, cancelled at every await: nothing is left behind, and no answer goes to another.

See ../net/sweep.py. After each run the connector has nobody who leases or waits, and a request
works that follows.
"""

import asyncio
import base64
import contextlib
import hashlib
import io
import socket

import pytest

from aioxide import http

from ..net.peer import polled
from ..net.sweep import sweep
from ..net.tls import contexts_of
from .wire import fetch, settled

pytestmark = pytest.mark.usefixtures("loop")
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Echo:
    """A server that answers each request with its target and body, and knows its handlers."""

    def __init__(self):
        self.handlers = set()
        self.server = None

    async def start(self, context=None):
        self.server = await asyncio.start_server(self.handle, "127.0.0.1", 0, ssl=context)
        port = self.server.sockets[0].getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{port}"
        self.named = f"{'https' if context else 'http'}://localhost:{port}"
        return self

    async def handle(self, reader, writer):
        task = asyncio.current_task()
        self.handlers.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while True:
                    await self.answer(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            self.handlers.discard(task)

    async def answer(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        target = head.split(b" ")[1]
        body = b""
        for line in head.lower().split(b"\r\n"):
            name, _, value = line.partition(b": ")
            if name == b"content-length":
                body = await reader.readexactly(int(value))
            if name == b"sec-websocket-key":
                key = head.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
                await self.websocket(key, reader, writer)
        if target == b"/redirect":
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")
            return
        said = target + b" " + hashlib.sha256(body).hexdigest().encode()
        if target == b"/large":
            said = said.ljust(1_000_000)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said))
        await polled(1)
        for start in range(0, len(said), 200_000):
            writer.write(said[start : start + 200_000])
            await writer.drain()

    async def websocket(self, key, reader, writer):
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        while True:
            first, length = await reader.readexactly(2)
            mask = await reader.readexactly(4)
            data = await reader.readexactly(length & 127)
            data = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
            writer.write(bytes([first, len(data)]) + data)
            if first & 15 == 8:
                raise asyncio.IncompleteReadError(b"", 1)

    async def close(self):
        self.server.close()
        await polled()
        while self.handlers:
            await asyncio.wait(set(self.handlers))
        await self.server.wait_closed()


def said(target, body=b""):
    return f"{target} {hashlib.sha256(body).hexdigest()}".encode()


async def right(session, url, target, **options):
    """A request whose answer is its own."""
    body = options.get("data", b"")
    if hasattr(body, "getvalue"):
        body = body.getvalue()
    status, answer = await fetch(session, url + target, **options)
    assert status == 200
    assert answer.rstrip() == said(target, body)


@contextlib.asynccontextmanager
async def using(context=None, **options):
    """A server and a session, and what must hold at their end."""
    server = await Echo().start(context)
    connector = http.TCPConnector(**options)
    session = http.ClientSession(connector=connector)
    try:
        yield server, session
        stats = await settled(connector)
        assert not connector._acquired
        assert stats["leased"] == stats["waiting"] == 0
        if not session.closed:
            await right(session, server.url, "/after")
    finally:
        await session.close()
        await server.close()


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"headers": {"X": "y"}},
        {"method": "POST", "data": b"a body"},
        {"timeout": http.ClientTimeout(total=60, connect=50, sock_connect=40, sock_read=30)},
    ],
    ids=["plain", "headers", "body", "limits"],
)
async def test_request(before, options):
    async def operation(cut):
        async with using() as (server, session):
            for _ in range(before):
                await right(session, server.url, "/before")
            await cut(right(session, server.url, "/cut", **options))

    await sweep(operation)


@pytest.mark.parametrize("family", [0, socket.AF_INET])
async def test_request_by_name(loop, family):
    await loop.getaddrinfo("localhost", 80)

    async def operation(cut):
        async with using(family=family, use_dns_cache=True) as (server, session):
            await cut(right(session, server.named, "/cut"))

    await sweep(operation)


async def test_request_over_tls(tls_authority):
    server_context, client_context = contexts_of(tls_authority)

    async def operation(cut):
        async with using(server_context, ssl=client_context) as (server, session):
            server.url = server.named
            await cut(right(session, server.url, "/cut"))
            await right(session, server.url, "/next")

    await sweep(operation)


@pytest.mark.parametrize("before", [0, 1])
async def test_body_that_is_read_in_pieces(before):
    async def read(session, url):
        async with session.get(url + "/large") as response:
            received = bytearray()
            async for data in response.content.iter_chunked(300_000):
                received += data
        assert bytes(received.rstrip()) == said("/large")

    async def operation(cut):
        async with using() as (server, session):
            for _ in range(before):
                await right(session, server.url, "/before")
            await cut(read(session, server.url))

    await sweep(operation)


async def test_upload():
    """A body that does not fit the connection at once, and is read while it is sent."""
    data = bytes(range(256)) * 16384

    async def operation(cut):
        async with using() as (server, session):
            await cut(right(session, server.url, "/cut", method="PUT", data=io.BytesIO(data)))

    await sweep(operation)


async def test_redirect():
    async def follow(session, url):
        assert await fetch(session, url + "/redirect") == (200, said("/there"))

    async def operation(cut):
        async with using() as (server, session):
            await right(session, server.url, "/before")
            await cut(follow(session, server.url))

    await sweep(operation)


@pytest.mark.parametrize("place", ["first", "second"])
async def test_wait_for_a_slot(place):
    """One of two that wait is cut, and the other gets its turn."""

    async def operation(cut):
        async with using(limit=1) as (server, session):
            holder = await session.get(server.url + "/holds")
            other = right(session, server.url, "/other")
            mine = right(session, server.url, "/cut")

            async def wait_for_turn():
                if place == "first":
                    cutting = asyncio.ensure_future(mine)
                    await polled(1)
                    others.append(asyncio.ensure_future(other))
                else:
                    others.append(asyncio.ensure_future(other))
                    await polled(1)
                    cutting = asyncio.ensure_future(mine)
                try:
                    await cutting
                except asyncio.CancelledError:
                    cutting.cancel()
                    await asyncio.wait([cutting])
                    raise

            others = []
            releasing = asyncio.ensure_future(read_later(holder))
            await cut(wait_for_turn())
            await releasing
            if not others:
                other.close()
            if mine.cr_frame is not None and mine.cr_await is None and not mine.cr_running:
                mine.close()
            for task in others:
                await task

    await sweep(operation)


async def read_later(response):
    for _ in range(3):
        await polled(1)
    await response.read()


async def test_wait_for_a_slot_by_itself():
    async def operation(cut):
        async with using(limit=1) as (server, session):
            holder = await session.get(server.url + "/holds")
            releasing = asyncio.ensure_future(read_later(holder))
            await cut(right(session, server.url, "/cut"))
            await releasing

    await sweep(operation)


class Slow(http.AbstractResolver):
    """A resolver that answers after a few polls."""

    async def resolve(self, host, port=0, family=socket.AF_INET):
        await polled(3)
        return [
            {
                "hostname": host,
                "host": "127.0.0.1",
                "port": port,
                "family": socket.AF_INET,
                "proto": 0,
                "flags": 0,
            }
        ]

    async def close(self):
        pass


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("others", [0, 1])
async def test_look_up_of_a_name(cached, others):
    """Whoever waits for the same name gets it."""

    async def operation(cut):
        async with using(resolver=Slow(), use_dns_cache=cached) as (server, session):
            port = server.url.rpartition(":")[2]
            url = f"http://slow.example:{port}"
            tasks = [asyncio.ensure_future(right(session, url, "/other")) for _ in range(others)]
            await cut(right(session, url, "/cut"))
            for task in tasks:
                await task
            # A look-up that goes on for whoever comes next.
            await polled(6)

    await sweep(operation)


async def test_close_of_a_session(tls_authority):
    server_context, client_context = contexts_of(tls_authority)

    async def operation(cut):
        async with using(server_context, ssl=client_context) as (server, session):
            server.url = server.named
            await right(session, server.url, "/before")
            held = await session.get(server.url + "/large")
            await cut(session.close())
            held.close()
            if not session.closed:
                await session.close()

    await sweep(operation)


async def test_websocket():
    async def talk(session, url):
        async with session.ws_connect(url + "/ws") as websocket:
            await websocket.send_str("hello")
            assert await websocket.receive_str() == "hello"

    async def operation(cut):
        async with using() as (server, session):
            await right(session, server.url, "/before")
            await cut(talk(session, server.url))

    await sweep(operation)


async def test_receive_of_a_websocket():
    """What comes after a receive() that was cut is received by the next."""

    async def operation(cut):
        async with using() as (server, session):
            async with session.ws_connect(server.url + "/ws") as websocket:
                outcome = await cut(
                    websocket.receive(),
                    lambda: asyncio.ensure_future(websocket.send_str("one")),
                )
                if not outcome.cancelled:
                    assert outcome.value.data == "one"
                await websocket.send_str("two")
                received = (await websocket.receive()).data
                if outcome.cancelled and received == "one":
                    received = (await websocket.receive()).data
                assert received == "two"

    await sweep(operation)


async def test_close_of_a_websocket():
    async def operation(cut):
        async with using() as (server, session):
            websocket = await session.ws_connect(server.url + "/ws")
            await cut(websocket.close())
            assert websocket.closed
            await websocket.close()

    await sweep(operation)


async def test_many_at_random_leave_nothing(loop):
    """Three hundred requests over four connections, two of three cancelled at some time."""
    async with using(limit=4) as (server, session):
        tasks = []
        for number in range(300):
            tasks.append(asyncio.ensure_future(right(session, server.url, f"/{number}")))
            if number % 3:
                victim = tasks[(number * 7919) % len(tasks)]
                for _ in range(number % 5):
                    await asyncio.sleep(0)
                victim.cancel()
        done, _ = await asyncio.wait(tasks)
        for task in done:
            assert task.cancelled() or task.exception() is None
