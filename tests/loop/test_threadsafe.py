"""call_soon_threadsafe: from other threads, into an idle loop, in order, after the end."""

import asyncio
import gc
import threading
import weakref

import pytest


def test_from_the_own_thread(loop):
    seen = []
    loop.call_soon(seen.append, 1)
    loop.call_soon_threadsafe(seen.append, 2)
    loop.call_soon(seen.append, 3)
    loop.call_soon_threadsafe(loop.stop)
    loop.run_forever()
    assert sorted(seen) == [1, 2, 3]


def test_order_with_call_soon_of_the_same_thread(loop, turn):
    """One queue: what the loop's own thread schedules runs in the order of the calls."""
    seen = []

    def callback():
        loop.call_soon_threadsafe(seen.append, 1)
        loop.call_soon(seen.append, 2)
        loop.call_soon_threadsafe(seen.append, 3)
        loop.call_soon(seen.append, 4)

    loop.call_soon(callback)
    turn()
    turn()
    turn()
    assert seen == [1, 2, 3, 4]


def test_returns_a_handle(loop, turn):
    seen = []
    kept = loop.call_soon_threadsafe(seen.append, "kept")
    dropped = loop.call_soon_threadsafe(seen.append, "dropped")
    assert isinstance(kept, asyncio.Handle)
    dropped.cancel()
    assert dropped.cancelled()
    turn()
    assert seen == ["kept"]


def test_wakes_an_idle_loop(loop, start_thread, wait_idle):
    native_id = threading.get_native_id()
    seen = []

    def thread():
        for number in range(20):
            done = threading.Event()
            wait_idle(native_id)
            loop.call_soon_threadsafe(lambda number=number: seen.append(number))
            loop.call_soon_threadsafe(done.set)
            assert done.wait(10)
        wait_idle(native_id)
        loop.call_soon_threadsafe(loop.stop)

    start_thread(thread)
    loop.run_forever()
    assert seen == list(range(20))


def test_wakes_a_loop_that_waits_for_a_timer(loop, start_thread, wait_idle):
    native_id = threading.get_native_id()
    handle = loop.call_later(3600, pytest.fail)

    def thread():
        wait_idle(native_id)
        loop.call_soon_threadsafe(loop.stop)

    start_thread(thread)
    loop.run_forever()
    handle.cancel()


def test_before_the_run(loop, start_thread):
    seen = []

    def thread():
        loop.call_soon_threadsafe(seen.append, threading.get_ident())
        loop.call_soon_threadsafe(loop.stop)

    ident = start_thread(thread)
    ident.join()
    loop.run_forever()
    assert seen == [ident.ident]


def test_thousands_from_several_threads(loop, start_thread):
    """All arrive, each once, and those of one thread in its order."""
    threads, each = 4, 5000
    seen = {number: [] for number in range(threads)}
    left = threads * each
    barrier = threading.Barrier(threads)

    def arrive(thread, number):
        nonlocal left
        seen[thread].append(number)
        left -= 1
        if not left:
            loop.stop()

    def send(thread):
        barrier.wait()
        for number in range(each):
            loop.call_soon_threadsafe(arrive, thread, number)

    for thread in range(threads):
        start_thread(send, thread)
    loop.run_forever()
    assert seen == {thread: list(range(each)) for thread in range(threads)}


def test_thousands_while_the_loop_is_busy(loop, start_thread):
    """A loop that never idles takes them too."""
    each = 5000
    seen = []

    def spin():
        if len(seen) < each:
            loop.call_soon(spin)
        else:
            loop.stop()

    def send():
        for number in range(each):
            loop.call_soon_threadsafe(seen.append, number)

    loop.call_soon(spin)
    start_thread(send)
    loop.run_forever()
    assert seen == list(range(each))


def test_ping_pong_between_two_loops(loop, loop_factory, start_thread):
    """Every wake-up counts: one that is lost stops the game."""
    other = loop_factory()
    rounds = 0

    def ping():
        nonlocal rounds
        rounds += 1
        if rounds == 500:
            other.call_soon_threadsafe(other.stop)
            loop.stop()
        else:
            other.call_soon_threadsafe(loop.call_soon_threadsafe, ping)

    loop.call_soon(ping)
    thread = start_thread(other.run_forever)
    loop.run_forever()
    thread.join()
    other.close()
    assert rounds == 500


def test_after_close(loop, start_thread):
    loop.close()
    errors = []

    def thread():
        try:
            loop.call_soon_threadsafe(list)
        except RuntimeError as error:
            errors.append(str(error))

    start_thread(thread).join()
    assert errors == ["Event loop is closed"]


def test_close_against_senders(loop_factory, start_thread):
    """A loop closed while threads send to it: they get the error, nothing worse."""
    for _ in range(20):
        loop = loop_factory()
        started = threading.Event()
        ends = []

        def send(loop=loop, started=started, ends=ends):
            try:
                while True:
                    loop.call_soon_threadsafe(list)
                    started.set()
            except RuntimeError as error:
                ends.append(str(error))

        threads = [start_thread(send) for _ in range(2)]
        started.wait()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        for thread in threads:
            thread.join()
        assert ends == ["Event loop is closed"] * 2


def test_cancel_from_another_thread(loop, start_thread):
    """Handle.cancel() of another thread, 3.14's promise; earlier it worked under the GIL."""
    ran = []
    handles = [loop.call_soon_threadsafe(ran.append, number) for number in range(1000)]

    def cancel():
        for handle in handles:
            handle.cancel()

    thread = start_thread(cancel)
    loop.run_until_complete(asyncio.sleep(0))
    thread.join()
    loop.run_until_complete(asyncio.sleep(0))
    assert all(handle.cancelled() for handle in handles)
    assert ran == sorted(set(ran))


def test_callback_of_a_thread_is_freed(loop, start_thread):
    class Marker:
        def __call__(self):
            pass

    marker = Marker()
    reference = weakref.ref(marker)

    def thread():
        nonlocal marker
        loop.call_soon_threadsafe(marker)
        marker = None

    start_thread(thread).join()
    loop.run_until_complete(asyncio.sleep(0))
    gc.collect()
    assert reference() is None


def test_runs_in_the_loops_thread(loop, start_thread):
    seen = []

    def thread():
        loop.call_soon_threadsafe(lambda: seen.append(threading.get_ident()))
        loop.call_soon_threadsafe(loop.stop)

    start_thread(thread)
    loop.run_forever()
    assert seen == [threading.get_ident()]


def test_run_coroutine_threadsafe(loop, start_thread):
    results = []

    async def add(one, two):
        await asyncio.sleep(0)
        return one + two

    def thread():
        future = asyncio.run_coroutine_threadsafe(add(1, 2), loop)
        results.append(future.result(10))
        loop.call_soon_threadsafe(loop.stop)

    start_thread(thread)
    loop.run_forever()
    assert results == [3]


def test_stop_from_another_thread(loop, start_thread, wait_idle):
    """stop() alone does not wake a loop; call_soon_threadsafe(stop) does."""
    native_id = threading.get_native_id()

    def thread():
        wait_idle(native_id)
        loop.stop()
        loop.call_soon_threadsafe(list)

    start_thread(thread)
    loop.run_forever()


def test_exception_of_a_callback_is_reported(loop, expect_exception_handler):
    handle = loop.call_soon_threadsafe(lambda: 1 / 0)
    loop.run_until_complete(asyncio.sleep(0))
    [context] = expect_exception_handler
    assert isinstance(context["exception"], ZeroDivisionError)
    assert context["handle"] is handle
