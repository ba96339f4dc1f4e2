"""Who has cancelled: the note in a CancelledError, which is otherwise as asyncio makes it."""

import asyncio
import contextlib
import pickle
import traceback

import pytest

import aioxide
from aioxide import Diagnostics


def notes_of(error):
    return getattr(error, "__notes__", [])


async def wait_long():
    await asyncio.sleep(3600)


async def how_it_ended(awaitable):
    """The CancelledError, or what came of it."""
    try:
        await awaitable
    except (asyncio.CancelledError, TimeoutError) as error:
        return error
    raise AssertionError("it was not cancelled")


@pytest.fixture
def noted(run, loop_kind):
    """noted(coroutine) runs it, and returns its result and the notes of that, an exception.

    On asyncio there are no notes; all else has to hold there, too.
    """

    def check(main, expected):
        error = run(main)
        found = notes_of(error)
        if loop_kind == "aioxide":
            assert [note.replace(__file__, "FILE") for note in found] == expected
        else:
            assert found == []
        return error

    return check


async def started(coroutine, **options):
    task = asyncio.create_task(coroutine, **options)
    await asyncio.sleep(0)
    return task


def line_of(marker):
    with open(__file__) as file:
        lines = [number for number, line in enumerate(file, 1) if line.endswith(f"# {marker}\n")]
    [line] = lines
    return line


@pytest.fixture(autouse=True)
def in_the_root(monkeypatch, tmp_path):
    """Files are named from the current directory on."""
    monkeypatch.chdir(tmp_path)


async def shut_down(task):
    task.cancel()  # shut down


def test_by_another_task(noted):
    async def main():
        task = await started(wait_long())
        await started(shut_down(task), name="shutdown")
        return await how_it_ended(task)

    where = f"FILE:{line_of('shut down')} in shut_down"
    noted(main(), [f"cancelled by task 'shutdown' at {where}"])


def test_calls_that_block_are_forbidden(noted, monkeypatch):
    """As by blockbuster, which puts its own functions in the place of those of `os`."""

    def forbidden():
        raise RuntimeError("a blocking call")

    async def main():
        task = await started(wait_long())
        await started(forbidding(task), name="shutdown")
        return await how_it_ended(task)

    async def forbidding(task):
        with monkeypatch.context() as patch:
            patch.setattr("os.getcwd", forbidden)
            task.cancel()  # forbidden

    name = "test_calls_that_block_are_forbidden.<locals>.forbidding"
    noted(main(), [f"cancelled by task 'shutdown' at FILE:{line_of('forbidden')} in {name}"])


def test_the_message_is_the_programs(noted):
    async def main():
        asyncio.current_task().set_name("main")
        task = await started(wait_long())
        task.cancel("enough")  # with a message
        return await how_it_ended(task)

    where = f"FILE:{line_of('with a message')} in test_the_message_is_the_programs.<locals>.main"
    error = noted(main(), [f"cancelled by task 'main' at {where}"])
    assert error.args == ("enough",)
    assert str(error) == "enough"


def test_by_a_callback(noted):
    async def main():
        async def cancel_me():
            timer = asyncio.get_running_loop().create_future()
            me = asyncio.current_task()

            def callback():
                me.cancel()  # callback

            asyncio.get_running_loop().call_soon(callback)
            await timer

        return await how_it_ended(asyncio.create_task(cancel_me()))

    function = "test_by_a_callback.<locals>.main.<locals>.cancel_me.<locals>.callback"
    noted(main(), [f"cancelled at FILE:{line_of('callback')} in {function}"])


def test_by_timeout(noted):
    async def main():
        error = await how_it_ended(with_timeout())
        assert type(error) is TimeoutError
        return error.__cause__

    async def with_timeout():
        async with asyncio.timeout(0.001):
            await wait_long()

    noted(main(), ["cancelled by asyncio.timeout(): its time was up"])


def test_by_wait_for(noted):
    seen = []

    async def watched():
        try:
            await wait_long()
        except asyncio.CancelledError as error:
            seen.append(error)
            raise

    async def main():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watched(), 0.001)
        return seen[0]

    noted(main(), ["cancelled by asyncio.wait_for(timeout=0.001): its time was up"])


async def fail():
    await asyncio.sleep(0)
    raise ConnectionError("no database")


def test_by_a_task_group_whose_task_failed(noted):
    seen = []

    async def sibling():
        try:
            await wait_long()
        except asyncio.CancelledError as error:
            seen.append(error)
            raise

    async def main():
        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(sibling())
                group.create_task(fail(), name="db")
                try:
                    await wait_long()
                except asyncio.CancelledError as error:
                    seen.append(error)
                    raise
        [error, in_body] = seen
        assert notes_of(error) == notes_of(in_body)
        return error

    text = "cancelled by its task group: task 'db' failed with ConnectionError('no database')"
    noted(main(), [text])


def test_by_a_task_group_whose_body_failed(noted):
    seen = []

    async def sibling():
        try:
            await wait_long()
        except asyncio.CancelledError as error:
            seen.append(error)
            raise

    async def main():
        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(sibling())
                await asyncio.sleep(0)
                raise KeyError("x")
        return seen[0]

    noted(main(), ["cancelled by its task group: the body of the group raised KeyError"])


def test_through_gather_and_through_tasks_that_wait_for_tasks(noted):
    """There is one exception, on its way up, and it gets one note."""

    async def wait_for_another():
        await asyncio.gather(await started(wait_long()), wait_long())

    async def main():
        task = await started(wait_for_another())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await started(shut_down(task), name="shutdown")
        return await how_it_ended(task)

    where = f"FILE:{line_of('shut down')} in shut_down"
    noted(main(), [f"cancelled by task 'shutdown' at {where}"])


def test_a_future_that_somebody_cancels(noted):
    async def main():
        asyncio.current_task().set_name("main")
        future = asyncio.get_running_loop().create_future()
        task = await started(how_it_ended(future), name="waiting")
        future.cancel()  # future
        error = await task
        assert task.cancelling() == 0
        return error

    function = "test_a_future_that_somebody_cancels.<locals>.main"
    where = f"FILE:{line_of('future')} in {function}"
    noted(main(), [f"what it waited for was cancelled by task 'main' at {where}"])


def test_at_the_end_of_a_run(loop_factory, loop_kind):
    seen = []

    async def left_over():
        try:
            await wait_long()
        except asyncio.CancelledError as error:
            seen.append(error)
            raise

    async def main():
        await started(left_over())

    with asyncio.Runner(loop_factory=quiet(loop_factory)) as runner:
        runner.run(main())
    expected = ["cancelled by the end of the run"] if loop_kind == "aioxide" else []
    assert notes_of(seen[0]) == expected


def quiet(loop_factory):
    """A factory of loops that do not report what is pending."""
    if loop_factory is not aioxide.new_event_loop:
        return loop_factory
    return lambda: aioxide.new_event_loop(diagnostics=Diagnostics(pending=False))


def test_a_task_that_had_not_begun_is_cancelled_without_a_note(run):
    async def main():
        task = asyncio.create_task(wait_long())
        task.cancel()
        return await how_it_ended(task)

    assert notes_of(run(main())) == []


def test_a_cancellation_that_was_swallowed_leaves_nothing(run, loop):
    async def stubborn():
        with contextlib.suppress(asyncio.CancelledError):
            await wait_long()
        future = loop.create_future()
        loop.call_soon(future.set_result, "value")
        return await future

    async def main():
        task = await started(stubborn())
        task.cancel()
        return await task

    assert run(main()) == "value"


def test_each_cancellation_has_its_own_note(run, loop_kind):
    async def stubborn():
        errors = []
        for _ in range(2):
            try:
                await wait_long()
            except asyncio.CancelledError as error:
                errors.append(error)
        return errors

    async def cancel(task):
        task.cancel()

    async def main():
        task = await started(stubborn())
        for name in ("first", "second"):
            await started(cancel(task), name=name)
            await asyncio.sleep(0)
        return await task

    errors = run(main())
    assert errors[0] is not errors[1]
    if loop_kind == "aioxide":
        names = [notes_of(error)[0].split("'")[1] for error in errors]
        assert names == ["first", "second"]


def test_the_traceback_is_asyncios(run):
    async def main():
        task = await started(wait_long())
        task.cancel()
        return await how_it_ended(task)

    error = run(main())
    names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert names == ["how_it_ended", "wait_long", "sleep"]
    assert error.__context__ is None
    assert pickle.loads(pickle.dumps(error)).args == ()


def test_switched_off():
    loop = aioxide.new_event_loop(diagnostics=Diagnostics(cancel_notes=False))

    async def main():
        task = await started(wait_long())
        task.cancel()
        return await how_it_ended(task)

    assert notes_of(loop.run_until_complete(main())) == []
    loop.close()
