"""Servers that say nothing: which limit ends the wait, and that the error names it.

Limits are short, and what they end never comes: a test waits for its limit and for nothing else.
"""

import asyncio
import contextlib
import io
import socket
import ssl
import time

import pytest

from aioxide import http

from ..net.peer import polled
from .wire import OK, answer, fetch, settled

SHORT = 0.05


def limit(**limits):
    return http.ClientTimeout(total=limits.pop("total", None), **limits)


class Nobody(http.AbstractResolver):
    """A resolver that never answers."""

    def __init__(self):
        self.asked = 0
        self.ended = 0

    async def resolve(self, host, port=0, family=socket.AF_INET):
        self.asked += 1
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.ended += 1

    async def close(self):
        pass


@pytest.fixture
def full(loop):
    """A listening socket whose queue is full: connecting to it takes for ever."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    others = []
    for _ in range(4):
        other = socket.socket()
        other.setblocking(False)
        other.connect_ex(listener.getsockname())
        others.append(other)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    for other in (*others, listener):
        other.close()


async def ends(asking, error, name):
    began = time.monotonic()
    with pytest.raises(error) as caught:
        await asking
    assert isinstance(caught.value, asyncio.TimeoutError)
    assert name in str(caught.value)
    assert time.monotonic() - began < 5
    return caught.value


async def test_silence_in_the_head_ends_sock_read(server, session):
    asking = asyncio.ensure_future(
        fetch(session, server.url, "POST", timeout=limit(sock_read=SHORT))
    )
    wire = await server.accept()
    await wire.request()
    wire.send(b"HTTP/1.1 200 OK\r\n")
    await ends(asking, http.SocketTimeoutError, "reading")
    assert await wire.is_closed()
    assert (await settled(session.connector))["idle"] == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_silence_in_the_body_ends_sock_read(server, session, stream):
    asking = asyncio.ensure_future(session.get(server.url, timeout=limit(sock_read=SHORT)))
    wire = await server.accept()
    await wire.request()
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all")
    response = await asking
    reading = response.content.read() if stream else response.read()
    await ends(reading, http.SocketTimeoutError, "reading")
    assert await wire.is_closed()


async def test_sock_read_of_the_session_counts_on_reused_connections(server, make_session):
    session = make_session(timeout=limit(sock_read=SHORT))
    _, (wire, _) = await asyncio.gather(fetch(session, server.url), server.answers(OK))
    asking = asyncio.ensure_future(fetch(session, server.url))
    await wire.request()
    await ends(asking, http.SocketTimeoutError, "reading")
    assert await wire.is_closed()


async def test_idle_connection_is_not_ended_by_sock_read(server, make_session, loop):
    session = make_session(timeout=limit(sock_read=SHORT))
    _, (wire, _) = await asyncio.gather(fetch(session, server.url), server.answers(OK))
    over = loop.create_future()
    loop.call_later(3 * SHORT, over.set_result, None)
    await over
    assert wire.is_silent()
    asking = asyncio.ensure_future(fetch(session, server.url))
    await wire.request()
    wire.send(answer(b"again"))
    assert await asking == (200, b"again")


@pytest.mark.parametrize("reused", [False, True])
async def test_sock_read_of_zero_is_no_limit(server, session, reused):
    limits = limit(sock_read=0)
    asking = asyncio.ensure_future(fetch(session, server.url, "POST", data=b"1", timeout=limits))
    wire = await server.accept()
    await wire.request()
    if reused:
        await wire.sendall(OK)
        await asking
        asking = asyncio.ensure_future(fetch(session, server.url, "PUT", timeout=limits))
        await wire.request()
    await polled(5)
    assert not asking.done()
    await wire.sendall(OK)
    assert await asking == (200, b"ok")


async def test_drip_does_not_end_sock_read_but_total(server, session, loop):
    """Each byte comes in time, and all of them do not."""
    asking = asyncio.ensure_future(
        fetch(session, server.url, timeout=limit(sock_read=10, total=4 * SHORT))
    )
    wire = await server.accept()
    await wire.request()
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")

    async def drip():
        while True:
            try:
                wire.sock.send(b"x")
            except OSError:
                return
            await polled()

    dripping = asyncio.ensure_future(drip())
    await ends(asking, asyncio.TimeoutError, "total")
    await dripping


@pytest.mark.parametrize("where", ["head", "body", "stream"])
@pytest.mark.parametrize("reused", [False, True])
async def test_total_names_itself(server, make_session, where, reused):
    session = make_session(timeout=limit(total=4 * SHORT))
    wire = None
    if reused:
        _, (wire, _) = await asyncio.gather(fetch(session, server.url), server.answers(OK))

    async def ask():
        async with session.get(server.url) as response:
            return await (response.content.read() if where == "stream" else response.read())

    asking = asyncio.ensure_future(ask())
    wire = wire or await server.accept()
    await wire.request()
    if where != "head":
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
    await ends(asking, asyncio.TimeoutError, "total")
    assert await wire.is_closed()
    assert (await settled(session.connector))["idle"] == 0


async def test_total_counts_from_the_first_of_several_tries(server, make_session):
    """A redirect, and a connection that is lost, do not begin it anew."""
    session = make_session(timeout=limit(total=4 * SHORT))
    _, (wire, _) = await asyncio.gather(fetch(session, server.url), server.answers(OK))
    began = time.monotonic()
    asking = asyncio.ensure_future(fetch(session, server.url))
    count = 0

    async def redirect_for_ever():
        nonlocal count, wire
        while True:
            request = await wire.request()
            count += 1
            assert request.target.startswith("/")
            loop = asyncio.get_running_loop()
            over = loop.create_future()
            loop.call_later(SHORT, lambda over=over: over.done() or over.set_result(None))
            await over
            wire.send(answer(b"", f"Location: /{count}", status="302 Found"))

    redirecting = asyncio.ensure_future(redirect_for_ever())
    await ends(asking, asyncio.TimeoutError, "total")
    assert 3 * SHORT < time.monotonic() - began < 6 * SHORT + 1
    assert count <= 5
    redirecting.cancel()
    await asyncio.wait([redirecting])
    assert redirecting.cancelled() or isinstance(redirecting.exception(), AssertionError)


async def test_connect_names_itself(session, full):
    await ends(
        fetch(session, full, timeout=limit(connect=SHORT)),
        http.ConnectionTimeoutError,
        "ClientTimeout.connect",
    )
    assert (await settled(session.connector))["idle"] == 0


async def test_sock_connect_names_itself(session, full):
    await ends(
        fetch(session, full, timeout=limit(sock_connect=SHORT)),
        http.ConnectionTimeoutError,
        "ClientTimeout.sock_connect",
    )


async def test_total_ends_connecting(session, full):
    await ends(fetch(session, full, timeout=limit(total=SHORT)), asyncio.TimeoutError, "total")
    await settled(session.connector)


async def test_pool_names_itself(server, make_session):
    session = make_session(connector=http.TCPConnector(limit=1))
    first = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await wire.request()
    await ends(
        fetch(session, server.url, timeout=limit(pool=SHORT)),
        http.ConnectionTimeoutError,
        "ClientTimeout.pool",
    )
    assert session.connector.stats()["waiting"] == 0
    wire.send(OK)
    assert await first == (200, b"ok")


async def test_connect_counts_the_wait_for_the_pool(server, make_session):
    session = make_session(connector=http.TCPConnector(limit=1))
    first = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await wire.request()
    await ends(
        fetch(session, server.url, timeout=limit(connect=SHORT)),
        http.ConnectionTimeoutError,
        "ClientTimeout.connect",
    )
    wire.send(OK)
    assert await first == (200, b"ok")


async def test_dns_names_itself(make_session):
    resolver = Nobody()
    session = make_session(connector=http.TCPConnector(resolver=resolver))
    await ends(
        fetch(session, "http://nobody.example/", timeout=limit(dns=SHORT)),
        http.ConnectionTimeoutError,
        "ClientTimeout.dns",
    )
    await settled(session.connector)
    await session.close()
    assert resolver.asked == resolver.ended == 1


async def test_tls_names_itself(server, session):
    """The server accepts and never shakes hands."""
    asking = asyncio.ensure_future(
        fetch(session, server.named("127.0.0.1", "https"), timeout=limit(tls=SHORT))
    )
    wire = await server.accept()
    await ends(asking, http.ConnectionTimeoutError, "ClientTimeout.tls")
    while await wire.recv():
        pass
    await settled(session.connector)


async def test_sock_connect_counts_the_handshake(server, session):
    asking = asyncio.ensure_future(
        fetch(session, server.named("127.0.0.1", "https"), timeout=limit(sock_connect=SHORT))
    )
    await server.accept()
    await ends(asking, http.ConnectionTimeoutError, "ClientTimeout.sock_connect")


async def test_tls_counts_in_a_tunnel(server, session):
    asking = asyncio.ensure_future(
        fetch(
            session,
            "https://inside.example/",
            proxy=server.url,
            timeout=limit(tls=SHORT),
            ssl=ssl.create_default_context(),
        )
    )
    wire = await server.accept()
    await wire.request()
    wire.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await ends(asking, http.ConnectionTimeoutError, "ClientTimeout.tls")
    await settled(session.connector)


async def test_proxy_that_does_not_answer_ends_connect(server, session):
    asking = asyncio.ensure_future(
        fetch(
            session,
            "https://inside.example/",
            proxy=server.url,
            timeout=limit(connect=SHORT),
        )
    )
    wire = await server.accept()
    await wire.request()
    await ends(asking, http.ConnectionTimeoutError, "ClientTimeout.connect")
    assert await wire.is_closed()
    await settled(session.connector)


@pytest.mark.parametrize("body", [None, b"x", "generator"], ids=repr)
async def test_first_byte_names_itself(server, make_session, body):
    async def pieces():
        yield b"x"

    session = make_session(timeout=limit(first_byte=SHORT))
    data = pieces() if body == "generator" else body
    asking = asyncio.ensure_future(fetch(session, server.url, "POST", data=data))
    wire = await server.accept()
    await wire.until(b"\r\n\r\n")
    await ends(asking, http.SocketTimeoutError, "ClientTimeout.first_byte")


async def test_first_byte_does_not_limit_the_body(server, make_session, loop):
    session = make_session(timeout=limit(first_byte=SHORT))
    asking = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await wire.request()
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
    over = loop.create_future()
    loop.call_later(3 * SHORT, over.set_result, None)
    await over
    wire.send(b"k")
    assert await asking == (200, b"ok")


async def test_peer_that_never_reads_the_upload_ends_with_total(server, session):
    asking = asyncio.ensure_future(
        fetch(
            session,
            server.url,
            "POST",
            data=io.BytesIO(bytes(2**24)),
            timeout=limit(total=3 * SHORT),
        )
    )
    wire = await server.accept()
    await ends(asking, asyncio.TimeoutError, "total")
    with contextlib.suppress(ConnectionError):
        assert len(await wire.recv_all()) < 2**24
    assert (await settled(session.connector))["idle"] == 0


async def test_peer_that_never_reads_is_not_taken_for_silent(server, session, loop):
    """sock_read counts from the end of the upload."""

    async def pieces():
        for _ in range(16):
            yield bytes(2**20)

    asking = asyncio.ensure_future(
        fetch(session, server.url, "POST", data=pieces(), timeout=limit(sock_read=SHORT))
    )
    wire = await server.accept()
    await wire.until(b"\r\n\r\n")
    over = loop.create_future()
    loop.call_later(3 * SHORT, over.set_result, None)
    await over
    assert not asking.done()
    end = b""
    while not end.endswith(b"\r\n0\r\n\r\n"):
        end = end[-16:] + await wire.recv()
    wire.send(OK)
    assert await asking == (200, b"ok")


async def test_reader_that_takes_its_time_is_not_the_servers_silence(server, session, loop):
    """While nobody takes the body, the connection is not read, and sock_read does not count."""
    asking = asyncio.ensure_future(
        session.get(server.url, timeout=limit(sock_read=2 * SHORT), read_bufsize=1024)
    )
    wire = await server.accept()
    await wire.request()
    size = 2**24
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
    sending = asyncio.ensure_future(wire.sendall(b"x" * size))
    async with await asking as response:
        received = len(await response.content.read(1))
        over = loop.create_future()
        loop.call_later(5 * SHORT, over.set_result, None)
        await over
        while data := await response.content.read(2**20):
            received += len(data)
    assert received == size
    await sending


async def test_websocket_that_is_never_opened_ends_with_total(server, make_session):
    session = make_session(timeout=limit(total=3 * SHORT))
    asking = asyncio.ensure_future(session.ws_connect(server.url))
    wire = await server.accept()
    await wire.request()
    await ends(asking, asyncio.TimeoutError, "total")
    assert await wire.is_closed()


async def test_limits_of_aiohttps_own_class_are_taken(server, session):
    aiohttp = pytest.importorskip("aiohttp")
    asking = asyncio.ensure_future(
        fetch(session, server.url, timeout=aiohttp.ClientTimeout(sock_read=SHORT))
    )
    wire = await server.accept()
    await wire.request()
    await ends(asking, http.SocketTimeoutError, "reading")
