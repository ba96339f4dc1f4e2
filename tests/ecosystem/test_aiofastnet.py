"""aiofastnet, another implementation of transports, on top of the loop's watchers.

It takes a loop for one that it can speed up by `add_reader` and `add_writer`.
"""

import asyncio
import contextlib

import pytest

aiofastnet = pytest.importorskip("aiofastnet")


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


class Client(asyncio.Protocol):
    def __init__(self):
        self.received = bytearray()
        self.wanted = 0
        self.enough = None
        self.lost = asyncio.get_running_loop().create_future()

    def data_received(self, data):
        self.received += data
        if self.enough is not None and len(self.received) >= self.wanted:
            self.enough.set_result(None)
            self.enough = None

    def connection_lost(self, error):
        self.lost.set_result(error)

    async def take(self, size):
        if len(self.received) < size:
            self.wanted = size
            self.enough = asyncio.get_running_loop().create_future()
            await self.enough
        data = bytes(self.received[:size])
        del self.received[:size]
        return data


@contextlib.asynccontextmanager
async def serving():
    loop = asyncio.get_running_loop()
    server = await aiofastnet.create_server(loop, Echo, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()
        await server.wait_closed()


async def talk(address, number):
    loop = asyncio.get_running_loop()
    transport, client = await aiofastnet.create_connection(loop, Client, *address)
    for size in (1, 1_000, 200_000):
        data = bytes([number]) * size
        transport.write(data)
        assert await client.take(size) == data
    transport.close()
    assert await client.lost is None


def test_echo(run):
    async def main():
        async with serving() as address:
            await asyncio.gather(*(talk(address, number) for number in range(30)))

    run(main())


def test_streams(run, loop):
    async def upper(reader, writer):
        async for line in reader:
            writer.write(line.upper())
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def main():
        server = await aiofastnet.start_server(loop, upper, "127.0.0.1", 0)
        reader, writer = await aiofastnet.open_connection(loop, *server.sockets[0].getsockname())
        for number in range(200):
            writer.write(f"line {number}\n".encode())
            assert await reader.readline() == f"LINE {number}\n".encode()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    run(main())


def test_its_server_and_the_loop_s_client(run):
    async def main():
        async with serving() as address:
            reader, writer = await asyncio.open_connection(*address)
            data = bytes(range(256)) * 4_000
            writer.write(data)
            assert await reader.readexactly(len(data)) == data
            writer.close()
            await writer.wait_closed()

    run(main())


def test_patched_loop(loop, run):
    """After `patch_loop` the loop's own methods are its."""

    async def main():
        server = await loop.create_server(Echo, "127.0.0.1", 0)
        transport, client = await loop.create_connection(Client, *server.sockets[0].getsockname())
        assert isinstance(transport, aiofastnet.Transport)
        transport.write(b"hello")
        assert await client.take(5) == b"hello"
        transport.close()
        await client.lost
        server.close()
        await server.wait_closed()

    aiofastnet.patch_loop(loop)
    run(main())
