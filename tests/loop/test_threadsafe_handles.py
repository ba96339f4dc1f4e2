"""The handles of call_soon_threadsafe: from 3.14 on, other threads wait while the callback runs."""

import asyncio
import contextlib
import functools
import sys
import weakref

import pytest

LOCKED = sys.version_info >= (3, 14)
locked = pytest.mark.skipif(not LOCKED, reason="3.14 made these handles thread-safe")
# Long enough for a thread that does not wait to come through; one that waits is not hurried by it.
MOMENT = 0.05


def test_class(loop, turn):
    handle = loop.call_soon_threadsafe(print)
    handle.cancel()
    expected = asyncio.events._ThreadSafeHandle if LOCKED else asyncio.Handle
    assert handle.__class__ is expected
    assert isinstance(handle, asyncio.Handle)
    assert repr(handle) == f"<{expected.__name__} cancelled>"
    turn()


@pytest.mark.parametrize("method", ["cancel", "cancelled", pytest.param("_run", marks=locked)])
def test_other_thread_while_the_callback_runs(loop, start_thread, method):
    """It waits where handles are thread-safe, and goes through where they are not."""
    order = []

    def call():
        getattr(handle, method)()
        order.append(method)

    def callback():
        if order:
            return  # run again, by the other thread
        order.append("begin")
        threads.append(start_thread(call))
        threads[0].join(MOMENT if LOCKED else None)
        order.append("end")
        loop.stop()

    threads = []
    handle = loop.call_soon_threadsafe(callback)
    loop.run_forever()
    threads[0].join()
    assert order == (["begin", "end", method] if LOCKED else ["begin", method, "end"])


@locked
def test_all_who_wait_come_through(loop, start_thread):
    done = []

    def call():
        handle.cancel()
        done.append(handle.cancelled())

    def callback():
        threads = [start_thread(call) for _ in range(5)]
        threads[0].join(MOMENT)
        assert not done
        loop.call_soon(finish, threads)

    def finish(threads):
        for thread in threads:
            thread.join()
        loop.stop()

    handle = loop.call_soon_threadsafe(callback)
    loop.run_forever()
    assert done == [True] * 5


def test_own_thread_does_not_wait(loop):
    seen = []

    def callback():
        seen.append(handle.cancelled())
        handle.cancel()
        seen.append(handle.cancelled())
        if LOCKED:  # else it fails: what a cancelled handle was to call is gone
            handle._run()
        loop.stop()

    handle = loop.call_soon_threadsafe(callback)
    loop.run_forever()
    assert seen == [False, True]


@locked
@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
def test_callback_that_raises(loop, start_thread, expect_exception_handler, error):
    """Whoever waits comes through; the exception handler still runs under the lock."""
    order = []

    def handler(loop, context):
        order.append("handler")

    def call():
        handle.cancel()
        order.append("cancelled")

    def callback():
        threads.append(start_thread(call))
        threads[0].join(MOMENT)
        loop.stop()
        raise error

    threads = []
    loop.set_exception_handler(handler)
    handle = loop.call_soon_threadsafe(callback)
    with pytest.raises(error) if error is KeyboardInterrupt else contextlib.nullcontext():
        loop.run_forever()
    threads[0].join()
    assert order == (["handler", "cancelled"] if error is LookupError else ["cancelled"])


def test_cancelled_by_another_thread_before_it_runs(loop, start_thread):
    def cancel():
        handle.cancel()
        assert handle.cancelled()

    handle = loop.call_soon_threadsafe(pytest.fail, "cancelled")
    loop.call_soon(loop.stop)
    start_thread(cancel).join()
    loop.run_forever()


@locked
def test_waiting_can_be_interrupted(child):
    """By Ctrl-C in the main thread, as the wait for a lock can."""
    result = child(
        """
        import asyncio, signal, threading

        loop = new_event_loop()
        release = threading.Event()
        main = threading.main_thread().ident

        def callback():
            # Sent to the main thread, which waits in cancel() or is about to.
            running.set()
            while not interrupted.is_set():
                signal.pthread_kill(main, signal.SIGINT)
                interrupted.wait(0.01)
            loop.stop()

        running, interrupted = threading.Event(), threading.Event()
        thread = threading.Thread(target=loop.run_forever)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        thread.start()
        handle = loop.call_soon_threadsafe(callback)
        running.wait()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            try:
                handle.cancel()
            finally:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
        except KeyboardInterrupt:
            print("interrupted")
        interrupted.set()
        thread.join()
        loop.close()
        """
    )
    assert (result.stdout, result.stderr) == ("interrupted\n", "")


@pytest.mark.parametrize("schedule", ["call_soon", "call_soon_threadsafe", "call_later"])
def test_reached_by_a_weak_reference_while_it_runs(loop, schedule):
    """What a handle holds outlives the call, also when nobody else held the handle before."""
    seen = []

    def callback(argument):
        weak().cancel()
        seen.append(argument)
        loop.stop()

    # A partial borrows what it is called with.
    arguments = (functools.partial(callback), ["argument"])
    if schedule == "call_later":
        arguments = (0, *arguments)
    weak = weakref.ref(getattr(loop, schedule)(*arguments))
    del arguments
    loop.run_forever()
    assert seen == [["argument"]]


def test_many_threads_cancel_what_runs(loop, start_thread):
    """Cancelled before it runs or waited for: a callback never runs after its cancel() returned."""
    wrong = []

    class Call:
        over = False

        def __call__(self):
            if self.over:
                wrong.append(self)

    def schedule():
        for _ in range(300):
            call = Call()
            handle = loop.call_soon_threadsafe(call)
            handle.cancel()
            call.over = True

    threads = [start_thread(schedule) for _ in range(3)]

    def stop_when_done():
        if any(thread.is_alive() for thread in threads):
            loop.call_soon(stop_when_done)
        else:
            loop.stop()

    loop.call_soon(stop_when_done)
    loop.run_forever()
    if LOCKED:
        assert not wrong
