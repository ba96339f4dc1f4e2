"""amap(): results, order, errors, and what it asks of the source."""

import asyncio
import contextlib
import contextvars
import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

import aioxide
from aioxide import FanOutError

pytestmark = pytest.mark.usefixtures("nothing_runs")


async def double(item):
    await asyncio.sleep(0)
    return item * 2


async def items_of(count):
    for item in range(count):
        await asyncio.sleep(0)
        yield item


def failing(*bad):
    """A function that fails for some items, after a turn."""

    async def call(item):
        await asyncio.sleep(0)
        if item in bad:
            raise ValueError(item)
        return item

    return call


@pytest.mark.parametrize("limit", [1, 3, 100])
@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_results_are_in_order(run, limit, count):
    expected = [item * 2 for item in range(count)]
    assert run(aioxide.amap(double, range(count), limit=limit)) == expected
    assert run(aioxide.amap(double, iter(range(count)), limit=limit)) == expected
    assert run(aioxide.amap(double, (item for item in range(count)), limit=limit)) == expected


@pytest.mark.parametrize("limit", [1, 3, 100])
@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_items_may_come_asynchronously(run, limit, count):
    expected = [item * 2 for item in range(count)]
    assert run(aioxide.amap(double, items_of(count), limit=limit)) == expected


def test_order_of_completion(simulation):
    async def call(item):
        await asyncio.sleep(item)
        return item

    coroutine = aioxide.amap(call, [3, 1, 2], ordered=False)
    assert simulation.run(coroutine) == [1, 2, 3]
    assert simulation.run(aioxide.amap(call, [3, 1, 2])) == [3, 1, 2]


@pytest.mark.parametrize("source", [range, items_of])
def test_never_more_than_the_limit(run, source):
    active = most = 0

    async def call(item):
        nonlocal active, most
        active += 1
        most = max(most, active)
        for _ in range(40 + item % 5):
            await asyncio.sleep(0)
        active -= 1

    run(aioxide.amap(call, source(200), limit=7))
    assert most == 7
    assert active == 0


@pytest.mark.parametrize("asynchronous", [False, True])
def test_source_is_asked_only_when_there_is_room(run, asynchronous):
    """And what is done is dropped: memory does not grow with the number of items."""
    pulled = done = 0
    ahead = alive = 0

    class Item:
        pass

    seen = weakref.WeakSet()

    def make():
        nonlocal pulled, ahead, alive
        pulled += 1
        ahead = max(ahead, pulled - done)
        item = Item()
        seen.add(item)
        alive = max(alive, len(seen))
        return item

    def source():
        for _ in range(1000):
            yield make()

    async def asynchronous_source():
        for _ in range(1000):
            yield make()

    async def call(item):
        nonlocal done
        await asyncio.sleep(0)
        done += 1

    run(aioxide.amap(call, asynchronous_source() if asynchronous else source(), limit=10))
    assert pulled == done == 1000
    assert ahead == 10
    # The worker of a done call holds its item until it has the next.
    assert alive <= 21


def test_calls_that_never_wait_let_others_run(loop, run, monkeypatch):
    """Each takes as long as a worker may run at a time."""
    now = 0.0
    monkeypatch.setattr(loop, "time", lambda: now)
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    async def call(item):
        nonlocal now
        now += 0.002

    async def main():
        task = asyncio.create_task(tick())
        await aioxide.amap(call, range(100), limit=1)
        task.cancel()

    run(main())
    assert ticks >= 99


def test_error_cancels_the_rest_and_is_raised(run):
    cancelled = []

    async def call(item):
        if item == 2:
            await asyncio.sleep(0)
            raise ValueError(item)
        if item < 2:
            return item
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            cancelled.append(item)
            raise

    with pytest.raises(FanOutError, match=r"amap\(call\): 1 of 6 calls failed") as caught:
        run(aioxide.amap(call, range(100), limit=4))
    error = caught.value
    assert [repr(one) for one in error.exceptions] == ["ValueError(2)"]
    assert error.results == {0: 0, 1: 1}
    [failure] = error.failures
    assert (failure.index, failure.item, failure.attempts) == (2, 2, 1)
    assert error.exceptions[0].__notes__ == ["item 2: 2"]
    assert sorted(cancelled) == [3, 4, 5]


def test_group_is_split_by_except_star(run):
    parts = []
    try:
        run(aioxide.amap(failing(1), range(3)))
    except* TypeError:
        pytest.fail("no such error")
    except* ValueError as group:
        parts.append(group)
    assert type(parts[0]) is FanOutError
    assert parts[0].results == {0: 0}
    assert len(parts[0].failures) == 1


def test_partial_results_in_order_of_completion(run):
    with pytest.raises(FanOutError) as caught:
        run(aioxide.amap(failing(3), range(4), ordered=False))
    assert caught.value.results == {0: 0, 1: 1, 2: 2}


def test_errors_while_the_rest_is_cancelled_are_in_the_group(run):
    async def call(item):
        if item == 0:
            await asyncio.sleep(0)
            raise ValueError(item)
        try:
            await asyncio.Event().wait()
        finally:
            raise KeyError(item)

    with pytest.raises(FanOutError) as caught:
        run(aioxide.amap(call, range(2)))
    assert [type(one) for one in caught.value.exceptions] == [ValueError, KeyError]


@pytest.mark.parametrize("ordered", [True, False])
def test_skip_leaves_out(run, ordered):
    found = run(aioxide.amap(failing(1, 3), range(5), on_error="skip", ordered=ordered))
    assert found == [0, 2, 4]


def test_collect_has_a_result_for_each(run):
    found = run(aioxide.amap(failing(1), "ab", on_error="collect", retry=2))
    assert [(one.index, one.item, one.value, one.error) for one in found] == [
        (0, "a", "a", None),
        (1, "b", "b", None),
    ]
    found = run(aioxide.amap(failing(1), range(2), on_error="collect"))
    assert found[0].unwrap() == 0
    assert repr(found[1].error) == "ValueError(1)"
    with pytest.raises(ValueError, match="1"):
        found[1].unwrap()


@pytest.mark.parametrize("on_error", ["collect", "skip"])
def test_one_error_too_many(run, on_error):
    call = failing(*range(5, 100))
    amap = partial(aioxide.amap, call, limit=1, on_error=on_error)
    assert len(run(amap(range(8), max_errors=3))) == (8 if on_error == "collect" else 5)
    with pytest.raises(FanOutError) as caught:
        run(amap(range(100), max_errors=3))
    assert [one.args for one in caught.value.exceptions] == [(5,), (6,), (7,), (8,)]
    assert list(caught.value.results)[:5] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("on_error", ["raise", "collect", "skip"])
def test_source_that_fails(run, asynchronous, on_error):
    ended = []

    def source():
        yield from range(3)
        raise OSError("no more")

    async def asynchronous_source():
        for item in range(3):
            yield item
        raise OSError("no more")

    async def call(item):
        try:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        ended.append(item)
        return item

    items = asynchronous_source() if asynchronous else source()
    with pytest.raises(FanOutError, match="source of items failed after 3") as caught:
        run(aioxide.amap(call, items, limit=5, on_error=on_error))
    assert [repr(one) for one in caught.value.exceptions] == ["OSError('no more')"]
    assert len(ended) == 3
    if on_error == "raise":
        assert caught.value.results == {}
    else:
        assert list(caught.value.results) == [0, 1, 2]


def test_generator_that_is_not_needed_any_more_is_closed(run):
    closed = []

    async def source():
        try:
            for item in range(100):
                yield item
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    with pytest.raises(FanOutError):
        run(aioxide.amap(failing(1), source(), limit=2))
    assert closed == [True]


def test_each_call_has_the_context_of_the_caller(run):
    """As a task of its own would have; what one sets the next does not see."""
    name = contextvars.ContextVar("name")
    seen = []

    async def call(item):
        seen.append(name.get())
        name.set(f"changed by {item}")
        await asyncio.sleep(0)
        assert name.get() == f"changed by {item}"

    async def main():
        name.set("caller")
        await aioxide.amap(call, range(20), limit=3)
        assert name.get() == "caller"

    run(main())
    assert seen == ["caller"] * 20


def test_call_that_is_cancelled_by_itself_is_a_failure(run):
    async def call(item):
        await asyncio.sleep(0)
        if item == 1:
            asyncio.current_task().cancel()
            await asyncio.sleep(0)
        if item == 3:
            raise asyncio.CancelledError
        return item

    found = run(aioxide.amap(call, range(6), limit=2, on_error="collect"))
    assert [one.value for one in found] == [0, None, 2, None, 4, 5]
    assert [type(one.error).__name__ for one in found if one.error] == ["ItemCancelledError"] * 2


def test_worker_that_is_cancelled_from_outside(run):
    """Another takes its place."""

    async def main():
        mine = asyncio.current_task()

        async def call(item):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return item

        async def attack():
            await asyncio.sleep(0)
            for task in asyncio.all_tasks():
                if task not in (mine, asyncio.current_task()):
                    task.cancel()

        attacker = asyncio.create_task(attack())
        found = await aioxide.amap(call, range(10), limit=3, on_error="collect")
        await attacker
        assert [one.index for one in found] == list(range(10))
        assert len([one for one in found if one.error is None]) >= 7

    run(main())


def test_timeout_of_the_caller(simulation):
    async def call(item):
        await asyncio.sleep(100)

    async def main():
        async with asyncio.timeout(5):
            await aioxide.amap(call, range(10))

    with pytest.raises(TimeoutError):
        simulation.run(main())
    assert simulation.now == 1005


def test_timeout_of_each_attempt(simulation):
    async def call(item):
        await asyncio.sleep(item)
        return item

    found = simulation.run(
        aioxide.amap(call, [1, 20, 2, 30], limit=2, timeout=10, on_error="collect")
    )
    assert [one.value for one in found] == [1, None, 2, None]
    assert str(found[1].error) == "no result within 10 s"
    assert type(found[1].error) is TimeoutError


def test_plain_function_in_an_executor(run):
    with ThreadPoolExecutor(2) as executor:
        assert run(aioxide.amap(abs, [-1, 2, -3], executor=executor)) == [1, 2, 3]


def test_executor_of_a_client_that_has_one(run):
    """As distributed.Client has."""

    class Client:
        def __init__(self, executor):
            self.get_executor = lambda: executor

        def submit(self, *_):
            pytest.fail("its futures are its own")

    with ThreadPoolExecutor(2) as executor:
        assert run(aioxide.amap(abs, [-1], executor=Client(executor))) == [1]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"limit": 0}, ValueError, "limit is at least 1, not 0"),
        ({"limit": 2.5}, TypeError, "limit is 2.5; a whole number"),
        ({"limit": True}, TypeError, "limit is True"),
        ({"limit": "atuo"}, ValueError, "limit='atuo': a number of calls at a time, or 'auto'"),
        ({"rate": "10"}, ValueError, 'written like "10/s"'),
        ({"rate": []}, TypeError, "rate is list"),
        ({"retry": 0}, ValueError, "retry is at least 1"),
        ({"retry": "3"}, TypeError, "retry is '3'"),
        ({"timeout": 0}, ValueError, "timeout is a number of seconds above 0"),
        ({"timeout": "5"}, TypeError, "timeout is '5'; a number of seconds is wanted"),
        ({"on_error": "ignore"}, ValueError, "'raise', 'collect' or 'skip'"),
        ({"max_errors": 1}, ValueError, "max_errors needs on_error="),
        ({"max_errors": -1, "on_error": "skip"}, ValueError, "max_errors is at least 0"),
        ({"progress": 5}, TypeError, "progress is int"),
        ({"executor": 5}, TypeError, "executor is int, which has no submit"),
    ],
)
def test_mistakes_in_options(run, options, error, text):
    fn = abs if "executor" in options else double
    with pytest.raises(error, match=text):
        run(aioxide.amap(fn, [1], **options))


def test_mistakes_in_function_and_items(run):
    with pytest.raises(TypeError, match="items is int, which is no iterable"):
        run(aioxide.amap(double, 5))
    with pytest.raises(TypeError, match="fn is int"):
        run(aioxide.amap(5, [1]))
    with pytest.raises(TypeError, match="abs returned int, which cannot be awaited; give an async"):
        run(aioxide.amap(abs, range(10)))
    with pytest.raises(TypeError, match="abs returned int"):
        run(aioxide.amap(abs, range(10), timeout=1, on_error="skip"))
    with pytest.raises(TypeError, match="double is an async function"):
        run(aioxide.amap(double, [1], executor=ThreadPoolExecutor(1)))


def test_end_of_the_program_goes_through(run):
    async def call(item):
        await asyncio.sleep(0)
        if item == 2:
            raise SystemExit(7)
        await asyncio.sleep(0)

    task = None

    async def main():
        nonlocal task
        task = asyncio.current_task()
        await aioxide.amap(call, range(5))

    with pytest.raises(SystemExit):
        run(main())
    # What asyncio.run() does then.
    task.cancel()
    with pytest.raises((SystemExit, asyncio.CancelledError)):
        run(task)


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="since Python 3.12")
@pytest.mark.parametrize("source", [range, items_of, lambda count: iter(list(range(count)))])
def test_eager_tasks(loop, run, source):
    async def at_once(item):
        return item * 2

    loop.set_task_factory(asyncio.eager_task_factory)
    expected = [item * 2 for item in range(3000)]
    assert run(aioxide.amap(at_once, source(3000), limit=2000)) == expected
    assert run(aioxide.amap(double, source(3000), limit=2000)) == expected


def test_nothing_refers_to_what_failed(run):
    """No cycle that only the collector could free."""

    class Error(Exception):
        pass

    seen = []

    async def call(item):
        await asyncio.sleep(0)
        error = Error()
        seen.append(weakref.ref(error))
        try:
            raise error
        finally:
            # Its traceback has this frame.
            del error

    async def main():
        # An exception that leaves run_until_complete() is in a cycle with that.
        with contextlib.suppress(FanOutError):
            await aioxide.amap(call, [1])
        await aioxide.amap(call, [1, 2], on_error="collect", retry=2)
        with contextlib.suppress(FanOutError):
            await aioxide.amap(call, [1, 2], on_error="collect", max_errors=0, timeout=60)
        with contextlib.suppress(Error):
            await aioxide.gather(call(1), limit=1)
        await aioxide.gather(call(1), limit=1, return_exceptions=True)
        async for _ in aioxide.stream(call, [1]):
            pass

    gc.disable()
    try:
        run(main())
        assert [ref() for ref in seen] == [None] * len(seen)
    finally:
        gc.enable()
