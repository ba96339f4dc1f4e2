"""The objects that scheduling returns: held, dropped, cancelled late, counted and used again."""

import asyncio
import gc
import os
import socket
import sys
import weakref

import pytest


def test_cancel_of_a_handle_that_ran_hits_no_other(loop, turn):
    """A handle that is held after its run stays itself, however many are made after it."""
    seen = []
    old = [loop.call_soon(seen.append, "old") for _ in range(100)]
    turn()
    new = [loop.call_soon(seen.append, "new") for _ in range(100)]
    for handle in old:
        handle.cancel()
    assert not any(handle.cancelled() for handle in new)
    turn()
    assert seen == ["old"] * 100 + ["new"] * 100


def test_dropped_handles_are_used_again_cleanly(loop, turn):
    """No trace of a cancelled handle in the one that takes its place."""
    seen = []
    for number in range(200):
        loop.call_soon(pytest.fail, "cancelled").cancel()
        loop.call_soon(seen.append, number)
        loop.call_later(3600, pytest.fail).cancel()
        if number % 10 == 0:
            turn()
    turn()
    assert seen == list(range(200))


def test_handles_are_distinct(loop, turn):
    handles = [loop.call_soon(list) for _ in range(1000)]
    assert len({id(handle) for handle in handles}) == 1000
    assert len(set(handles)) == 1000
    turn()


def test_handle_keeps_its_callback_until_it_ran(loop, turn):
    """Nobody else holds the callback."""
    seen = []

    class Callback:
        def __call__(self):
            seen.append(1)

    callback = Callback()
    reference = weakref.ref(callback)
    loop.call_soon(callback)
    del callback
    gc.collect()
    assert reference() is not None
    turn()
    assert seen == [1]
    assert reference() is None


def test_handle_outlives_its_loop(loop_factory):
    loop = loop_factory()
    soon, later = loop.call_soon(list), loop.call_later(3600, list)
    loop.close()
    del loop
    gc.collect()
    for handle in (soon, later):
        assert isinstance(repr(handle), str)
        handle.cancel()
        assert handle.cancelled()
        assert isinstance(repr(handle), str)


def test_timer_handle_cancelled_after_its_loop_is_gone(loop_factory):
    def make():
        loop = loop_factory()
        handles = [loop.call_later(number, list) for number in range(10)]
        loop.close()
        return handles

    handles = make()
    gc.collect()
    for handle in reversed(handles):
        handle.cancel()


def test_cancel_in_every_order(loop, turn):
    """Timers cancelled from the front, the back and the middle leave the rest in order."""
    base = loop.time() - 1000
    for order in (range(30), reversed(range(30)), [(7 * number) % 30 for number in range(30)]):
        order = list(order)
        for keep in (0, 1, 10, 29):
            seen = []
            handles = [loop.call_at(base + n, seen.append, n) for n in range(30)]
            for number in order[keep:]:
                handles[number].cancel()
            turn()
            assert seen == sorted(order[:keep])


def count_blocks(action, rounds=2000):
    """How many blocks of memory stay allocated by doing it again and again."""
    for _ in range(rounds):
        action()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(rounds):
        action()
    gc.collect()
    return sys.getallocatedblocks() - before


def raise_lookup_error():
    raise LookupError


ACTIONS = {
    "call_soon": lambda loop: loop.call_soon(id, 1),
    "call_soon, cancelled": lambda loop: loop.call_soon(id, 1).cancel(),
    "call_soon, many arguments": lambda loop: loop.call_soon(max, *range(20)),
    "call_soon, fails": lambda loop: loop.call_soon(raise_lookup_error),
    "call_soon_threadsafe": lambda loop: loop.call_soon_threadsafe(id, 1),
    "call_soon_threadsafe, cancelled": lambda loop: loop.call_soon_threadsafe(id, 1).cancel(),
    "call_later": lambda loop: loop.call_later(-1, id, 1),
    "call_later, cancelled": lambda loop: loop.call_later(3600, id, 1).cancel(),
    "call_later, fails": lambda loop: loop.call_later(-1, raise_lookup_error),
    "create_future": lambda loop: loop.create_future().set_result(None),
    "create_task": lambda loop: loop.create_task(asyncio.sleep(0)),
    "future callback": lambda loop: set_result(loop),
    "wrong arguments": lambda loop: wrong(loop),
}


def set_result(loop):
    future = loop.create_future()
    future.add_done_callback(id)
    future.set_result(None)


def wrong(loop):
    for call in (lambda: loop.call_soon(), lambda: loop.call_later(None, id)):
        try:
            call()
        except TypeError:
            continue


@pytest.mark.parametrize("name", ACTIONS)
def test_nothing_is_kept(loop, turn, name):
    action = ACTIONS[name]
    loop.set_exception_handler(lambda loop, context: None)

    def once():
        action(loop)
        turn()

    assert count_blocks(once) < 200


def test_nothing_is_kept_of_watchers(loop):
    ours, theirs = socket.socketpair()

    def once():
        loop.add_reader(ours, list)
        loop.add_reader(ours, id, 1)
        loop.add_writer(ours, list)
        loop.remove_reader(ours)
        loop.remove_writer(ours)

    with ours, theirs:
        assert count_blocks(once) < 200


def test_nothing_is_kept_of_calls_of_a_watcher(loop):
    reader, writer = os.pipe()
    os.write(writer, b"x")
    loop.add_reader(reader, loop.stop)
    assert count_blocks(loop.run_forever) < 200
    loop.remove_reader(reader)
    os.close(reader)
    os.close(writer)


def test_nothing_is_kept_of_a_loop(loop_factory):
    def once():
        loop = loop_factory()
        loop.call_soon(list)
        loop.call_later(3600, list)
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    assert count_blocks(once, 100) < 100


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    "name", ["call_soon", "call_soon_threadsafe", "call_later", "call_later, cancelled"]
)
def test_memory_does_not_grow(loop, turn, name):
    """Also what the interpreter's own count does not see."""
    action = ACTIONS[name]

    def batch(rounds):
        for _ in range(rounds):
            for _ in range(1000):
                action(loop)
            turn()

    batch(20)
    gc.collect()
    before = resident_bytes()
    batch(100)
    gc.collect()
    # 100,000 objects: 64 bytes of each would show as 6 MB.
    assert resident_bytes() - before < 5_000_000


@pytest.mark.parametrize("kind", [None, LookupError, KeyboardInterrupt])
def test_reference_counts(loop, kind):
    """Of callback, argument and context, whatever the callback does."""
    import contextvars

    def callback(argument):
        if kind is not None:
            raise kind

    loop.set_exception_handler(lambda loop, context: None)
    argument, context = object(), contextvars.copy_context()
    things = (callback, argument, context)
    counts = [sys.getrefcount(thing) for thing in things]
    for _ in range(50):
        loop.call_soon(callback, argument, context=context)
        loop.call_later(-1, callback, argument, context=context)
        loop.call_soon_threadsafe(callback, argument, context=context)
        for _ in range(4):
            loop.call_soon(loop.stop)
            try:
                loop.run_forever()
            except KeyboardInterrupt:
                continue
    loop.call_soon(loop.stop)
    loop.run_forever()
    gc.collect()
    assert [sys.getrefcount(thing) for thing in things] == counts
