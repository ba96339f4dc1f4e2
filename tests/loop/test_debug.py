"""Debug mode: what it checks, what it logs, and how it is switched on."""

import asyncio
import logging
import re
import sys
import threading

import pytest


@pytest.fixture
def debug_loop(loop):
    loop.set_debug(True)
    return loop


def test_get_and_set(loop):
    assert loop.get_debug() is False
    loop.set_debug(True)
    assert loop.get_debug() is True
    loop.set_debug(False)
    assert loop.get_debug() is False


def test_slow_callback_duration(loop):
    assert loop.slow_callback_duration == 0.1
    loop.slow_callback_duration = 0.5
    assert loop.slow_callback_duration == 0.5


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("", False), ("x", True), ("0", True)]
)
def test_environment_variable(child, value, expected):
    done = child(
        """
        loop = new_event_loop()
        print(loop.get_debug())
        loop.close()
        """,
        env={"PYTHONASYNCIODEBUG": value},
    )
    assert (done.stdout, done.stderr) == (f"{expected}\n", "")


def test_environment_variable_is_ignored_with_ignored_environment(child):
    done = child(
        """
        loop = new_event_loop()
        print(loop.get_debug())
        loop.close()
        """,
        flags=["-I"],
        env={"PYTHONASYNCIODEBUG": "1"},
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_development_mode(child):
    done = child(
        """
        loop = new_event_loop()
        print(loop.get_debug())
        loop.close()
        """,
        flags=["-X", "dev"],
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_runner_sets_it(loop_factory):
    async def main():
        return asyncio.get_running_loop().get_debug()

    for debug in (True, False):
        with asyncio.Runner(debug=debug, loop_factory=loop_factory) as runner:
            assert runner.run(main()) is debug


METHODS = {
    "call_soon": lambda loop, callback: loop.call_soon(callback),
    "call_later": lambda loop, callback: loop.call_later(1, callback),
    "call_at": lambda loop, callback: loop.call_at(1, callback),
    "call_soon_threadsafe": lambda loop, callback: loop.call_soon_threadsafe(callback),
    "run_in_executor": lambda loop, callback: loop.run_in_executor(None, callback),
}
NAMED = {"call_later": "call_at"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("thing", [None, 1, "text"])
def test_not_a_callable(debug_loop, method, thing):
    shown = re.escape(repr(thing))
    name = NAMED.get(method, method)
    with pytest.raises(
        TypeError, match=rf"^a callable object was expected by {name}\(\), got {shown}$"
    ):
        METHODS[method](debug_loop, thing)


async def coroutine_function():
    """Not a callback."""


@pytest.mark.parametrize("method", METHODS)
def test_coroutines_are_no_callbacks(debug_loop, method):
    name = NAMED.get(method, method)
    with pytest.raises(TypeError, match=rf"^coroutines cannot be used with {name}\(\)$"):
        METHODS[method](debug_loop, coroutine_function)
    coroutine = coroutine_function()
    with pytest.raises(TypeError, match=rf"^coroutines cannot be used with {name}\(\)$"):
        METHODS[method](debug_loop, coroutine)
    coroutine.close()


@pytest.mark.parametrize("method", ["call_soon", "call_later", "call_at"])
def test_wrong_thread(debug_loop, start_thread, method):
    results = []

    def thread():
        try:
            METHODS[method](debug_loop, list)
        except RuntimeError as error:
            results.append(str(error))
        debug_loop.call_soon_threadsafe(debug_loop.stop)

    debug_loop.call_soon(start_thread, thread)
    debug_loop.run_forever()
    assert results == [
        "Non-thread-safe operation invoked on an event loop other than the current one"
    ]


def test_any_thread_may_schedule_while_the_loop_does_not_run(debug_loop, start_thread):
    seen = []
    start_thread(debug_loop.call_soon, seen.append, 1).join()
    debug_loop.run_until_complete(asyncio.sleep(0))
    assert seen == [1]


def test_wrong_thread_is_not_noticed_without_debug(loop, start_thread):
    seen = []

    def thread():
        loop.call_soon(seen.append, 1)
        loop.call_soon_threadsafe(loop.stop)

    loop.call_soon(start_thread, thread)
    loop.run_forever()
    assert seen == [1]


def spin(loop, seconds):
    until = loop.time() + seconds
    while loop.time() < until:
        pass


def test_slow_callback_is_logged(debug_loop, turn, asyncio_log):
    debug_loop.slow_callback_duration = 0.002
    handle = debug_loop.call_soon(spin, debug_loop, 0.005)
    shown = repr(handle)
    turn()
    [record] = [record for record in asyncio_log if "Executing" in record.getMessage()]
    assert record.levelno == logging.WARNING
    message = re.fullmatch(r"Executing (<.*>) took (\d+\.\d{3}) seconds", record.getMessage())
    assert message[1] == shown
    assert float(message[2]) >= 0.005


def test_slow_task_is_logged_with_its_name(debug_loop, asyncio_log):
    debug_loop.slow_callback_duration = 0.002

    async def slow():
        await asyncio.sleep(0)
        spin(debug_loop, 0.005)
        await asyncio.sleep(0)

    debug_loop.run_until_complete(debug_loop.create_task(slow(), name="the slow one"))
    texts = [r.getMessage() for r in asyncio_log if r.getMessage().startswith("Executing <Task")]
    assert len(texts) == 1
    assert "name='the slow one'" in texts[0]
    assert "slow() running at" in texts[0]
    assert re.search(r" took \d+\.\d{3} seconds$", texts[0])


def test_slow_timer_and_reader_are_logged(debug_loop, asyncio_log):
    import socket

    debug_loop.slow_callback_duration = 0.002
    ours, theirs = socket.socketpair()

    def readable():
        debug_loop.remove_reader(ours)
        spin(debug_loop, 0.005)
        debug_loop.stop()

    with ours, theirs:
        theirs.send(b"x")
        debug_loop.call_later(-1, spin, debug_loop, 0.005)
        debug_loop.add_reader(ours, readable)
        debug_loop.run_forever()
    texts = [r.getMessage() for r in asyncio_log if "Executing" in r.getMessage()]
    assert len(texts) == 2
    assert any(text.startswith("Executing <TimerHandle ") for text in texts)
    assert any(text.startswith("Executing <Handle ") for text in texts)


def test_quick_callback_is_not_logged(debug_loop, turn, asyncio_log):
    debug_loop.slow_callback_duration = 30
    debug_loop.call_soon(spin, debug_loop, 0.002)
    turn()
    assert not [record for record in asyncio_log if "Executing" in record.getMessage()]


def test_slow_callback_without_debug_is_not_logged(loop, turn, asyncio_log):
    loop.slow_callback_duration = 0
    loop.call_soon(spin, loop, 0.002)
    turn()
    assert not [record for record in asyncio_log if "Executing" in record.getMessage()]


def test_debug_switched_on_by_a_callback(loop, turn, asyncio_log):
    loop.slow_callback_duration = 0.002
    loop.call_soon(loop.set_debug, True)
    turn()
    loop.call_soon(spin, loop, 0.005)
    turn()
    assert [record for record in asyncio_log if "Executing" in record.getMessage()]


@pytest.mark.parametrize("method", ["call_soon", "call_later", "call_at", "call_soon_threadsafe"])
def test_source_traceback_of_a_handle(debug_loop, method):
    handle = METHODS[method](debug_loop, list)
    frame = handle._source_traceback[-1]
    assert frame.filename == __file__
    assert frame.name == "<lambda>"
    assert f" created at {__file__}:{frame.lineno}" in repr(handle)
    handle.cancel()


def test_no_source_traceback_without_debug(loop):
    handle = loop.call_soon(list)
    assert handle._source_traceback is None
    handle.cancel()


def test_source_traceback_of_task_and_future(debug_loop):
    """The last frame of a task's is that of whoever called create_task()."""
    assert debug_loop.create_future()._source_traceback
    task = debug_loop.create_task(coroutine_function())
    debug_loop.run_until_complete(task)
    assert task._source_traceback[-1].filename == __file__


def test_repr_of_a_cancelled_handle_keeps_the_callback(debug_loop):
    handle = debug_loop.call_soon(coroutine_callback, 1, "two")
    handle.cancel()
    assert repr(handle).startswith("<Handle cancelled coroutine_callback(1, 'two') at ") or (
        repr(handle).startswith("<Handle cancelled coroutine_callback(")
    )
    assert " created at " in repr(handle)


def coroutine_callback(*args):
    """A plain callback."""


def test_coroutine_origin_tracking(debug_loop):
    assert sys.get_coroutine_origin_tracking_depth() == 0
    seen = []
    debug_loop.call_soon(lambda: seen.append(sys.get_coroutine_origin_tracking_depth()))
    debug_loop.call_soon(debug_loop.stop)
    debug_loop.run_forever()
    assert seen[0] > 0
    assert sys.get_coroutine_origin_tracking_depth() == 0


def test_origin_tracking_follows_set_debug_while_running(loop):
    async def main():
        depths = [sys.get_coroutine_origin_tracking_depth()]
        for debug in (True, False):
            loop.set_debug(debug)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            depths.append(sys.get_coroutine_origin_tracking_depth())
        return depths

    none, some, none_again = loop.run_until_complete(main())
    assert (none, none_again) == (0, 0)
    assert some > 0


def test_origin_tracking_keeps_the_depth_that_was_set(debug_loop):
    sys.set_coroutine_origin_tracking_depth(1)
    try:
        debug_loop.run_until_complete(asyncio.sleep(0))
        assert sys.get_coroutine_origin_tracking_depth() == 1
    finally:
        sys.set_coroutine_origin_tracking_depth(0)


def test_poll_log(debug_loop, asyncio_log):
    """Closing is told at level DEBUG."""
    debug_loop.close()
    texts = [record.getMessage() for record in asyncio_log]
    assert any(text.startswith("Close <") for text in texts)


def test_checks_do_not_change_the_order(debug_loop, turn):
    seen = []
    for number in range(100):
        debug_loop.call_soon(seen.append, number)
    debug_loop.call_at(debug_loop.time() - 1, seen.append, 100)
    turn()
    assert seen == list(range(101))


def test_interrupts_and_errors_are_the_same(debug_loop, expect_exception_handler):
    debug_loop.call_soon(lambda: 1 / 0)

    def leave():
        raise KeyboardInterrupt

    debug_loop.call_soon(leave)
    with pytest.raises(KeyboardInterrupt):
        debug_loop.run_forever()
    assert isinstance(expect_exception_handler[0]["exception"], ZeroDivisionError)
    assert threading.active_count() >= 1
    debug_loop.run_until_complete(asyncio.sleep(0))
