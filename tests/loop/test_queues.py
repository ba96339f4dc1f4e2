"""`loop._ready` and `loop._scheduled`, which test helpers look into."""

import asyncio
import collections
import heapq
import threading

import pytest


def nothing():
    pass


def test_what_is_ready(loop):
    assert not loop._ready
    first = loop.call_soon(nothing)
    second = loop.call_soon(nothing)
    assert list(loop._ready) == [first, second]
    assert len(loop._ready) == 2
    assert first in loop._ready
    assert loop._ready[-1] is second
    assert loop._ready == collections.deque([first, second])
    assert loop._ready != collections.deque([second])
    assert [handle._callback for handle in loop._ready] == [nothing, nothing]
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert not loop._ready


def test_what_other_threads_sent_is_ready(loop):
    handles = []
    thread = threading.Thread(
        target=lambda: handles.append(loop.call_soon_threadsafe(nothing)), daemon=True
    )
    thread.start()
    thread.join()
    assert handles[0] in loop._ready


def test_ready_within_a_turn(loop):
    seen = []

    def look():
        seen.append(list(loop._ready))

    loop.call_soon(look)
    last = loop.call_soon(loop.stop)
    loop.run_forever()
    assert seen == [[last]]


def test_a_handle_that_the_program_made_is_ready(loop):
    handle = asyncio.Handle(nothing, (), loop)
    loop._add_callback(handle)
    assert handle in loop._ready
    assert not loop._scheduled


@pytest.fixture
def named(loop):
    """Queue callbacks of these names, and list the names that are queued now."""

    class Named:
        def __init__(self):
            self.ran = []

        def handle(self, name):
            return asyncio.Handle(self.ran.append, (name,), loop)

        def queue(self, *names):
            return [loop.call_soon(self.ran.append, name) for name in names]

        def queued(self):
            return "".join(handle._args[0] for handle in loop._ready)

    return Named()


def test_what_is_ready_can_be_changed(loop, named, turn):
    """As mode_streaming puts a callback before all others."""
    first, _, third = named.queue("a", "b", "c")
    queue = loop._ready
    queue.appendleft(named.handle("d"))
    queue.append(named.handle("e"))
    queue.insert(1, named.handle("f"))
    queue.insert(-1, named.handle("g"))
    queue.insert(100, named.handle("h"))
    queue.insert(-100, named.handle("i"))
    assert named.queued() == "idfabcgeh"
    assert queue.popleft()._args == ("i",)
    assert queue.pop()._args == ("h",)
    queue.remove(first)
    assert named.queued() == "dfbcge"
    del queue[0]
    queue[0] = named.handle("j")
    assert queue.index(third) == 2
    queue.rotate(2)
    assert named.queued() == "gejbc"
    queue.extend([named.handle("k"), named.handle("l")])
    queue.extendleft([named.handle("m"), named.handle("n")])
    assert named.queued() == "nmgejbckl"
    turn()
    assert "".join(named.ran) == "nmgejbckl"
    assert not loop._ready


def test_nothing_can_be_taken_out_of_an_empty_queue(loop, named):
    for take in ("pop", "popleft"):
        with pytest.raises(IndexError):
            getattr(loop._ready, take)()
    with pytest.raises(ValueError):  # noqa: PT011 - its text is of no use to anybody
        loop._ready.remove(named.handle("a"))
    with pytest.raises(IndexError):
        del loop._ready[0]


def test_ready_is_emptied(loop, named, turn):
    named.queue("a", "b")
    thread = threading.Thread(
        target=lambda: loop.call_soon_threadsafe(named.ran.append, "c"), daemon=True
    )
    thread.start()
    thread.join()
    loop._ready.clear()
    assert named.queued() == ""
    turn()
    assert named.ran == []


def test_ready_is_changed_within_a_turn(loop, named, turn):
    """A turn runs as many handles as there were at its start."""

    def change():
        loop._ready.appendleft(named.handle("b"))
        loop._ready.remove(last)

    loop.call_soon(change)
    named.queue("a")
    last = loop.call_soon(named.ran.append, "c")
    turn()
    assert named.ran == ["b", "a"]
    loop.call_soon(loop._ready.clear)
    named.queue("d")
    loop.call_soon(loop.stop)
    loop.call_later(0.01, loop.stop)
    try:
        loop.run_forever()
    except IndexError:
        assert type(loop).__module__ == "asyncio.unix_events"
    assert named.ran == ["b", "a"]


def test_another_thread_wakes_the_loop_for_what_it_put_into_ready(loop):
    def put():
        loop._ready.appendleft(asyncio.Handle(loop.stop, (), loop))
        loop._write_to_self()

    thread = threading.Timer(0.05, put)
    loop.call_soon(thread.start)
    end = loop.call_later(20, loop.stop)
    loop.run_forever()
    thread.join()
    assert end in loop._scheduled  # so it was the other that ended the run


def test_what_was_taken_out_is_run_by_hand(loop, named, turn):
    handle = named.queue("a")[0]
    assert loop._ready.popleft() is handle
    handle._run()
    loop._ready.append(handle)
    loop._ready.appendleft(handle)
    turn()
    assert named.ran == ["a"] * 3


def test_asyncio_queues_a_callback(loop, named, turn):
    """By the method behind `call_soon`, which programs that extend the loop call."""
    handle = loop._call_soon(named.ran.append, ("a",), None)
    assert handle in loop._ready
    turn()
    assert named.ran == ["a"]


def test_only_handles_are_ready(loop, turn):
    """asyncio fails when it is to run."""
    with pytest.raises(AttributeError):
        loop._ready.append(nothing)
        turn()
    assert not [handle for handle in loop._ready if handle is nothing]


@pytest.mark.parametrize("method", ["_add_callback", "_add_callback_signalsafe"])
def test_a_cancelled_handle_is_not_queued(loop, method):
    handle = asyncio.Handle(nothing, (), loop)
    handle.cancel()
    getattr(loop, method)(handle)
    assert not loop._ready


def test_pending_timers_are_scheduled(loop):
    assert not loop._scheduled
    now = loop.time()
    late = loop.call_at(now + 1000, nothing)
    soon = loop.call_at(now + 500, nothing)
    latest = loop.call_at(now + 2000, nothing)
    assert loop._scheduled[0] is soon
    assert heapq.nsmallest(3, loop._scheduled) == [soon, late, latest]
    assert set(loop._scheduled) == {soon, late, latest}
    assert all(isinstance(handle, asyncio.TimerHandle) for handle in loop._scheduled)
    assert repr(late) in repr(loop._scheduled)
    late.cancel()
    assert {handle for handle in loop._scheduled if not handle.cancelled()} == {soon, latest}


def test_scheduled_is_looked_at_while_it_changes(loop):
    handles = [loop.call_later(1000 + number, nothing) for number in range(10)]
    for handle in loop._scheduled:
        handle.cancel()
    assert all(handle.cancelled() for handle in handles)
    assert all(handle.cancelled() for handle in loop._scheduled)


def test_timers_are_fired_by_hand(loop):
    """As the helpers of zeroconf's and Home Assistant's tests do."""
    seen = []
    loop.call_later(1000, seen.append, "later")
    loop.call_later(10, seen.append, "soon")
    until = loop.time() + 100

    async def fire():
        for handle in list(loop._scheduled):
            if not handle.cancelled() and handle.when() <= until:
                handle._run()
                handle.cancel()

    loop.run_until_complete(fire())
    assert seen == ["soon"]
    assert [handle._args for handle in loop._scheduled if not handle.cancelled()] == [("later",)]


def test_a_sleeping_task_is_in_the_queues(loop):
    async def sleeper():
        await asyncio.sleep(1000)

    async def main():
        task = loop.create_task(sleeper())
        assert len(loop._ready) == 1
        await asyncio.sleep(0)
        assert len(loop._scheduled) == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    loop.run_until_complete(main())


@pytest.mark.usefixtures("expect_exception_handler")
def test_what_the_loop_waits_for_itself_is_not_in_the_queues(loop, turn):
    """Home Assistant's tests fail when one leaves a timer behind, as do those of aioesphomeapi."""
    now = [0.0]
    loop.time = lambda: now[-1]
    seen = []

    async def fail():
        raise ValueError("failed")

    def look():
        seen.append(list(loop._ready))
        loop.stop()

    task = loop.create_task(fail())
    turn()
    assert not loop._scheduled
    # A loop that tells of exceptions that nobody asks for does so within the next turns.
    now.append(1.0)
    for _ in range(4):
        loop.call_soon(look)
        loop.run_forever()
    assert seen == [[]] * 4
    assert not loop._scheduled
    assert type(task.exception()) is ValueError


def test_a_closed_loop_has_nothing(loop_factory):
    loop = loop_factory()
    loop.call_soon(nothing)
    loop.call_later(1000, nothing)
    loop.close()
    assert not loop._ready
    assert not loop._scheduled


def test_a_handle_that_was_found_is_held_beyond_its_run(loop, turn):
    seen = []
    loop.call_soon(seen.append, 1)
    held = list(loop._ready)
    turn()
    assert seen == [1]
    later = [loop.call_soon(seen.append, number) for number in range(2, 5)]
    assert held[0] not in later
    turn()
    assert seen == [1, 2, 3, 4]
