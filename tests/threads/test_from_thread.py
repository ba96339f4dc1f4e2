"""from_thread: coroutines and functions in the loop, from a thread."""

import asyncio
import concurrent.futures
import contextvars
import threading

import pytest

import aioxide
from aioxide import from_thread, threaded

NAME = contextvars.ContextVar("NAME", default="default")


@pytest.fixture(autouse=True)
def pool_is_ended(loop):
    yield
    loop.run_until_complete(loop.shutdown_asyncgens())


async def where(*args):
    await asyncio.sleep(0)
    return args, threading.get_ident(), asyncio.get_running_loop()


def test_coroutine(loop, run):
    async def main():
        return await threaded(from_thread.run)(where, 1, 2)

    assert run(main()) == ((1, 2), threading.get_ident(), loop)


@pytest.mark.parametrize("name", ["run_sync", "call"])
def test_function(run, name):
    async def main():
        function = getattr(from_thread, name)
        return await threaded(function)(lambda *args: (args, threading.get_ident()), 1)

    assert run(main()) == ((1,), threading.get_ident())


def test_context_goes_along(run):
    async def name():
        return NAME.get()

    async def main():
        NAME.set("caller")
        return (
            await threaded(from_thread.run)(name),
            await threaded(from_thread.run_sync)(NAME.get),
        )

    assert run(main()) == ("caller", "caller")


def test_exceptions(run):
    async def fail():
        raise ValueError("mine")

    async def cancelled():
        raise asyncio.CancelledError

    def refuse():
        raise KeyError("mine")

    def thread():
        with pytest.raises(ValueError, match="mine"):
            from_thread.run(fail)
        with pytest.raises(KeyError, match="mine"):
            from_thread.run_sync(refuse)
        with pytest.raises(concurrent.futures.CancelledError):
            from_thread.run(cancelled)

    async def main():
        await threaded(thread)()

    run(main())


def test_loop_may_be_given(loop, run, start_thread):
    found = []

    async def main():
        done = asyncio.Event()

        def thread():
            found.append(from_thread.run(where, loop=loop))
            from_thread.run_sync(done.set, loop=loop)

        start_thread(thread)
        await done.wait()

    run(main())
    assert found[0][2] is loop


def test_where_it_would_wait_for_itself(run):
    async def main():
        with pytest.raises(RuntimeError, match="would wait for itself: use await"):
            from_thread.run(where)
        with pytest.raises(RuntimeError, match="would wait for itself: use await"):
            from_thread.run_sync(int)

    run(main())


def test_where_no_loop_is_known(loop_factory):
    with pytest.raises(RuntimeError, match="give the loop by loop="):
        from_thread.run(where)
    loop = loop_factory()
    loop.close()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        from_thread.run(where, loop=loop)


def test_it_is_a_module_and_a_name():
    assert aioxide.from_thread is from_thread
    import aioxide.from_thread as module

    assert module is from_thread
