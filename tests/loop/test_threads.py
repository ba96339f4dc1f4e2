"""Loops in several threads at once, each on its own."""

import asyncio
import sys
import threading

import pytest


def test_two_loops_in_two_threads(loop_factory, start_thread):
    results = {}
    barrier = threading.Barrier(2)

    async def main(name):
        assert asyncio.get_running_loop() is loops[name]
        total = 0
        for number in range(200):
            total += number
            await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        return name, total

    def thread(name):
        loops[name] = loop_factory()
        barrier.wait()
        try:
            results[name] = loops[name].run_until_complete(main(name))
        finally:
            loops[name].close()

    loops = {}
    threads = [start_thread(thread, name) for name in ("one", "two")]
    for each in threads:
        each.join()
    assert results == {name: (name, 19900) for name in ("one", "two")}


def test_many_threads_make_and_close_loops(loop_factory, start_thread):
    done = []

    def thread():
        for _ in range(10):
            loop = loop_factory()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()
        done.append(True)

    threads = [start_thread(thread) for _ in range(8)]
    for each in threads:
        each.join()
    assert len(done) == 8


def test_loop_made_in_one_thread_and_run_in_another(loop, start_thread):
    seen = []

    async def main():
        seen.append(threading.get_ident())
        await asyncio.sleep(0.001)

    thread = start_thread(lambda: loop.run_until_complete(main()))
    thread.join()
    loop.run_until_complete(main())
    assert seen == [thread.ident, threading.get_ident()]


def test_loop_closed_in_another_thread(loop, start_thread):
    loop.run_until_complete(asyncio.sleep(0))
    start_thread(loop.close).join()
    assert loop.is_closed()


def test_running_loop_cannot_be_run_in_a_second_thread(loop, loop_kind, start_thread):
    if loop_kind == "asyncio" and sys.version_info[:3] == (3, 13, 0):
        pytest.skip("3.13.0: a nested run_forever() ends the outer run's state")
    errors = []

    def thread():
        try:
            loop.run_forever()
        except RuntimeError as error:
            errors.append(str(error))
        try:
            loop.close()
        except RuntimeError as error:
            errors.append(str(error))
        loop.call_soon_threadsafe(loop.stop)

    loop.call_soon(start_thread, thread)
    loop.run_forever()
    assert errors == ["This event loop is already running", "Cannot close a running event loop"]


def test_running_loop_is_a_threads_own(loop, start_thread):
    seen = []

    def thread():
        seen.append(asyncio._get_running_loop())
        seen.append(loop.is_running())
        loop.call_soon_threadsafe(loop.stop)

    loop.call_soon(start_thread, thread)
    loop.run_forever()
    assert seen == [None, True]


@pytest.mark.parametrize("senders", [1, 3])
def test_idle_loops_use_no_processor_time(loop, start_thread, wait_idle, senders):
    """A loop that waits is blocked in the kernel, again after every wake-up."""
    native_id = threading.get_native_id()
    lock = threading.Lock()
    left = senders

    def thread():
        nonlocal left
        for _ in range(10):
            wait_idle(native_id)
            loop.call_soon_threadsafe(list)
        with lock:
            left -= 1
            if not left:
                wait_idle(native_id)
                loop.call_soon_threadsafe(loop.stop)

    for _ in range(senders):
        start_thread(thread)
    loop.run_forever()


def test_other_threads_run_while_the_loop_waits(loop, start_thread):
    """The wait releases the GIL: the thread could not come to its end otherwise."""
    handle = loop.call_later(3600, pytest.fail)

    def thread():
        for _ in range(1000):
            object()
        loop.call_soon_threadsafe(loop.stop)

    loop.call_soon(start_thread, thread)
    loop.run_forever()
    handle.cancel()
