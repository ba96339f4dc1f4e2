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


REQUEST = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@contextlib.asynccontextmanager
async def silent(running):
    """A connection that has shaken hands, and that says nothing from then on."""
    reader, writer = await asyncio.open_connection(*running.sockets[0].getsockname())
    writer.write(REQUEST)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def test_peer_that_does_not_answer_a_ping(run):
    """Timers of the loop end the connection."""

    async def main():
        ended = asyncio.get_running_loop().create_future()

        async def wait(connection):
            await connection.wait_closed()
            ended.set_result(connection.close_code)

        options = {"ping_interval": 0.01, "ping_timeout": 0.01, "close_timeout": 0.01}
        async with server.serve(wait, "127.0.0.1", 0, **options) as running:
            async with silent(running) as (reader, _):
                assert await ended == 1006
                assert b"keepalive ping timeout" in await reader.read()

    run(main())


def test_peer_that_does_not_read_holds_the_sender_back(run):
    async def main():
        stuck = asyncio.Event()
        ended = asyncio.get_running_loop().create_future()

        async def flood(connection):
            sent = 0
            with contextlib.suppress(websockets.ConnectionClosed):
                while True:
                    # Until this one waits for room.
                    sending = asyncio.ensure_future(connection.send(b"x" * 500_000))
                    await asyncio.wait([sending], timeout=1)
                    if not sending.done():
                        stuck.set()
                    await sending
                    sent += 1
            ended.set_result(sent)

        async with server.serve(
            flood, "127.0.0.1", 0, compression=None, ping_interval=None
        ) as running:
            async with silent(running) as (_, writer):
                await stuck.wait()
                writer.transport.abort()
                assert await ended < 1_000

    run(main())


def test_connects_again_and_again(run):
    """`async for` over a client makes a new connection when one has ended."""

    async def main():
        seen = []
        async with serving() as url:
            async for connection in client.connect(url):
                await connection.send("close")
                with contextlib.suppress(websockets.ConnectionClosed):
                    await connection.recv()
                seen.append(connection.close_code)
                if len(seen) == 5:
                    break
        assert seen == [4001] * 5

    run(main())


def test_waiting_is_cancelled_and_the_connection_goes_on(run):
    async def main():
        async with serving() as url, client.connect(url) as connection:
            for number in range(20):
                waiting = asyncio.ensure_future(connection.recv())
                await asyncio.sleep(0)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                await connection.send(f"{number}")
                assert await connection.recv() == f"{number}"

    run(main())


def test_broadcast(run):
    async def main():
        there = []
        everybody = asyncio.Event()

        async def join(connection):
            there.append(connection)
            if len(there) == 30:
                everybody.set()
            await connection.wait_closed()

        async def listen(url):
            async with client.connect(url) as connection:
                return [await connection.recv() for _ in range(20)]

        async with server.serve(join, "127.0.0.1", 0) as running:
            host, port = running.sockets[0].getsockname()
            listening = [asyncio.ensure_future(listen(f"ws://{host}:{port}")) for _ in range(30)]
            await everybody.wait()
            for number in range(20):
                server.broadcast(there, f"news {number}")
            heard = await asyncio.gather(*listening)
        assert heard == [[f"news {number}" for number in range(20)]] * 30

    run(main())
