"""Dask's distributed: a scheduler, workers and a client, all on one loop."""

import asyncio
import operator

import pytest

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module", autouse=True)
def first(tmp_path_factory):
    """The first cluster of a process starts threads that stay; and its files need a place."""
    import dask

    async def nothing(client):
        assert await client.submit(int, "1") == 1

    folder = str(tmp_path_factory.mktemp("dask"))
    with dask.config.set({"temporary-directory": folder}):
        asyncio.run(cluster(nothing))
        yield


async def cluster(use):
    """Run `use(client)` with two workers."""
    async with (
        # It serves HTTP without a dashboard, too, and by default on a fixed port.
        distributed.Scheduler(
            host="127.0.0.1", port=0, dashboard=False, dashboard_address=":0"
        ) as scheduler,
        distributed.Worker(scheduler.address, nthreads=1, dashboard=False),
        distributed.Worker(scheduler.address, nthreads=1, dashboard=False),
        distributed.Client(scheduler.address, asynchronous=True) as client,
    ):
        await client.wait_for_workers(2)
        return await use(client)


def test_work(run):
    async def use(client):
        squares = client.map(pow, range(50), [2] * 50)
        total = client.submit(sum, squares)
        assert await total == sum(number**2 for number in range(50))
        assert await client.gather(squares) == [number**2 for number in range(50)]
        failed = client.submit(operator.truediv, 1, 0)
        with pytest.raises(ZeroDivisionError):
            await failed
        large = await client.scatter(b"x" * 2_000_000)
        assert await client.submit(len, large) == 2_000_000

    run(cluster(use))


def test_results_as_they_come(run):
    async def use(client):
        futures = [client.submit(pow, 2, number) for number in range(20)]
        completed = distributed.as_completed(futures, with_results=True)
        results = [result async for _, result in completed]
        assert sorted(results) == [2**number for number in range(20)]
        assert type(asyncio.get_running_loop()) is type(client.loop.asyncio_loop)

    run(cluster(use))
