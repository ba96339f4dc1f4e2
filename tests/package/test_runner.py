"""run() and Runner against asyncio's: the same in all but the loop they make."""

import asyncio
import contextvars
import gc
import inspect
import signal
import sys
import threading
import weakref

import pytest

import aioxide

MODULES = {"aioxide": aioxide, "asyncio": asyncio}
LOOPS = {"aioxide": aioxide.EventLoop, "asyncio": asyncio.SelectorEventLoop}


@pytest.fixture(params=list(MODULES))
def name(request):
    return request.param


@pytest.fixture
def module(name):
    return MODULES[name]


@pytest.fixture
def kind(name):
    return LOOPS[name]


@pytest.fixture(autouse=True)
def no_current_loop():
    yield
    asyncio.set_event_loop(None)


async def running():
    return asyncio.get_running_loop()


def test_run_returns_the_result_and_closes_the_loop(module, kind):
    loop = module.run(running())
    assert type(loop) is kind
    assert loop.is_closed()


def test_run_raises_what_main_raises(module):
    async def main():
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        module.run(main())


@pytest.mark.parametrize("debug", [None, False, True])
def test_run_sets_debug_mode(module, debug):
    async def main():
        return asyncio.get_running_loop().get_debug()

    assert module.run(main(), debug=debug) is bool(debug)


def test_run_takes_a_loop_factory():
    """Of all Pythons: asyncio.run() has it since 3.12."""
    assert type(aioxide.run(running(), loop_factory=asyncio.SelectorEventLoop)) is (
        asyncio.SelectorEventLoop
    )


def test_parameters_are_asyncios():
    def parameters(function):
        return [
            (p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()
        ]

    ours, theirs = parameters(aioxide.run), parameters(asyncio.run)
    assert ours[: len(theirs)] == theirs
    assert [parameter[0] for parameter in ours] == ["main", "debug", "loop_factory", "diagnostics"]
    ours, theirs = parameters(aioxide.Runner), parameters(asyncio.Runner)
    assert ours[: len(theirs)] == theirs
    assert [parameter[0] for parameter in ours] == ["debug", "loop_factory", "diagnostics"]
    for method in ("run", "close", "get_loop"):
        assert getattr(aioxide.Runner, method) is getattr(asyncio.Runner, method)


def test_run_in_a_running_loop_is_an_error(module, name):
    async def inner():
        raise AssertionError("not run")

    async def main():
        coroutine = inner()
        try:
            module.run(coroutine)
        finally:
            coroutine.close()

    with pytest.raises(RuntimeError) as raised:
        module.run(main())
    assert str(raised.value) == f"{name}.run() cannot be called from a running event loop"


def test_run_wants_a_coroutine(module):
    error = TypeError if sys.version_info >= (3, 14) else ValueError
    with pytest.raises(error):
        module.run(running)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="only coroutines before 3.14")
def test_run_takes_any_awaitable(module):
    class Awaitable:
        def __await__(self):
            return (yield from asyncio.sleep(0, "result").__await__())

    assert module.run(Awaitable()) == "result"


def test_run_cancels_what_is_left(module):
    ended = []

    async def left():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            ended.append("task")
            raise

    async def generate():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            ended.append("generator")

    async def main():
        task = asyncio.create_task(left())
        generator = generate()
        await anext(generator)
        await asyncio.to_thread(int)
        return task, generator

    task, _ = module.run(main())
    assert task.cancelled()
    assert ended == ["task", "generator"]
    assert not [t for t in threading.enumerate() if t.name.startswith("asyncio_")]


def test_task_that_fails_at_the_end_is_reported(module, asyncio_log):
    async def left():
        try:
            await asyncio.Event().wait()
        finally:
            1 / 0  # noqa: B018

    async def main():
        task = asyncio.create_task(left())
        await asyncio.sleep(0)
        return task

    module.run(main())
    messages = [record.getMessage() for record in asyncio_log]
    assert any("unhandled exception during asyncio.run() shutdown" in text for text in messages)


def test_runner_makes_its_loop_current(module):
    """A program that calls get_event_loop() between two runs sees it."""
    with module.Runner() as runner:
        assert asyncio.get_event_loop() is runner.get_loop()
        assert runner.run(running()) is runner.get_loop()
        assert asyncio.get_event_loop() is runner.get_loop()
    with pytest.raises(RuntimeError, match="There is no current event loop"):
        asyncio.get_event_loop()


def test_runner_with_a_factory_makes_nothing_current(module, kind):
    asyncio.set_event_loop(None)
    with module.Runner(loop_factory=kind):
        with pytest.raises(RuntimeError, match="There is no current event loop"):
            asyncio.get_event_loop()


def test_runner_is_lazy(module):
    made = []

    def factory():
        made.append(asyncio.SelectorEventLoop())
        return made[-1]

    runner = module.Runner(loop_factory=factory)
    assert made == []
    runner.close()
    assert made == []
    assert runner.get_loop() is runner.get_loop() is made[0]
    assert len(made) == 1
    runner.close()
    assert made[0].is_closed()


def test_runner_that_is_closed_is_an_error(module):
    runner = module.Runner()
    runner.get_loop()
    runner.close()
    runner.close()
    with pytest.raises(RuntimeError, match="Runner is closed"):
        runner.get_loop()
    with pytest.raises(RuntimeError, match="Runner is closed"), module.Runner() as other:
        other.close()
        other.get_loop()


def test_runner_keeps_its_context(module):
    variable = contextvars.ContextVar("variable", default="none")

    async def change(value):
        before = variable.get()
        variable.set(value)
        return before

    with module.Runner() as runner:
        assert runner.run(change("first")) == "none"
        assert runner.run(change("second")) == "first"
        assert runner.run(change("third"), context=contextvars.Context()) == "none"
    assert variable.get() == "none"


def test_runner_in_a_thread(module, kind, start_thread):
    loops = []

    def work():
        with module.Runner() as runner:
            loops.append(runner.run(running()))

    start_thread(work).join()
    assert type(loops[0]) is kind


def test_interrupt_cancels_main(module):
    seen = []

    async def main():
        signal.raise_signal(signal.SIGINT)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    with pytest.raises(KeyboardInterrupt):
        module.run(main())
    assert seen == ["cancelled"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_second_interrupt_is_raised_at_once(module):
    async def main():
        try:
            signal.raise_signal(signal.SIGINT)
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            signal.raise_signal(signal.SIGINT)
            raise AssertionError("not reached") from None

    with pytest.raises(KeyboardInterrupt):
        module.run(main())


def test_interrupt_that_main_takes_is_over(module):
    async def main():
        signal.raise_signal(signal.SIGINT)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            asyncio.current_task().uncancel()
            return "went on"

    assert module.run(main()) == "went on"


def test_signal_handler_of_the_program_is_kept(module):
    seen = []
    previous = signal.signal(signal.SIGINT, lambda *_: seen.append("program's"))
    try:

        async def main():
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(0)
            return "went on"

        assert module.run(main()) == "went on"
    finally:
        signal.signal(signal.SIGINT, previous)
    assert seen == ["program's"]


def test_runner_leaves_no_cycle(module):
    with module.Runner() as runner:
        runner.run(asyncio.sleep(0))
    gc.disable()
    try:
        reference = weakref.ref(runner)
        del runner
        assert reference() is None
    finally:
        gc.enable()
