"""From new_event_loop() to close(): running, stopping, nesting, and use after the end."""

import asyncio
import gc
import signal
import socket
import sys
import warnings
import weakref

import pytest


def test_new_loop_is_neither_running_nor_closed(loop):
    assert not loop.is_running()
    assert not loop.is_closed()
    assert isinstance(loop, asyncio.AbstractEventLoop)
    assert isinstance(loop, asyncio.BaseEventLoop)


def test_repr_tells_the_state(loop, loop_factory):
    name = type(loop).__name__
    assert repr(loop) == f"<{name} running=False closed=False debug=False>"
    seen = []
    loop.call_soon(lambda: seen.append(repr(loop)))
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert seen == [f"<{name} running=True closed=False debug=False>"]
    other = loop_factory()
    other.close()
    assert repr(other) == f"<{name} running=False closed=True debug=False>"


def test_run_forever_until_stop(loop):
    seen = []

    def callback():
        seen.append((loop.is_running(), asyncio.get_running_loop() is loop))
        loop.stop()

    loop.call_soon(callback)
    assert loop.run_forever() is None
    assert seen == [(True, True)]
    assert not loop.is_running()
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def test_run_until_complete_returns_the_result(loop):
    async def coroutine():
        await asyncio.sleep(0)
        return 42

    assert loop.run_until_complete(coroutine()) == 42
    future = loop.create_future()
    loop.call_soon(future.set_result, "value")
    assert loop.run_until_complete(future) == "value"
    # A future that is done already
    assert loop.run_until_complete(future) == "value"


def test_run_until_complete_raises_the_exception(loop):
    async def coroutine():
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        loop.run_until_complete(coroutine())


def test_run_until_complete_of_a_cancelled_task(loop):
    task = loop.create_task(asyncio.sleep(3600))
    loop.call_soon(task.cancel)
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)


def test_run_until_complete_of_any_awaitable(loop):
    class Awaitable:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return "awaited"

    assert loop.run_until_complete(Awaitable()) == "awaited"


@pytest.mark.parametrize("thing", [None, 1, "text", lambda: None, object()])
def test_run_until_complete_of_something_else(loop, thing):
    with pytest.raises(TypeError):
        loop.run_until_complete(thing)
    assert not loop.is_running()


def test_run_until_complete_with_a_future_of_another_loop(loop, loop_factory):
    other = loop_factory()
    future = other.create_future()
    with pytest.raises(ValueError, match="different"):
        loop.run_until_complete(future)
    assert not loop.is_running()
    other.close()


def test_run_until_complete_stopped_too_early(loop):
    task = loop.create_task(asyncio.sleep(3600))
    loop.call_soon(loop.stop)
    with pytest.raises(RuntimeError, match="Event loop stopped before Future completed."):
        loop.run_until_complete(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)


def test_run_until_complete_runs_one_turn_after_the_result(loop):
    seen = []
    future = loop.create_future()

    def first():
        future.set_result(None)
        # The done callback that stops the loop was queued before this one.
        loop.call_soon(seen.append, "same turn")

    loop.call_soon(first)
    loop.run_until_complete(future)
    assert seen == ["same turn"]


def test_stop_before_run_makes_one_turn(loop):
    seen = []
    loop.call_soon(seen.append, 1)
    loop.call_soon(lambda: loop.call_soon(seen.append, 2))
    loop.stop()
    loop.run_forever()
    assert seen == [1]
    # The stop was used up.
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert seen == [1, 2]


def test_stop_before_run_does_not_wait_for_a_timer(loop):
    handle = loop.call_later(3600, pytest.fail)
    loop.stop()
    loop.run_forever()
    handle.cancel()


def test_stop_twice_is_stop_once(loop):
    seen = []
    loop.call_soon(loop.stop)
    loop.call_soon(loop.stop)
    loop.call_soon(seen.append, 1)
    loop.run_forever()
    assert seen == [1]
    loop.call_soon(seen.append, 2)
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert seen == [1, 2]


def test_stop_lets_what_is_ready_run(loop):
    seen = []

    def stop():
        loop.stop()
        loop.call_soon(seen.append, "next turn")

    loop.call_soon(stop)
    loop.call_soon(seen.append, "this turn")
    loop.run_forever()
    assert seen == ["this turn"]
    loop.stop()
    loop.run_forever()
    assert seen == ["this turn", "next turn"]


def test_run_inside_a_running_loop(loop, loop_factory, loop_kind):
    if loop_kind == "asyncio" and sys.version_info[:3] == (3, 13, 0):
        pytest.skip("3.13.0: a nested run_forever() ends the outer run's state")
    other = loop_factory()
    errors = []

    def attempt(function, *args):
        try:
            function(*args)
        except RuntimeError as error:
            errors.append(str(error))

    async def nothing():
        pass

    coroutines = [nothing(), nothing()]

    def callback():
        attempt(loop.run_forever)
        attempt(loop.run_until_complete, coroutines[0])
        attempt(other.run_forever)
        attempt(other.run_until_complete, coroutines[1])
        assert loop.is_running()
        assert not other.is_running()
        loop.stop()

    loop.call_soon(callback)
    loop.run_forever()
    assert errors == [
        "This event loop is already running",
        "This event loop is already running",
        "Cannot run the event loop while another loop is running",
        "Cannot run the event loop while another loop is running",
    ]
    for coroutine in coroutines:
        coroutine.close()
    # Neither of them is spoilt.
    for each in (loop, other):
        each.run_until_complete(asyncio.sleep(0))
    other.close()


def test_close_while_running(loop):
    errors = []

    def callback():
        try:
            loop.close()
        except RuntimeError as error:
            errors.append(str(error))
        loop.stop()

    loop.call_soon(callback)
    loop.run_forever()
    assert errors == ["Cannot close a running event loop"]
    assert not loop.is_closed()
    loop.run_until_complete(asyncio.sleep(0))


def test_close_is_idempotent(loop_factory):
    loop = loop_factory()
    for _ in range(3):
        loop.close()
        assert loop.is_closed()
        assert not loop.is_running()


def test_close_drops_what_was_scheduled(loop_factory):
    class Marker:
        def __call__(self):
            pytest.fail("ran after close")

    loop = loop_factory()
    soon, later, cross = Marker(), Marker(), Marker()
    markers = [weakref.ref(marker) for marker in (soon, later, cross)]
    loop.call_soon(soon)
    loop.call_later(3600, later)
    loop.call_soon_threadsafe(cross)
    del soon, later, cross
    loop.close()
    gc.collect()
    assert [marker() for marker in markers] == [None] * 3


def nothing():
    """A callback that may stay scheduled."""


async def coroutine():
    """What create_task is given."""


CLOSED = {
    "run_forever": lambda loop: loop.run_forever(),
    "run_until_complete": lambda loop: loop.run_until_complete(loop.create_future()),
    "call_soon": lambda loop: loop.call_soon(nothing),
    "call_soon_threadsafe": lambda loop: loop.call_soon_threadsafe(nothing),
    "call_later": lambda loop: loop.call_later(1, nothing),
    "call_at": lambda loop: loop.call_at(loop.time() + 1, nothing),
    "add_reader": lambda loop: loop.add_reader(0, nothing),
    "add_writer": lambda loop: loop.add_writer(1, nothing),
    "add_signal_handler": lambda loop: loop.add_signal_handler(signal.SIGUSR1, nothing),
    "run_in_executor": lambda loop: loop.run_in_executor(None, nothing),
}


@pytest.mark.parametrize("method", CLOSED)
def test_use_after_close(loop, method):
    loop.close()
    with pytest.raises(RuntimeError, match="^Event loop is closed$"):
        CLOSED[method](loop)


def test_create_task_after_close(loop):
    loop.close()
    waiting = coroutine()
    with pytest.raises(RuntimeError, match="^Event loop is closed$"):
        loop.create_task(waiting)
    waiting.close()


COROUTINE_METHODS = {
    "getaddrinfo": lambda loop: loop.getaddrinfo("localhost", 80),
    "getnameinfo": lambda loop: loop.getnameinfo(("127.0.0.1", 80)),
    "create_connection": lambda loop: loop.create_connection(asyncio.Protocol, "127.0.0.1", 9),
    "create_server": lambda loop: loop.create_server(asyncio.Protocol, "127.0.0.1", 0),
    "sock_connect": lambda loop: loop.sock_connect(None, ("127.0.0.1", 9)),
}


@pytest.mark.parametrize("method", COROUTINE_METHODS)
def test_coroutine_methods_of_a_closed_loop_make_nothing(loop, method):
    """A coroutine of a closed loop can be made and closed: making it opens nothing."""
    loop.close()
    COROUTINE_METHODS[method](loop).close()


def test_what_a_closed_loop_still_answers(loop):
    loop.close()
    loop.stop()
    assert loop.is_closed()
    assert not loop.is_running()
    assert isinstance(loop.time(), float)
    assert loop.create_future().get_loop() is loop
    assert not loop.get_debug()
    loop.set_debug(True)
    assert loop.get_debug()
    assert loop.get_exception_handler() is None
    assert loop.get_task_factory() is None
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert loop.remove_reader(ours) is False
        assert loop.remove_writer(ours) is False
    assert loop.remove_signal_handler(signal.SIGUSR1) is False


def test_is_running_in_a_failed_run(loop):
    with pytest.raises(TypeError):
        loop.run_until_complete(None)
    assert not loop.is_running()

    def leave():
        raise SystemExit(3)

    loop.call_soon(leave)
    with pytest.raises(SystemExit):
        loop.run_forever()
    assert not loop.is_running()
    assert asyncio._get_running_loop() is None
    loop.run_until_complete(asyncio.sleep(0))


def test_run_forever_restores_the_asyncgen_hooks(loop):
    def firstiter(generator):
        pass

    def finalizer(generator):
        pass

    old = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=firstiter, finalizer=finalizer)
    try:
        inside = []
        loop.call_soon(lambda: inside.append(sys.get_asyncgen_hooks()))
        loop.call_soon(loop.stop)
        loop.run_forever()
        assert sys.get_asyncgen_hooks() == (firstiter, finalizer)
        assert inside[0].firstiter not in (None, firstiter)
        assert inside[0].finalizer not in (None, finalizer)
    finally:
        sys.set_asyncgen_hooks(*old)


def test_an_abandoned_async_generator_is_closed(loop):
    closed = []

    async def numbers():
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    async def main():
        async for _ in numbers():
            break
        gc.collect()
        while not closed:
            await asyncio.sleep(0)

    loop.run_until_complete(main())
    assert closed == [True]


def test_shutdown_asyncgens_closes_those_alive(loop):
    closed = []

    async def numbers(name):
        try:
            yield name
        finally:
            await asyncio.sleep(0)
            closed.append(name)

    generators = [numbers("a"), numbers("b")]

    async def main():
        for generator in generators:
            await anext(generator)

    loop.run_until_complete(main())
    assert closed == []
    loop.run_until_complete(loop.shutdown_asyncgens())
    assert sorted(closed) == ["a", "b"]


def test_shutdown_asyncgens_reports_what_they_raise(loop, expect_exception_handler):
    async def numbers():
        try:
            yield 1
        finally:
            raise ZeroDivisionError("closing")

    generator = numbers()

    async def main():
        await anext(generator)

    loop.run_until_complete(main())
    loop.run_until_complete(loop.shutdown_asyncgens())
    [context] = expect_exception_handler
    assert isinstance(context["exception"], ZeroDivisionError)
    assert context["asyncgen"] is generator
    assert context["message"].startswith("an error occurred during closing of asynchronous gen")


def test_async_generator_after_shutdown_asyncgens(loop):
    async def numbers():
        yield 1

    generator = numbers()

    async def main():
        await loop.shutdown_asyncgens()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            await anext(generator)
        await generator.aclose()
        return caught

    [warning] = loop.run_until_complete(main())
    assert warning.category is ResourceWarning
    assert "after loop.shutdown_asyncgens() call" in str(warning.message)
