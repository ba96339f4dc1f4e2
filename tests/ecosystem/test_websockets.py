"""The websockets library: its server and its client."""

import asyncio
import contextlib

import pytest

websockets = pytest.importorskip("websockets")
client = pytest.importorskip("websockets.asyncio.client")
server = pytest.importorskip("websockets.asyncio.server")


async def echo(connection):
    async for message in connection:
        if message == "close":
            await connection.close(4001, "as asked")
        elif message == "many":
            for number in range(500):
                await connection.send(f"{number}" * 20)
        else:
            await connection.send(message)


@contextlib.asynccontextmanager
async def serving(**options):
    async with server.serve(echo, "127.0.0.1", 0, **options) as running:
        host, port = running.sockets[0].getsockname()
        yield f"ws://{host}:{port}"


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_echo(run, compression):
    async def main():
        async with (
            serving(compression=compression) as url,
            client.connect(url, compression=compression) as connection,
        ):
            for size in (0, 1, 125, 126, 70_000, 900_000):
                await connection.send("t" * size)
                assert await connection.recv() == "t" * size
                await connection.send(b"b" * size)
                assert await connection.recv() == b"b" * size

    run(main())


def test_fragments(run):
    async def main():
        async with serving() as url, client.connect(url) as connection:
            await connection.send(f"part {number}, " for number in range(10))
            whole = await connection.recv()
            assert whole == "".join(f"part {number}, " for number in range(10))

    run(main())


def test_flood_is_read_slowly(run):
    async def main():
        async with serving() as url, client.connect(url, max_queue=4) as connection:
            await connection.send("many")
            for number in range(500):
                assert await connection.recv() == f"{number}" * 20
                await asyncio.sleep(0)

    run(main())


def test_ping(run):
    async def main():
        async with serving() as url, client.connect(url) as connection:
            latency = await (await connection.ping())
            assert latency >= 0

    run(main())


def test_closed_by_the_server(run):
    async def main():
        async with serving() as url, client.connect(url) as connection:
            await connection.send("close")
            with pytest.raises(websockets.ConnectionClosed) as caught:
                await connection.recv()
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4001, "as asked")

    run(main())


def test_server_that_goes_away(run):
    async def main():
        async with server.serve(echo, "127.0.0.1", 0) as running:
            host, port = running.sockets[0].getsockname()
            async with client.connect(f"ws://{host}:{port}") as connection:
                await connection.send("hello")
                assert await connection.recv() == "hello"
                running.close()
                with pytest.raises(websockets.ConnectionClosedOK):
                    await connection.recv()
                await running.wait_closed()

    run(main())


def test_fifty_clients(run):
    async def talk(url, number):
        async with client.connect(url) as connection:
            for turn in range(10):
                await connection.send(f"{number} {turn}")
                assert await connection.recv() == f"{number} {turn}"
        return number

    async def main():
        async with serving() as url:
            assert await asyncio.gather(*(talk(url, number) for number in range(50))) == list(
                range(50)
            )

    run(main())
