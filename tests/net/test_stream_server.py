"""start_server: asyncio's own streams on accepted connections."""

import asyncio
import contextlib
import sys

import pytest


@contextlib.asynccontextmanager
async def serving(callback):
    server = await asyncio.start_server(callback, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()
        await server.wait_closed()


async def shut(writer):
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_server_with_a_coroutine(loop):
    async def upper(reader, writer):
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
        await shut(writer)

    async with serving(upper) as address:
        reader, writer = await asyncio.open_connection(*address)
        for _ in range(20):
            writer.write(b"hello\n")
            assert await reader.readline() == b"HELLO\n"
        writer.write_eof()
        assert await reader.read() == b""
        await shut(writer)


async def test_server_with_a_function(loop):
    def greet(_reader, writer):
        writer.write(b"hello")
        writer.close()

    async with serving(greet) as address:
        reader, writer = await asyncio.open_connection(*address)
        assert await reader.read() == b"hello"
        await shut(writer)


async def test_two_hundred_clients(loop):
    async def echo(reader, writer):
        writer.write(await reader.readexactly(10))
        await shut(writer)

    async def client(address, number):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"%010d" % number)
        received = await reader.read()
        await shut(writer)
        return int(received)

    async with serving(echo) as address:
        results = await asyncio.gather(*(client(address, number) for number in range(200)))
    assert results == list(range(200))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the streams of 3.11 do not report it")
async def test_server_callback_that_raises(loop, contexts):
    async def fails(_reader, _writer):
        raise ZeroDivisionError("callback")

    async with serving(fails) as address:
        reader, writer = await asyncio.open_connection(*address)
        assert await reader.read() == b""
        await shut(writer)
        [context] = contexts
        assert context["message"] == "Unhandled exception in client_connected_cb"
        assert isinstance(context["exception"], ZeroDivisionError)
        assert context["transport"].is_closing()
        contexts.clear()
        del context


@pytest.mark.skipif(sys.version_info < (3, 13), reason="older streams may leave it open")
async def test_server_callback_that_is_cancelled_closes(loop):
    async def cancels(_reader, _writer):
        raise asyncio.CancelledError

    async with serving(cancels) as address:
        reader, writer = await asyncio.open_connection(*address)
        assert await reader.read() == b""
        await shut(writer)


async def test_ping_pong_of_two_streams(loop):
    total = 300

    async def pong(reader, writer):
        for _ in range(total):
            size = int(await reader.readline())
            writer.write(b"p" * size + b"\n")
            await writer.drain()
        await shut(writer)

    async with serving(pong) as address:
        reader, writer = await asyncio.open_connection(*address)
        for number in range(total):
            size = (number * 7919) % 30_000
            writer.write(b"%d\n" % size)
            assert len(await reader.readexactly(size + 1)) == size + 1
        await shut(writer)
