"""async-timeout; on 3.11 and later its `timeout` is asyncio's, with a `timeout_at` of its own."""

import asyncio

import pytest

async_timeout = pytest.importorskip("async_timeout")


def test_past_its_time(run):
    async def main():
        never = asyncio.get_running_loop().create_future()
        with pytest.raises(TimeoutError):
            async with async_timeout.timeout(0.01):
                await never
        assert never.cancelled()

    run(main())


def test_within_its_time(run):
    async def main():
        async with async_timeout.timeout(60) as limit:
            await asyncio.sleep(0)
        assert not limit.expired()

    run(main())


def test_at_a_time_of_the_loop(run):
    async def main():
        loop = asyncio.get_running_loop()
        with pytest.raises(TimeoutError):
            async with async_timeout.timeout_at(loop.time() - 1):
                await asyncio.sleep(60)

    run(main())


def test_put_off_and_called_off(run):
    async def main():
        loop = asyncio.get_running_loop()
        async with async_timeout.timeout(0.01) as limit:
            limit.reschedule(loop.time() + 60)
            await asyncio.sleep(0.02)
            limit.reschedule(None)
        assert not limit.expired()

    run(main())


def test_cancelled_from_outside(run):
    """It is a cancellation then, not a time-out."""

    async def main():
        entered = asyncio.Event()

        async def limited():
            async with async_timeout.timeout(60):
                entered.set()
                await asyncio.get_running_loop().create_future()

        task = asyncio.ensure_future(limited())
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


def test_thousand_connections_with_a_limit_each(run):
    async def never(reader, writer):
        await reader.read()
        writer.close()

    async def one(address):
        reader, writer = await asyncio.open_connection(*address)
        try:
            async with async_timeout.timeout(0.05):
                await reader.readline()
        except TimeoutError:
            return True
        finally:
            writer.close()
            await writer.wait_closed()

    async def main():
        server = await asyncio.start_server(never, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        ended = [await asyncio.gather(*(one(address) for _ in range(100))) for _ in range(10)]
        assert ended == [[True] * 100] * 10
        server.close()
        await server.wait_closed()

    run(main())
