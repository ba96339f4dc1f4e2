"""What the garbage collector finds: loops that were dropped, and cycles through handles."""

import asyncio
import gc
import os
import socket
import warnings
import weakref

import pytest


def dropped(make):
    """What is warned of when whatever make() made is dropped: pairs of category and text.

    Not the warnings themselves, which hold the loop that they are about.
    """
    caught = []

    def show(message, category, *where):
        caught.append((category, str(message)))

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        make()
        gc.collect()
    return caught


def test_dropped_loop_warns_and_is_closed(loop_factory):
    before = os.listdir("/proc/self/fd")
    references = []

    def make():
        references.append(weakref.ref(loop_factory()))

    [(category, text)] = dropped(make)
    assert category is ResourceWarning
    assert text.startswith("unclosed event loop <")
    assert references[0]() is None
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_when_a_dropped_loop_warns(loop_factory, loop_kind):
    """One that never ran is in no cycle of references, as asyncio's is with its self-pipe."""

    def make():
        loop_factory()
        told.extend(caught)

    told, caught = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, category, *where: caught.append(category)
        gc.collect()
        gc.disable()
        try:
            make()
            gc.collect()
        finally:
            gc.enable()
    assert caught == [ResourceWarning]
    assert told == ([ResourceWarning] if loop_kind == "aioxide" else [])


def test_dropped_loop_that_ran_warns_once(loop_factory):
    def make():
        loop = loop_factory()
        loop.run_until_complete(asyncio.sleep(0))

    assert [category for category, _ in dropped(make)] == [ResourceWarning]


def test_closed_loop_does_not_warn(loop_factory):
    def make():
        loop_factory().close()

    assert dropped(make) == []


def test_loop_dropped_with_pending_callbacks(loop_factory):
    """Everything that was scheduled goes with the loop, and nothing of it runs."""

    class Callback:
        def __call__(self, *args):
            ran.append(args)

    ran = []
    references = []

    def make():
        loop = loop_factory()
        callbacks = [Callback() for _ in range(5)]
        references.extend(weakref.ref(callback) for callback in callbacks)
        loop.call_soon(callbacks[0], loop)
        loop.call_later(3600, callbacks[1], loop)
        loop.call_soon_threadsafe(callbacks[2], loop)
        loop.call_at(loop.time() - 1, callbacks[3], loop)
        loop.call_later(3600, callbacks[4], loop).cancel()
        references.append(weakref.ref(loop))

    assert [category for category, text in dropped(make) if "event loop" in text] == [
        ResourceWarning
    ]
    assert [reference() for reference in references] == [None] * 6
    assert ran == []


def test_loop_dropped_with_watchers(loop_factory):
    ours, theirs = socket.socketpair()
    references = []

    def make():
        loop = loop_factory()
        loop.add_reader(ours, loop.stop)
        loop.add_writer(ours, lambda: loop)
        references.append(weakref.ref(loop))

    with ours, theirs:
        assert len([text for _, text in dropped(make) if "event loop" in text]) == 1
        assert references[0]() is None
        # The watched descriptor is not the loop's to close.
        ours.send(b"x")
        assert theirs.recv(1) == b"x"


@pytest.mark.parametrize("close_first", [True, False])
def test_cycle_of_loop_handle_and_callback_is_collected(loop_factory, close_first):
    """loop -> handle -> callback -> loop, and the handles held by the callbacks' owner."""

    class Owner:
        def __init__(self, loop):
            self.loop = loop
            self.handles = [
                loop.call_soon(self.callback, self),
                loop.call_later(3600, self.callback, loop),
                loop.call_soon_threadsafe(self.callback),
            ]
            loop.owner = self

        def callback(self, *args):
            pytest.fail("ran")

    references = []

    def make():
        loop = loop_factory()
        owner = Owner(loop)
        references.extend((weakref.ref(loop), weakref.ref(owner)))
        references.extend(weakref.ref(handle) for handle in owner.handles)
        if close_first:
            loop.close()

    caught = dropped(make)
    assert [reference() for reference in references] == [None] * 5
    assert len([text for _, text in caught if "event loop" in text]) == (0 if close_first else 1)


def test_cycle_through_a_held_handle_is_collected_while_the_loop_lives(loop):
    """A handle that ran holds its callback no longer than its owner holds the handle."""

    class Owner:
        def callback(self):
            pass

    owner = Owner()
    owner.handle = loop.call_soon(owner.callback)
    reference = weakref.ref(owner)
    loop.call_soon(loop.stop)
    loop.run_forever()
    del owner
    gc.collect()
    assert reference() is None


def test_cancelled_timer_does_not_keep_its_owner(loop):
    class Owner:
        def callback(self):
            pass

    owner = Owner()
    owner.handle = loop.call_later(3600, owner.callback)
    owner.handle.cancel()
    reference = weakref.ref(owner)
    del owner
    gc.collect()
    assert reference() is None


def test_loop_outlives_its_variable_while_it_runs(loop_factory):
    reference = None

    async def main():
        gc.collect()
        await asyncio.sleep(0)
        gc.collect()
        return asyncio.get_running_loop()

    def run():
        nonlocal reference
        loop = loop_factory()
        reference = weakref.ref(loop)
        running = loop.run_until_complete(main())
        assert running is loop
        loop.close()

    run()
    gc.collect()
    assert reference() is None


def test_many_loops_leave_no_descriptor(loop_factory):
    def count():
        return len(os.listdir("/proc/self/fd"))

    loop_factory().close()
    before = count()
    for _ in range(50):
        loop = loop_factory()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
    assert count() == before


def test_closed_loop_can_be_collected_in_another_thread(loop_factory, start_thread):
    loop = loop_factory()
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    loop.self = loop
    reference = weakref.ref(loop)
    del loop
    start_thread(gc.collect).join()
    assert reference() is None


def test_unclosed_loop_can_be_collected_in_another_thread(loop_factory, start_thread):
    gc.disable()
    try:
        loop = loop_factory()
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.call_later(3600, loop.stop)
        loop.self = loop
        reference = weakref.ref(loop)
        del loop
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            start_thread(gc.collect).join()
    finally:
        gc.enable()
    assert ResourceWarning in [warning.category for warning in caught]
    # A warning holds its source.
    caught.clear()
    gc.collect()
    assert reference() is None


def test_done_task_is_freed_without_the_collector(loop):
    """Nothing of the loop keeps a task that is done: no cycle, no queue slot."""

    class Marker:
        pass

    marker = Marker()

    async def coroutine(held):
        await asyncio.sleep(0)

    async def main():
        nonlocal marker
        reference = weakref.ref(marker)
        task = asyncio.create_task(coroutine(marker))
        marker = None
        await task
        del task
        await asyncio.sleep(0)
        return reference()

    gc.collect()
    gc.disable()
    try:
        assert loop.run_until_complete(main()) is None
    finally:
        gc.enable()
