"""redis-py, against a Redis of this machine."""

import asyncio
import contextlib
import uuid

import pytest

redis = pytest.importorskip("redis.asyncio")


@contextlib.asynccontextmanager
async def connected(port, **options):
    """A client with a prefix of its own for its keys."""
    client = redis.Redis(host="127.0.0.1", port=port, decode_responses=True, **options)
    try:
        yield client, uuid.uuid4().hex
    finally:
        await client.aclose()


def test_values(run, redis_port):
    async def main():
        async with connected(redis_port) as (client, key):
            assert await client.get(key) is None
            assert await client.set(key, "value")
            assert await client.get(key) == "value"
            large = "x" * 3_000_000
            await client.set(key, large)
            assert await client.get(key) == large
            assert await client.delete(key) == 1

    run(main())


def test_pipeline(run, redis_port):
    async def main():
        async with connected(redis_port) as (client, key):
            async with client.pipeline(transaction=True) as pipeline:
                for number in range(1_000):
                    pipeline.rpush(key, number)
                assert await pipeline.execute() == list(range(1, 1_001))
            assert await client.lrange(key, 0, -1) == [str(number) for number in range(1_000)]

    run(main())


def test_fifty_clients_count(run, redis_port):
    async def main():
        async with connected(redis_port, max_connections=60) as (client, key):

            async def count():
                for _ in range(20):
                    await client.incr(key)

            await asyncio.gather(*(count() for _ in range(50)))
            assert await client.get(key) == "1000"

    run(main())


def test_subscription(run, redis_port):
    async def main():
        async with connected(redis_port) as (client, key), client.pubsub() as subscriber:
            await subscriber.subscribe(key)
            message = await subscriber.get_message(timeout=None)
            assert message["type"] == "subscribe"
            for number in range(100):
                assert await client.publish(key, number) == 1
            for number in range(100):
                message = await subscriber.get_message(timeout=None)
                assert (message["type"], message["data"]) == ("message", str(number))

    run(main())


def test_blocked_call_is_cancelled(run, redis_port):
    """The connection of a cancelled call is dropped, the client goes on."""

    async def main():
        async with connected(redis_port) as (client, key):
            waiting = asyncio.ensure_future(client.blpop([key], timeout=0))
            async with connected(redis_port) as (other, _):
                while not (await other.info("clients"))["blocked_clients"]:
                    await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await client.rpush(key, "late") == 1
            assert list(await client.blpop([key], timeout=0)) == [key, "late"]

    run(main())


def test_server_says_no(run, redis_port):
    async def main():
        async with connected(redis_port) as (client, key):
            await client.set(key, "text")
            with pytest.raises(redis.ResponseError, match="not an integer"):
                await client.incr(key)

    run(main())
