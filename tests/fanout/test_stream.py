"""stream(): results as they come, back-pressure, and the ways to leave it."""

import asyncio
import gc

import pytest

import aioxide
from aioxide import FanOutError

pytestmark = pytest.mark.usefixtures("nothing_runs")


async def wait(seconds):
    await asyncio.sleep(seconds)
    return seconds


class Watched:
    """A call that never ends, and what is under way of it."""

    def __init__(self):
        self.started = self.active = 0

    async def __call__(self, item):
        self.started += 1
        self.active += 1
        try:
            if item % 2:
                await asyncio.Event().wait()
            await asyncio.sleep(0)
            return item
        finally:
            try:
                await asyncio.sleep(0)
            finally:
                self.active -= 1


async def turns(count):
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("ordered", "expected"), [(False, [1, 2, 3, 4, 5]), (True, [3, 1, 5, 2, 4])]
)
def test_order(simulation, ordered, expected):
    async def main():
        return [one.value async for one in aioxide.stream(wait, [3, 1, 5, 2, 4], ordered=ordered)]

    assert simulation.run(main()) == expected


def test_result_says_all(run):
    async def call(item):
        if item == "b":
            raise ValueError(item)
        return item.upper()

    async def main():
        return [one async for one in aioxide.stream(call, "abc", ordered=True, retry=None)]

    found = run(main())
    assert [(one.index, one.item, one.value, repr(one.error), one.attempts) for one in found] == [
        (0, "a", "A", "None", 1),
        (1, "b", None, "ValueError('b')", 1),
        (2, "c", "C", "None", 1),
    ]


@pytest.mark.parametrize("ordered", [False, True])
def test_skip_leaves_out(run, ordered):
    async def call(item):
        await asyncio.sleep(0)
        if item % 3 == 0:
            raise ValueError(item)
        return item

    async def main():
        stream = aioxide.stream(call, range(100), limit=4, on_error="skip", ordered=ordered)
        return [one.index async for one in stream]

    assert run(main()) == [item for item in range(100) if item % 3]


@pytest.mark.parametrize("ordered", [False, True])
def test_raise_comes_behind_the_results(run, ordered):
    async def call(item):
        await asyncio.sleep(0)
        if item == 5:
            raise ValueError(item)
        return item

    async def main():
        found = []
        with pytest.raises(FanOutError, match=r"stream\(call\): 1 of"):
            async for one in aioxide.stream(
                call, range(100), limit=2, on_error="raise", ordered=ordered
            ):
                found.append(one.index)  # noqa: PERF401 - as they come
        return found

    assert run(main()) == [0, 1, 2, 3, 4]


def test_source_that_fails(run):
    def source():
        yield 1
        yield 2
        raise OSError("no more")

    async def main():
        found = []
        with pytest.raises(FanOutError, match="source of items failed after 2"):
            async for one in aioxide.stream(turns, source()):
                found.append(one.item)  # noqa: PERF401 - as they come
        return found

    assert sorted(run(main())) == [1, 2]


@pytest.mark.parametrize("ordered", [False, True])
def test_slow_consumer_holds_the_source_back(run, ordered):
    pulled = taken = ahead = 0

    def source():
        nonlocal pulled, ahead
        for item in range(200):
            pulled += 1
            ahead = max(ahead, pulled - taken)
            yield item

    async def main():
        nonlocal taken
        async for _ in aioxide.stream(turns_for, source(), limit=5, ordered=ordered):
            taken += 1
            await turns(20)

    async def turns_for(item):
        await turns(item % 3)

    run(main())
    assert taken == pulled == 200
    assert ahead == 10


def test_nothing_begins_before_it_is_asked_for(run):
    async def main():
        call = Watched()
        stream = aioxide.stream(call, range(5))
        await turns(5)
        assert call.started == 0
        await stream.aclose()
        assert [one async for one in stream] == []
        assert call.started == 0

    run(main())


def test_break(run):
    """What was started is cancelled at once, and ends by itself."""

    async def main():
        call = Watched()
        async for _ in aioxide.stream(call, range(100), limit=5):
            break
        assert call.active
        await turns(5)
        assert call.active == 0
        assert len(asyncio.all_tasks()) == 1
        started = call.started
        await turns(5)
        assert call.started == started < 100

    run(main())


def test_leaving_the_block_waits(run):
    async def main():
        call = Watched()
        async with aioxide.stream(call, range(100), limit=5) as stream:
            async for _ in stream:
                break
            assert call.active
        assert call.active == 0
        assert len(asyncio.all_tasks()) == 1
        assert [one async for one in stream] == []

    run(main())


def test_exception_in_the_block(run):
    async def main():
        call = Watched()
        with pytest.raises(KeyError):
            async with aioxide.stream(call, range(100), limit=5) as stream:
                async for one in stream:
                    raise KeyError(one.item)
        assert call.active == 0

    run(main())


@pytest.mark.parametrize("block", [True, False])
def test_consumer_that_is_cancelled(run, block):
    async def consume(call):
        if block:
            async with aioxide.stream(call, [1, 3, 5, 7], limit=3) as stream:
                async for _ in stream:
                    pass
        else:
            async for _ in aioxide.stream(call, [1, 3, 5, 7], limit=3):
                pass

    async def main():
        call = Watched()
        task = asyncio.create_task(consume(call))
        await turns(5)
        assert call.active == 3
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        del task
        if not block:
            # The traceback held the stream.
            gc.collect()
            await turns(5)
        assert call.active == 0

    run(main())


def test_cancelled_wait_loses_no_result(simulation):
    async def main():
        stream = aioxide.stream(wait, [5, 6])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 1)
        return [one.value async for one in stream]

    assert simulation.run(main()) == [5, 6]


def test_two_that_wait(run):
    async def main():
        async with aioxide.stream(Watched(), [1]) as stream:
            task = asyncio.create_task(anext(stream))
            await turns(2)
            with pytest.raises(RuntimeError, match="another task waits"):
                await anext(stream)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    run(main())


def test_stream_that_outlives_its_loop(loop_factory):
    """Its loop is closed when it is dropped: nobody is there to be told."""

    async def main():
        stream = aioxide.stream(turns, range(3), limit=1)
        await anext(stream)
        return stream

    loop = loop_factory()
    stream = loop.run_until_complete(main())
    loop.run_until_complete(stream.aclose())
    loop.close()
    del stream
    gc.collect()


def test_stream_may_be_dropped_by_another_thread(run, start_thread):
    async def main():
        call = Watched()
        held = [aioxide.stream(call, range(1, 100, 2), limit=5)]
        waiting = asyncio.create_task(anext(held[0]))
        await turns(5)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        del waiting
        gc.collect()
        assert call.active == 5
        start_thread(held.clear).join()
        await turns(5)
        assert call.active == 0

    run(main())
