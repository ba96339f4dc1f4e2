"""Exceptions of tasks that nobody asks for; and those that somebody asks for, in time or late."""

import asyncio
import contextlib
import gc
import traceback

import pytest

import aioxide
from aioxide import Diagnostics

GRACE = 0.05
MESSAGE = "Task exception was never retrieved"


@pytest.fixture
def contexts(expect_exception_handler):
    return expect_exception_handler


@pytest.fixture
def only_ours(loop_kind):
    if loop_kind == "asyncio":
        pytest.skip("asyncio reports when the task is collected")


async def fail(error=None):
    raise error or ValueError("failed")


def spawn(loop):
    return loop.create_task(fail())


@pytest.mark.usefixtures("only_ours")
def test_a_task_that_is_kept_is_reported_when_the_grace_is_over(loop, contexts, pass_time):
    task = spawn(loop)
    pass_time(GRACE / 2)
    assert contexts == []
    pass_time(GRACE)
    [context] = contexts
    assert context["message"] == MESSAGE
    assert context["future"] is task
    assert context["exception"] is task.exception()
    assert [frame.name for frame in context["source_traceback"]][-1] == "spawn"
    assert context["note"].startswith("nobody has asked for the exception in 0.05 s")
    assert traceback.extract_tb(context["exception"].__traceback__)[-1].name == "fail"
    contexts.clear()
    pass_time(10)
    del task, context
    gc.collect()
    assert contexts == []


def test_a_task_that_nobody_refers_to_is_reported_at_once(loop, contexts, turn):
    spawn(loop)
    turn()
    gc.collect()
    [context] = contexts
    assert context["message"] == MESSAGE
    assert context.keys() == {"message", "exception", "future"}


def test_its_log_says_where_it_was_spawned(loop, loop_kind, asyncio_log, turn):
    spawn(loop)
    turn()
    gc.collect()
    [record] = [record for record in asyncio_log if record.levelname == "ERROR"]
    text = record.getMessage()
    assert text.startswith(f"{MESSAGE}\nfuture: <Task finished")
    assert ("return loop.create_task(fail())" in text) == (loop_kind == "aioxide")


def test_asked_for_by_whom_the_same_moment_wakes(loop, contexts, pass_time):
    async def main():
        task = loop.create_task(fail())
        await asyncio.sleep(GRACE)
        return task.exception()

    main = loop.create_task(main())
    pass_time(0)
    pass_time(GRACE)
    assert type(main.result()) is ValueError
    pass_time(1)
    assert contexts == []


@pytest.mark.usefixtures("only_ours")
def test_it_can_still_be_retrieved(loop, contexts, pass_time, run):
    task = spawn(loop)
    pass_time(1)
    assert len(contexts) == 1
    with pytest.raises(ValueError, match="failed"):
        run(task)
    assert len(contexts) == 1


@pytest.mark.usefixtures("only_ours")
def test_many_at_different_times_are_reported_in_their_order(loop, contexts, pass_time):
    tasks = []
    for number in range(5):
        tasks.append(loop.create_task(fail(ValueError(number))))
        pass_time(GRACE / 4)
    pass_time(1)
    assert [context["exception"].args[0] for context in contexts] == [0, 1, 2, 3, 4]


@pytest.mark.usefixtures("only_ours")
def test_the_default_handler_logs_it(loop, asyncio_log, pass_time):
    task = spawn(loop)
    pass_time(1)
    [record] = [record for record in asyncio_log if record.levelname == "ERROR"]
    text = record.getMessage()
    assert text.startswith(f"{MESSAGE}\nfuture: {task!r}")
    assert "Object created at (most recent call last)" in text
    assert "return loop.create_task(fail())" in text
    assert record.exc_info[1] is task.exception()


@pytest.mark.usefixtures("only_ours")
def test_debug_modes_traceback_is_kept(loop, contexts, pass_time):
    loop.set_debug(True)
    loop.slow_callback_duration = 60
    task = spawn(loop)
    pass_time(1)
    [context] = contexts
    assert context["source_traceback"] is task._source_traceback


@pytest.mark.parametrize(("grace", "reports"), [(False, 0), (5.0, 0), (0.5, 1)])
def test_the_grace_is_what_the_settings_say(grace, reports):
    loop = aioxide.new_event_loop(diagnostics=Diagnostics(lost_exceptions=grace))
    contexts = []
    loop.set_exception_handler(lambda loop, context: contexts.append(context))
    times = [0.0]
    loop.time = lambda: times[-1]
    task = spawn(loop)
    for seconds in (0.0, 1.0, 1.0):
        times.append(seconds)
        loop.call_soon(loop.stop)
        loop.run_forever()
    assert len(contexts) == reports
    assert task.exception() is not None
    loop.close()


# What is no loss


async def late(task):
    with pytest.raises(ValueError, match="failed"):
        await task


def test_awaited_at_once(loop, contexts, pass_time):
    waiting = loop.create_task(late(spawn(loop)))
    pass_time(1)
    assert waiting.done()
    assert contexts == []


def test_awaited_within_the_grace(loop, contexts, pass_time, run):
    task = spawn(loop)
    pass_time(GRACE / 2)
    run(late(task))
    pass_time(1)
    assert contexts == []


def test_exception_asked_for_within_the_grace(loop, contexts, pass_time):
    task = spawn(loop)
    pass_time(GRACE / 2)
    assert task.exception() is not None
    pass_time(1)
    assert contexts == []


def test_a_callback_of_the_programs_own(loop, contexts, pass_time):
    """Whoever asked to be told of the end has taken it over; asyncio reports at the collection."""
    task = spawn(loop)
    ended = []
    task.add_done_callback(ended.append)
    pass_time(1)
    assert ended == [task]
    assert contexts == []
    task.exception()


def gather_that_collects(loop):
    async def main():
        return await asyncio.gather(fail(), asyncio.sleep(2), return_exceptions=True)

    return main()


def gather_that_raises(loop):
    async def main():
        with pytest.raises(ValueError, match="failed"):
            await asyncio.gather(fail(), fail(), asyncio.sleep(0.5))

    return main()


def wait_for_all(loop):
    async def main():
        done, _ = await asyncio.wait([spawn(loop), loop.create_task(asyncio.sleep(2))])
        return [task.exception() for task in done]

    return main()


def as_completed(loop):
    async def main():
        for following in asyncio.as_completed([fail(), asyncio.sleep(2)]):
            with contextlib.suppress(ValueError):
                await following

    return main()


def task_group(loop):
    async def main():
        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                group.create_task(asyncio.sleep(2))

    return main()


def timeout(loop):
    async def main():
        with pytest.raises(ValueError, match="failed"):
            async with asyncio.timeout(2):
                await spawn(loop)

    return main()


def wait_for(loop):
    async def main():
        with pytest.raises(ValueError, match="failed"):
            await asyncio.wait_for(spawn(loop), 2)

    return main()


def shield(loop):
    async def main():
        with pytest.raises(ValueError, match="failed"):
            await asyncio.shield(spawn(loop))

    return main()


def cancelled(loop):
    async def main():
        task = loop.create_task(asyncio.sleep(10))
        await asyncio.sleep(0)
        task.cancel()
        kept.append(task)

    kept = []
    return main()


WAYS = [
    gather_that_collects,
    gather_that_raises,
    wait_for_all,
    as_completed,
    task_group,
    timeout,
    wait_for,
    shield,
    cancelled,
]


@pytest.mark.parametrize("make", WAYS, ids=lambda make: make.__name__)
def test_asyncios_own_ways_to_wait_lose_nothing(loop, contexts, pass_time, make):
    main = loop.create_task(make(loop))
    for _ in range(20):
        pass_time(0.2)
    assert main.done()
    assert main.exception() is None
    del main
    gc.collect()
    assert contexts == []
