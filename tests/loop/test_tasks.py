"""create_future and create_task: names, contexts, factories, eager tasks."""

import asyncio
import contextvars
import inspect
import sys

import pytest

NAME = contextvars.ContextVar("NAME", default="default")
HAS_EAGER = sys.version_info >= (3, 12)
# 3.13.3 gave create_task **kwargs, which it hands to the factory.
PASSES_KEYWORDS = sys.version_info >= (3, 13, 3)


async def coroutine(value=None):
    await asyncio.sleep(0)
    return value


def test_create_future(loop):
    future = loop.create_future()
    assert type(future) is asyncio.Future
    assert future.get_loop() is loop
    assert not future.done()


def test_create_task(loop):
    task = loop.create_task(coroutine("value"))
    assert type(task) is asyncio.Task
    assert task.get_loop() is loop
    assert not task.done()
    assert loop.run_until_complete(task) == "value"


def test_task_starts_in_a_later_turn(loop, turn):
    seen = []

    async def main():
        seen.append("task")

    task = loop.create_task(main())
    loop.call_soon(seen.append, "after")
    assert seen == []
    turn()
    assert seen == ["task", "after"]
    assert task.done()


def test_name(loop):
    named = loop.create_task(coroutine(), name="a name")
    assert named.get_name() == "a name"
    numbered = loop.create_task(coroutine(), name=42)
    assert numbered.get_name() == "42"
    unnamed = loop.create_task(coroutine(), name=None)
    assert unnamed.get_name().startswith("Task-")
    loop.run_until_complete(asyncio.wait([named, numbered, unnamed]))


def test_context(loop):
    async def main():
        before = NAME.get()
        NAME.set("set by the task")
        await asyncio.sleep(0)
        return before, NAME.get()

    context = contextvars.copy_context()
    context.run(NAME.set, "given")
    task = loop.create_task(main(), context=context)
    assert loop.run_until_complete(task) == ("given", "set by the task")
    assert context[NAME] == "set by the task"
    assert loop.run_until_complete(loop.create_task(main())) == ("default", "set by the task")
    assert NAME.get() == "default"


def test_wrong_context(loop):
    waiting = coroutine()
    try:
        task = loop.create_task(waiting, context="text")
    except (TypeError, AttributeError, RuntimeError):
        waiting.close()
    else:
        loop.set_exception_handler(lambda loop, context: loop.stop())
        loop.run_forever()
        assert not task.done()
        task._log_destroy_pending = False
        waiting.close()


@pytest.mark.parametrize("thing", [None, 1, "text", lambda: None])
def test_not_a_coroutine(loop, thing):
    with pytest.raises(TypeError, match="a coroutine was expected"):
        loop.create_task(thing)


def test_coroutine_function_instead_of_coroutine(loop):
    with pytest.raises(TypeError, match="a coroutine was expected"):
        loop.create_task(coroutine)


def test_unknown_keyword(loop):
    waiting = coroutine()
    with pytest.raises(TypeError):
        loop.create_task(waiting, unknown=1)
    waiting.close()


def test_tasks_advance_in_order(loop):
    """Each sleep(0) is one turn, for all tasks alike."""
    seen = []

    async def stepper(name):
        for step in range(3):
            seen.append((step, name))
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(*[stepper(name) for name in "abc"])

    loop.run_until_complete(main())
    assert seen == [(step, name) for step in range(3) for name in "abc"]


def test_current_task_and_all_tasks(loop):
    async def other():
        return asyncio.current_task().get_name()

    async def main():
        me = asyncio.current_task()
        task = asyncio.create_task(other(), name="other")
        assert asyncio.all_tasks() == {me, task}
        assert await task == "other"
        assert asyncio.current_task() is me
        assert asyncio.all_tasks() == {me}

    loop.run_until_complete(main())
    assert asyncio.all_tasks(loop) == set()
    assert asyncio.current_task(loop) is None


def test_no_current_task_in_a_callback(loop):
    seen = []

    async def main():
        loop.call_soon(lambda: seen.append(asyncio.current_task()))
        await asyncio.sleep(0)

    loop.run_until_complete(main())
    assert seen == [None]


def test_exception_is_kept_for_the_waiter(loop):
    async def fail():
        raise LookupError("failed")

    async def main():
        task = asyncio.create_task(fail())
        await asyncio.wait([task])
        with pytest.raises(LookupError, match="failed"):
            await task

    loop.run_until_complete(main())


def test_task_exception_never_retrieved(loop, expect_exception_handler):
    async def fail():
        raise LookupError("failed")

    async def main():
        task = asyncio.create_task(fail())
        await asyncio.sleep(0)
        assert task.done()
        del task

    loop.run_until_complete(main())
    [context] = expect_exception_handler
    assert context["message"] == "Task exception was never retrieved"
    assert isinstance(context["exception"], LookupError)


def test_pending_task_destroyed(loop_factory):
    import gc

    contexts = []

    def run():
        loop = loop_factory()
        loop.set_exception_handler(lambda loop, context: contexts.append(context["message"]))
        loop.create_task(asyncio.sleep(3600))
        loop.stop()
        loop.run_forever()
        loop.close()

    run()
    gc.collect()
    assert contexts == ["Task was destroyed but it is pending!"]


# Factories


def test_task_factory(loop):
    calls = []

    class OwnTask(asyncio.Task):
        pass

    def factory(loop, coro, **kwargs):
        calls.append(sorted(kwargs))
        return OwnTask(coro, loop=loop, **kwargs)

    assert loop.get_task_factory() is None
    loop.set_task_factory(factory)
    assert loop.get_task_factory() is factory
    task = loop.create_task(coroutine("value"), name="a name")
    assert type(task) is OwnTask
    assert task.get_name() == "a name"
    assert loop.run_until_complete(task) == "value"
    assert type(loop.run_until_complete(own_class())) is OwnTask
    loop.set_task_factory(None)
    assert loop.get_task_factory() is None
    plain = loop.create_task(coroutine())
    assert type(plain) is asyncio.Task
    loop.run_until_complete(plain)
    assert calls[0] == (["name"] if PASSES_KEYWORDS else [])


async def own_class():
    return asyncio.current_task()


def test_task_factory_without_keywords(loop):
    """The old signature serves as long as no keyword is given."""

    def factory(loop, coro):
        return asyncio.Task(coro, loop=loop)

    loop.set_task_factory(factory)
    assert loop.run_until_complete(loop.create_task(coroutine(1))) == 1
    assert loop.run_until_complete(coroutine(2)) == 2


def test_task_factory_gets_the_context(loop):
    seen = []

    def factory(loop, coro, **kwargs):
        seen.append(kwargs.get("context"))
        return asyncio.Task(coro, loop=loop, **kwargs)

    loop.set_task_factory(factory)
    context = contextvars.copy_context()
    loop.run_until_complete(loop.create_task(coroutine(), context=context))
    assert seen == [context]


def test_task_factory_of_foreign_futures(loop):
    """A factory may return any future; the name is set where there is a place for it."""
    if (3, 13) <= sys.version_info < (3, 13, 3):
        pytest.skip("3.13.0 to 3.13.2 call set_name() on whatever the factory returns")

    def factory(loop, coro, **kwargs):
        coro.close()
        future = loop.create_future()
        future.set_result("no task")
        return future

    loop.set_task_factory(factory)
    assert loop.run_until_complete(loop.create_task(coroutine())) == "no task"
    assert loop.run_until_complete(coroutine()) == "no task"


@pytest.mark.parametrize("thing", [1, "text", object()])
def test_wrong_task_factory(loop, thing):
    with pytest.raises(TypeError, match="^task factory must be a callable or None$"):
        loop.set_task_factory(thing)
    assert loop.get_task_factory() is None


def test_task_factory_that_raises(loop):
    def factory(loop, coro, **kwargs):
        raise LookupError("no task today")

    loop.set_task_factory(factory)
    waiting = coroutine()
    with pytest.raises(LookupError, match="no task today"):
        loop.create_task(waiting)
    with pytest.raises(LookupError, match="no task today"):
        loop.run_until_complete(waiting)
    waiting.close()
    assert not loop.is_running()


def test_task_factory_is_not_asked_by_a_nested_task_class(loop):
    """asyncio.Task(...) made by hand needs no factory."""
    loop.set_task_factory(lambda loop, coro, **kwargs: pytest.fail("asked"))

    async def main():
        return 1

    task = asyncio.Task(main(), loop=loop)
    assert loop.run_until_complete(task) == 1


def test_signature_of_create_task(loop):
    """Wrappers look at the signature to find out what they may pass on."""
    names = inspect.signature(loop.create_task).parameters
    assert "coro" in names
    kinds = {parameter.kind for parameter in names.values()}
    assert inspect.Parameter.VAR_KEYWORD in kinds or {"name", "context"} <= set(names)


# Eager tasks


@pytest.mark.skipif(not HAS_EAGER, reason="eager tasks are new in 3.12")
class TestEager:
    def test_runs_in_the_call(self, loop):
        seen = []

        async def at_once():
            seen.append("task")
            return "value"

        async def main():
            task = asyncio.create_task(at_once())
            seen.append("creator")
            assert task.done()
            return await task

        loop.set_task_factory(asyncio.eager_task_factory)
        assert loop.run_until_complete(main()) == "value"
        assert seen == ["task", "creator"]

    def test_that_suspends_goes_on_later(self, loop):
        seen = []

        async def suspending():
            seen.append("start")
            await asyncio.sleep(0)
            seen.append("end")

        async def main():
            task = asyncio.create_task(suspending(), name="a name")
            assert task.get_name() == "a name"
            seen.append("creator")
            await task

        loop.set_task_factory(asyncio.eager_task_factory)
        loop.run_until_complete(main())
        assert seen == ["start", "creator", "end"]

    def test_does_not_call_the_loop_when_it_ends_at_once(self, loop, monkeypatch):
        calls = []

        async def at_once():
            return 1

        async def main():
            call_soon = loop.call_soon
            with monkeypatch.context() as patch:
                patch.setattr(
                    loop, "call_soon", lambda *a, **k: calls.append(a) or call_soon(*a, **k)
                )
                asyncio.create_task(at_once())
                return list(calls)

        loop.set_task_factory(asyncio.eager_task_factory)
        assert loop.run_until_complete(main()) == []

    def test_current_task(self, loop):
        async def inner():
            return asyncio.current_task()

        async def main():
            outer = asyncio.current_task()
            task = asyncio.create_task(inner())
            assert asyncio.current_task() is outer
            assert await task is task

        loop.set_task_factory(asyncio.eager_task_factory)
        loop.run_until_complete(main())

    def test_exception(self, loop):
        async def fail():
            raise LookupError("failed")

        async def main():
            task = asyncio.create_task(fail())
            assert task.done()
            with pytest.raises(LookupError):
                await task

        loop.set_task_factory(asyncio.eager_task_factory)
        loop.run_until_complete(main())

    def test_task_of_a_stopped_loop_is_not_eager(self, loop):
        seen = []

        async def main():
            seen.append("task")

        loop.set_task_factory(asyncio.eager_task_factory)
        task = loop.create_task(main())
        assert seen == []
        loop.run_until_complete(task)
        assert seen == ["task"]

    def test_own_task_class(self, loop):
        class OwnTask(asyncio.Task):
            pass

        async def main():
            return asyncio.current_task()

        loop.set_task_factory(asyncio.create_eager_task_factory(OwnTask))
        assert type(loop.run_until_complete(main())) is OwnTask

    @pytest.mark.parametrize("eager", [True, False, None])
    @pytest.mark.skipif(not PASSES_KEYWORDS, reason="create_task passes keywords since 3.13.3")
    def test_eager_start(self, loop, eager):
        seen = []

        async def inner():
            seen.append("task")

        async def main():
            task = loop.create_task(inner(), eager_start=eager)
            seen.append("creator")
            await task

        loop.run_until_complete(main())
        assert seen == (["task", "creator"] if eager else ["creator", "task"])

    @pytest.mark.skipif(sys.version_info < (3, 14), reason="eager_start is new in 3.14")
    def test_eager_start_of_the_function_and_the_group(self, loop):
        seen = []

        async def inner(name):
            seen.append(name)

        async def main():
            await asyncio.create_task(inner("function"), eager_start=True)
            async with asyncio.TaskGroup() as group:
                group.create_task(inner("group"), eager_start=True)
                seen.append("creator")

        loop.run_until_complete(main())
        assert seen == ["function", "group", "creator"]

    @pytest.mark.skipif(sys.version_info < (3, 14), reason="eager_start is new in 3.14")
    def test_eager_start_overrides_an_eager_factory(self, loop):
        seen = []

        async def inner():
            seen.append("task")

        async def main():
            task = loop.create_task(inner(), eager_start=False)
            seen.append("creator")
            await task

        loop.set_task_factory(asyncio.eager_task_factory)
        loop.run_until_complete(main())
        assert seen == ["creator", "task"]


def test_task_groups_and_gather_are_the_standard_ones(loop):
    async def main():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine(number)) for number in range(5)]
        results = await asyncio.gather(*[coroutine(number) for number in range(5)])
        return [task.result() for task in tasks], results

    assert loop.run_until_complete(main()) == ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4])


def test_future_callbacks_run_through_call_soon(loop, turn):
    seen = []
    future = loop.create_future()
    future.add_done_callback(lambda future: seen.append(future.result()))
    future.set_result("value")
    assert seen == []
    turn()
    assert seen == ["value"]


def test_introspection_sees_the_tasks(loop):
    """The stack of a waiting task, as asyncio.Task tells it."""

    async def inner():
        await asyncio.sleep(3600)

    async def main():
        task = asyncio.create_task(inner())
        await asyncio.sleep(0)
        [frame] = task.get_stack()
        assert frame.f_code is inner.__code__
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    loop.run_until_complete(main())
