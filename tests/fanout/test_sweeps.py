"""Everything is stopped at every point: nothing is left running, and nothing un-awaited.

Each test is made again and again, stopped one turn of the loop later each time, until it comes to
its own end. Un-awaited coroutines and unretrieved exceptions fail a test wherever they occur.
"""

import asyncio
import itertools

import pytest

import aioxide
from aioxide import FanOutError

ENOUGH = 400


class World:
    """Counts what is under way."""

    def __init__(self):
        self.open = 0

    async def call(self, item):
        self.open += 1
        try:
            for _ in range(item % 4):
                await asyncio.sleep(0)
            if item % 5 == 4:
                raise OSError(item)
            return item
        finally:
            try:
                await asyncio.sleep(0)
            finally:
                self.open -= 1

    async def source(self, count):
        self.open += 1
        try:
            for item in range(count):
                await asyncio.sleep(0)
                yield item
        finally:
            try:
                await asyncio.sleep(0)
            finally:
                self.open -= 1

    def failing_source(self, count):
        yield from range(count)
        raise LookupError("source")


async def mapped(world):
    await aioxide.amap(world.call, range(10), limit=3, on_error="collect")


async def mapped_from_source(world):
    await aioxide.amap(world.call, world.source(8), limit=3, on_error="skip")


async def mapped_until_error(world):
    with pytest.raises(FanOutError):
        await aioxide.amap(world.call, world.source(100), limit=3)


async def mapped_until_source_fails(world):
    with pytest.raises(FanOutError):
        await aioxide.amap(world.call, world.failing_source(3), limit=3, on_error="collect")


async def mapped_with_everything(world):
    limiter = aioxide.Limiter(concurrency=2)
    retry = aioxide.Retry(2, backoff=0)
    await aioxide.amap(
        world.call,
        world.source(6),
        limit="auto",
        rate=limiter,
        retry=retry,
        timeout=60,
        on_error="collect",
        progress=lambda progress: None,
    )
    assert limiter.active == limiter.waiting == 0


async def streamed(world):
    async with aioxide.stream(world.call, world.source(8), limit=3) as stream:
        async for one in stream:
            if one.index == 6:
                break


async def streamed_slowly(world):
    async with aioxide.stream(world.call, range(12), limit=2, ordered=True) as stream:
        async for _ in stream:
            for _ in range(5):
                await asyncio.sleep(0)


async def gathered(world):
    coroutines = [world.call(item) for item in range(4)]
    await aioxide.gather(*coroutines, limit=2)


async def gathered_with_error(world):
    with pytest.raises(OSError, match="4"):
        await aioxide.gather(*[world.call(item) for item in range(9)], limit=2)


async def completed(world):
    calls = [world.call(item) for item in range(9)]
    iterator = aioxide.as_completed(calls, limit=2)
    try:
        async for future in iterator:
            future.exception()
    finally:
        await iterator.aclose()


SCENES = [
    mapped,
    mapped_from_source,
    mapped_until_error,
    mapped_until_source_fails,
    mapped_with_everything,
    streamed,
    streamed_slowly,
    gathered,
    gathered_with_error,
    completed,
]


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("scene", SCENES)
def test_cancelled_at_every_turn(loop, turn, scene, twice):
    """Twice: the second cancellation comes while the first is dealt with."""
    for count in itertools.count():
        world = World()
        task = loop.create_task(scene(world))
        for _ in range(count):
            turn()
        if task.done():
            task.result()
            break
        task.cancel()
        if twice:
            turn()
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
        assert world.open == 0
        assert asyncio.all_tasks(loop) == set()
        assert count < ENOUGH
    assert count > 3
    assert world.open == 0
    assert asyncio.all_tasks(loop) == set()


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("source", ["plain", "asynchronous"])
def test_break_at_every_result(loop, run, turn, source, ordered):
    async def main(world, stop):
        items = range(8) if source == "plain" else world.source(8)
        seen = 0
        async for _ in aioxide.stream(world.call, items, limit=3, ordered=ordered):
            seen += 1
            if seen == stop:
                break
        return seen

    for stop in range(1, 10):
        world = World()
        seen = run(main(world, stop))
        assert seen == min(stop, 8)
        for _ in range(10):
            turn()
        assert asyncio.all_tasks(loop) == set()
        assert world.open == 0


@pytest.mark.parametrize("limit", [1, 3, 20])
def test_every_item_fails_once(run, limit):
    """Each of the calls is the one that fails: as the others are before, at and behind it."""
    for bad in range(12):
        world = World()

        async def call(item, bad=bad, world=world):
            world.open += 1
            try:
                for _ in range((item * 7) % 5):
                    await asyncio.sleep(0)
                if item == bad:
                    raise ValueError(item)
                return item
            finally:
                try:
                    await asyncio.sleep(0)
                finally:
                    world.open -= 1

        with pytest.raises(FanOutError) as caught:
            run(aioxide.amap(call, range(12), limit=limit))
        assert [one.args for one in caught.value.exceptions] == [(bad,)]
        assert all(index == value for index, value in caught.value.results.items())
        assert world.open == 0
