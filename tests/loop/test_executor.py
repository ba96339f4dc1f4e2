"""run_in_executor, the default executor and its end."""

import asyncio
import concurrent.futures
import contextvars
import sys
import threading
import warnings

import pytest

NAME = contextvars.ContextVar("NAME", default="default")
HAS_TIMEOUT = sys.version_info >= (3, 12)


def test_result(loop, run):
    future = loop.run_in_executor(None, divmod, 7, 3)
    assert isinstance(future, asyncio.Future)
    assert future.get_loop() is loop
    assert run(future) == (2, 1)


def test_runs_in_another_thread(loop, run):
    ident, name = run(
        loop.run_in_executor(None, lambda: (threading.get_ident(), threading.current_thread().name))
    )
    assert ident != threading.get_ident()
    assert name.startswith("asyncio_")


def test_default_executor_is_kept(loop, run):
    run(loop.run_in_executor(None, int))
    executor = loop._default_executor
    assert isinstance(executor, concurrent.futures.ThreadPoolExecutor)
    run(loop.run_in_executor(None, int))
    assert loop._default_executor is executor


def test_exception(loop, run):
    error = LookupError("failed")

    def fail():
        raise error

    with pytest.raises(LookupError) as caught:
        run(loop.run_in_executor(None, fail))
    assert caught.value is error


def test_base_exception(loop, run):
    class Own(BaseException):
        pass

    def fail():
        raise Own

    with pytest.raises(Own):
        run(loop.run_in_executor(None, fail))


def test_timeout_error_of_the_function(loop, run):
    def fail():
        raise concurrent.futures.TimeoutError

    with pytest.raises(TimeoutError):
        run(loop.run_in_executor(None, fail))


def test_own_executor(loop, run):
    with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="own") as executor:
        name = run(loop.run_in_executor(executor, lambda: threading.current_thread().name))
        assert name.startswith("own_")
    assert loop._default_executor is None


def test_any_object_with_submit(loop, run):
    class Executor:
        def submit(self, function, *args):
            future = concurrent.futures.Future()
            future.set_result(("submitted", function(*args)))
            return future

    assert run(loop.run_in_executor(Executor(), abs, -1)) == ("submitted", 1)


def test_executor_that_refuses(loop):
    executor = concurrent.futures.ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        loop.run_in_executor(executor, int)


@pytest.mark.parametrize("thing", [1, "text", object()])
def test_not_an_executor(loop, thing):
    with pytest.raises(AttributeError):
        loop.run_in_executor(thing, int)


def test_process_pool(child):
    """In a program of its own: the pool keeps a process and descriptors until the end."""
    done = child(
        """
        import asyncio, concurrent.futures, multiprocessing

        def main():
            loop = new_event_loop()
            context = multiprocessing.get_context("spawn")
            with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
                pid = loop.run_until_complete(loop.run_in_executor(pool, os.getpid))
                print(pid != os.getpid())
                try:
                    loop.run_until_complete(loop.run_in_executor(pool, divmod, 1, 0))
                except ZeroDivisionError as error:
                    print("ZeroDivisionError")
                futures = [loop.run_in_executor(pool, abs, -n) for n in range(10)]
                print(loop.run_until_complete(asyncio.gather(*futures)) == list(range(10)))
            loop.close()

        if __name__ == "__main__":
            main()
        """
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["True", "ZeroDivisionError", "True"]


def test_set_default_executor(loop, run):
    executor = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="ours")
    loop.set_default_executor(executor)
    name = run(loop.run_in_executor(None, lambda: threading.current_thread().name))
    assert name.startswith("ours_")
    loop.close()
    with pytest.raises(RuntimeError):
        executor.submit(int)


@pytest.mark.parametrize("thing", [None, 1, object(), concurrent.futures.Executor()])
def test_default_executor_must_be_a_thread_pool(loop, thing):
    with pytest.raises(TypeError, match="^executor must be ThreadPoolExecutor instance$"):
        loop.set_default_executor(thing)


def test_many_at_once(loop, run):
    async def main():
        return await asyncio.gather(
            *[loop.run_in_executor(None, pow, number, 2) for number in range(500)]
        )

    assert run(main()) == [number**2 for number in range(500)]


def test_loop_stays_alive_meanwhile(loop, run):
    """The function waits for something that the loop does."""
    go = threading.Event()

    async def main():
        future = loop.run_in_executor(None, go.wait, 20)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not future.done()
        go.set()
        return await future

    assert run(main()) is True


def test_cancelled_before_it_started(loop, run):
    go = threading.Event()
    ran = []
    executor = concurrent.futures.ThreadPoolExecutor(1)
    loop.set_default_executor(executor)

    async def main():
        blocker = loop.run_in_executor(None, go.wait, 20)
        future = loop.run_in_executor(None, ran.append, 1)
        future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await future
        await asyncio.sleep(0)  # the cancellation reaches the executor's future by a callback
        go.set()
        assert await blocker is True

    run(main())
    run(loop.shutdown_default_executor())
    assert ran == []


def test_cancelled_while_it_runs(loop, run):
    """The function goes on; the waiter does not."""
    started, go = threading.Event(), threading.Event()
    ended = []

    def function():
        started.set()
        go.wait(20)
        ended.append(True)

    async def main():
        task = asyncio.ensure_future(loop.run_in_executor(None, function))
        await loop.run_in_executor(None, started.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not ended
        go.set()

    run(main())
    run(loop.shutdown_default_executor())
    assert ended == [True]


def test_context_is_not_passed_but_to_thread_passes_it(loop, run):
    async def main():
        NAME.set("caller")
        plain = await loop.run_in_executor(None, NAME.get)
        copied = await asyncio.to_thread(NAME.get)
        return plain, copied

    assert run(main()) == ("default", "caller")


def test_after_shutdown(loop, run):
    run(loop.run_in_executor(None, int))
    run(loop.shutdown_default_executor())
    with pytest.raises(RuntimeError, match="^Executor shutdown has been called$"):
        loop.run_in_executor(None, int)
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        assert run(loop.run_in_executor(executor, int)) == 0


def test_shutdown_without_an_executor(loop, run):
    run(loop.shutdown_default_executor())
    run(loop.shutdown_default_executor())
    with pytest.raises(RuntimeError, match="^Executor shutdown has been called$"):
        loop.run_in_executor(None, int)


def test_shutdown_waits_for_what_runs(loop, run):
    ended = []
    go = threading.Event()

    def function():
        go.wait(20)
        ended.append(True)

    async def main():
        future = loop.run_in_executor(None, function)
        shutdown = asyncio.create_task(loop.shutdown_default_executor())
        await asyncio.sleep(0)
        assert not shutdown.done()
        go.set()
        await shutdown
        assert ended == [True]
        await future

    run(main())


def test_shutdown_with_a_failing_executor(loop, run):
    class Failing(concurrent.futures.ThreadPoolExecutor):
        def shutdown(self, wait=True, **kwargs):
            super().shutdown(wait=wait, **kwargs)
            if wait:
                raise LookupError("shutdown failed")

    loop.set_default_executor(Failing(1))
    with pytest.raises(LookupError, match="shutdown failed"):
        run(loop.shutdown_default_executor())


@pytest.mark.skipif(not HAS_TIMEOUT, reason="the timeout is new in 3.12")
def test_shutdown_with_a_timeout_that_is_enough(loop, run):
    run(loop.run_in_executor(None, int))
    run(loop.shutdown_default_executor(timeout=30))


@pytest.mark.skipif(not HAS_TIMEOUT, reason="the timeout is new in 3.12")
@pytest.mark.skipif(
    (3, 12) <= sys.version_info < (3, 12, 2), reason="3.12.1 waits for the function all the same"
)
def test_shutdown_with_a_timeout_that_is_not(loop, run):
    go = threading.Event()

    async def main():
        future = loop.run_in_executor(None, go.wait, 20)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            await loop.shutdown_default_executor(timeout=0.01)
        go.set()
        assert await future is True
        return [(warning.category, str(warning.message)) for warning in caught]

    assert run(main()) == [
        (RuntimeWarning, "The executor did not finishing joining its threads within 0.01 seconds.")
    ]


def test_loop_closed_before_the_function_ends(loop, run):
    """Nobody is told, and nothing is reported."""
    started, go = threading.Event(), threading.Event()

    def function():
        started.set()
        go.wait(20)

    future = loop.run_in_executor(None, function)
    assert started.wait(20)
    loop.close()
    go.set()
    assert not future.done()


def test_close_does_not_wait(loop):
    go = threading.Event()
    loop.run_in_executor(None, go.wait, 20)
    loop.close()
    assert loop.is_closed()
    go.set()


def test_function_that_uses_the_loop(loop, run):
    """From a worker thread, through the two doors that are thread-safe."""

    def function():
        loop.call_soon_threadsafe(seen.append, "called")
        return asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "awaited"), loop).result(20)

    seen = []
    assert run(loop.run_in_executor(None, function)) == "awaited"
    assert seen == ["called"]
