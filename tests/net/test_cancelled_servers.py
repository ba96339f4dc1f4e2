"""Servers and their handlers, cancelled at every await."""

import asyncio
import contextlib

import pytest

from .peer import polled
from .recorder import Recorder
from .sweep import sweep


async def test_handler_of_a_server(loop):
    """The task that a stream server makes is cancelled while its peer goes on."""

    async def operation(cut):
        done = loop.create_future()

        async def echo(reader, writer):
            while data := await reader.read(100):
                writer.write(data)
                await writer.drain()

        async def handle(reader, writer):
            await cut(echo(reader, writer))
            writer.close()
            await writer.wait_closed()
            done.set_result(None)

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for _ in range(3):
            writer.write(b"data")
            await polled()
        if writer.can_write_eof():
            with contextlib.suppress(OSError):
                writer.write_eof()
        with contextlib.suppress(OSError):
            await reader.read()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        await done
        server.close()
        await server.wait_closed()

    await sweep(operation)


@pytest.mark.parametrize("start", ["start_server", "start_unix_server"])
async def test_starting_a_server(loop, tmp_path, start, asyncio_fault):
    asyncio_fault(True, "it goes on serving, and nobody has it", run=False)

    async def operation(cut):
        arguments = ["127.0.0.1", 0] if start == "start_server" else [str(tmp_path / "socket")]
        outcome = await cut(getattr(asyncio, start)(print, *arguments))
        if not outcome.cancelled:
            outcome.value.close()
            await outcome.value.wait_closed()

    await sweep(operation)


async def test_creating_a_server_of_two_addresses(loop):
    async def operation(cut):
        outcome = await cut(
            loop.create_server(Recorder, ["127.0.0.1", "localhost"], 0, start_serving=False)
        )
        if not outcome.cancelled:
            outcome.value.close()
            await outcome.value.wait_closed()

    await loop.getaddrinfo("localhost", 1)
    await sweep(operation)


async def test_serving_forever(loop):
    async def operation(cut):
        server = await asyncio.start_server(print, "127.0.0.1", 0, start_serving=False)
        outcome = await cut(server.serve_forever(), lambda: loop.call_soon(server.close))
        assert outcome.cancelled
        assert not server.is_serving()

    await sweep(operation, ways=("at once", "after polls"))
