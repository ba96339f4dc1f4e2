"""The loop holds its tasks until they are done, however they were made."""

import asyncio
import gc
import random
import sys
import weakref

import pytest

import aioxide

HAS_EAGER = sys.version_info >= (3, 12)


@pytest.fixture
def ours():
    loop = aioxide.new_event_loop()
    yield loop
    loop.close()


async def wait_for_nobody():
    """Waits for a future that only the task refers to."""
    await asyncio.get_running_loop().create_future()


class OwnTask(asyncio.Task):
    pass


def by_create_task(loop):
    return loop.create_task(wait_for_nobody())


def by_name(loop):
    return loop.create_task(wait_for_nobody(), name="named")


def by_ensure_future(loop):
    return asyncio.ensure_future(wait_for_nobody(), loop=loop)


def by_factory(loop):
    loop.set_task_factory(lambda loop, coro, **kwargs: OwnTask(coro, loop=loop, **kwargs))
    return loop.create_task(wait_for_nobody())


def in_debug_mode(loop):
    loop.set_debug(True)
    return loop.create_task(wait_for_nobody())


def eager(loop):
    loop.set_task_factory(asyncio.eager_task_factory)

    async def main():
        return asyncio.create_task(wait_for_nobody())

    return loop.run_until_complete(main())


WAYS = [by_create_task, by_name, by_ensure_future, by_factory, in_debug_mode]
if HAS_EAGER:
    WAYS.append(eager)


@pytest.mark.parametrize("make", WAYS, ids=lambda make: make.__name__)
def test_a_task_that_nobody_refers_to_does_not_disappear(ours, make):
    task = weakref.ref(make(ours))
    ours.run_until_complete(asyncio.sleep(0))
    gc.collect()
    assert task() is not None
    assert task() in asyncio.all_tasks(ours)
    assert ours._held_tasks == 1
    task().cancel()
    ours.run_until_complete(asyncio.sleep(0))
    assert ours._held_tasks == 0


def test_on_asyncio_it_does():
    """The control: what all this is for."""
    loop = asyncio.SelectorEventLoop()
    contexts = []
    loop.set_exception_handler(lambda loop, context: contexts.append(context["message"]))
    task = weakref.ref(by_create_task(loop))
    loop.run_until_complete(asyncio.sleep(0))
    gc.collect()
    assert task() is None
    assert contexts == ["Task was destroyed but it is pending!"]
    loop.close()


def test_a_task_that_is_made_by_its_class_is_asyncios(loop):
    contexts = []
    loop.set_exception_handler(lambda loop, context: contexts.append(context["message"]))
    task = weakref.ref(asyncio.Task(wait_for_nobody(), loop=loop))
    loop.run_until_complete(asyncio.sleep(0))
    gc.collect()
    assert task() is None
    assert contexts == ["Task was destroyed but it is pending!"]


def test_a_task_that_is_done_is_let_go_at_once(loop, turn):
    class Result:
        pass

    async def main():
        return Result()

    task = loop.create_task(main())
    turn()
    result = weakref.ref(task.result())
    del task
    assert result() is None


async def fail():
    raise ValueError("failed")


def cancelled(loop):
    task = loop.create_task(wait_for_nobody())
    loop.call_soon(task.cancel)
    return task


def failed(loop):
    return loop.create_task(fail())


def succeeded(loop):
    return loop.create_task(asyncio.sleep(0))


def cancelled_before_it_began(loop):
    task = loop.create_task(wait_for_nobody())
    task.cancel()
    return task


@pytest.mark.parametrize("make", [cancelled, failed, succeeded, cancelled_before_it_began])
def test_every_end_is_noticed(ours, make):
    task = make(ours)
    assert ours._held_tasks == 1
    ours.run_until_complete(asyncio.wait([task]))
    assert ours._held_tasks == 0
    assert task.cancelled() or task.exception() is None or task.exception().args == ("failed",)


@pytest.mark.skipif(not HAS_EAGER, reason="eager tasks came with 3.12")
def test_an_eager_task_that_ends_at_once_is_not_held(ours):
    ours.set_task_factory(asyncio.eager_task_factory)

    async def nothing():
        pass

    async def main():
        before = ours._held_tasks
        task = asyncio.create_task(nothing())
        return task.done(), ours._held_tasks - before

    assert ours.run_until_complete(main()) == (True, 0)


def test_tasks_that_were_stepped_by_hand_are_let_go_when_there_are_many(ours):
    async def nothing():
        pass

    steps = []

    async def main():
        schedule = ours.call_soon
        current = asyncio.current_task()
        for _ in range(10_000):
            ours.call_soon = lambda step, **options: steps.append(step)
            ours.create_task(nothing())
            ours.call_soon = schedule
            asyncio.tasks._leave_task(ours, current)
            steps.pop()()
            asyncio.tasks._enter_task(ours, current)
        return ours._held_tasks

    assert ours.run_until_complete(main()) < 5000


@pytest.mark.parametrize("count", [10, 5000])
@pytest.mark.parametrize("order", ["as spawned", "backwards", "odd ones first", "shuffled"])
def test_tasks_may_end_in_any_order(ours, order, count):
    """Those that end at their first step, in the order in which they were spawned, never come to
    the loop's map; the others may."""
    numbers = list(range(count))
    if order == "backwards":
        numbers.reverse()
    elif order == "odd ones first":
        numbers.sort(key=lambda number: number % 2 == 0)
    elif order == "shuffled":
        random.Random(count).shuffle(numbers)

    async def main():
        gates = [ours.create_future() for _ in range(count)]
        tasks = [weakref.ref(asyncio.create_task(wait(gate))) for gate in gates]
        counts = [ours._held_tasks]
        await asyncio.sleep(0)
        gc.collect()
        for ended, number in enumerate(numbers, 1):
            task = tasks[number]()
            assert task is not None
            assert not task.done()
            assert ours._spawn_site(task)
            del task
            gates[number].set_result(None)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            counts.append(ours._held_tasks)
            assert counts[-1] == 1 + count - ended
        assert all(task() is None for task in tasks)
        return counts[0]

    async def wait(gate):
        await gate

    assert ours.run_until_complete(main()) == 1 + count


def test_some_wait_and_some_end_at_once(ours):
    async def end():
        pass

    async def main():
        waiting, counts = [], []
        for number in range(3000):
            task = asyncio.create_task(wait_for_nobody() if number % 3 == 0 else end())
            if number % 3 == 0:
                waiting.append(weakref.ref(task))
            if number % 7 == 0:
                await asyncio.sleep(0)
                counts.append(ours._held_tasks - 1 - len(waiting))
        del task
        gc.collect()
        assert all(reference() is not None for reference in waiting)
        for reference in waiting:
            reference().cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert all(reference() is None for reference in waiting)
        return counts, ours._held_tasks

    counts, left = ours.run_until_complete(main())
    assert set(counts) == {0}
    assert left == 1


def test_a_factory_may_return_the_same_task_twice(ours):
    made = []

    def factory(loop, coro, **kwargs):
        if made:
            coro.close()
        else:
            made.append(asyncio.Task(coro, loop=loop, **kwargs))
        return made[0]

    async def main():
        first = ours.create_task(wait_for_nobody())
        ours.set_task_factory(factory)
        second = ours.create_task(wait_for_nobody())
        assert ours.create_task(wait_for_nobody()) is second
        made[0] = first
        assert ours.create_task(wait_for_nobody()) is first
        assert ours._held_tasks == 3
        await asyncio.sleep(0)
        first.cancel()
        second.cancel()
        await asyncio.wait([first, second])
        return ours._held_tasks

    assert ours.run_until_complete(main()) == 1


def test_a_burst_of_tasks_leaves_no_room_behind(ours):
    async def main():
        await asyncio.gather(*[asyncio.sleep(0) for _ in range(50_000)])

    ours.run_until_complete(main())
    assert ours._held_tasks == 0


def test_closing_destroys_pending_tasks_with_asyncios_words(loop):
    contexts = []
    loop.set_exception_handler(lambda loop, context: contexts.append(context["message"]))
    task = weakref.ref(loop.create_task(wait_for_nobody()))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    gc.collect()
    assert task() is None
    assert contexts == ["Task was destroyed but it is pending!"]


@pytest.mark.filterwarnings("ignore:unclosed event loop:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_is_dropped_with_its_tasks_is_collected(loop_factory):
    loop = loop_factory()
    loop.set_exception_handler(lambda loop, context: None)
    references = [weakref.ref(loop), weakref.ref(loop.create_task(wait_for_nobody()))]
    loop.run_until_complete(asyncio.sleep(0))
    del loop
    gc.collect()
    assert [reference() for reference in references] == [None, None]


def test_all_tasks_is_asyncios(loop):
    first, second = loop.create_task(wait_for_nobody()), loop.create_task(asyncio.sleep(0))
    assert asyncio.all_tasks(loop) == {first, second}
    loop.run_until_complete(second)
    assert asyncio.all_tasks(loop) == {first}
    first.cancel()
    loop.run_until_complete(asyncio.wait([first]))
    assert asyncio.all_tasks(loop) == set()
