"""User code that comes back into the loop from where one would not expect it: destructors, weak
references, representations, and callbacks that turn the loop upside down.
"""

import asyncio
import gc
import os
import socket
import weakref

import pytest


class Dropped:
    """Calls a function when it is freed."""

    def __init__(self, function, *args):
        self.function = function
        self.args = args

    def __call__(self, *args):
        """A callback that does nothing."""

    def __del__(self):
        self.function(*self.args)


def test_destructor_of_an_argument_schedules(loop, turn):
    seen = []
    loop.call_soon(id, Dropped(loop.call_soon, seen.append, "soon"))
    loop.call_soon(id, Dropped(loop.call_later, -1, seen.append, "timer"))
    loop.call_soon(id, Dropped(loop.call_soon_threadsafe, seen.append, "threadsafe"))
    turn()
    turn()
    turn()
    assert sorted(seen) == ["soon", "threadsafe", "timer"]


def test_destructor_of_a_callback_schedules(loop, turn):
    seen = []
    loop.call_soon(Dropped(loop.call_soon, seen.append, 1))
    turn()
    turn()
    assert seen == [1]


def test_destructor_schedules_another_one(loop, turn):
    """A chain of objects, each of which schedules the next when it goes."""
    seen = []

    def drop(left):
        seen.append(left)
        if left:
            loop.call_soon(id, Dropped(drop, left - 1))

    loop.call_soon(id, Dropped(drop, 20))
    for _ in range(25):
        turn()
    assert seen == list(range(20, -1, -1))


def test_destructor_stops_the_loop(loop):
    loop.call_soon(id, Dropped(loop.stop))
    loop.run_forever()


def test_destructor_cancels_a_handle_of_the_turn(loop, turn):
    seen = []
    victims = []
    loop.call_soon(id, Dropped(lambda: victims[0].cancel()))
    victims.append(loop.call_soon(seen.append, "victim"))
    turn()
    assert seen == []


def test_destructors_during_close(loop_factory):
    """close() frees what was scheduled; destructors find a closed loop."""
    errors = []
    loop = loop_factory()

    def use():
        for method in (
            lambda: loop.call_soon(list),
            lambda: loop.call_later(1, list),
            lambda: loop.call_soon_threadsafe(list),
            lambda: loop.run_until_complete(None),
        ):
            try:
                method()
            except RuntimeError as error:
                errors.append(str(error))
        loop.stop()
        loop.close()

    for schedule in (
        loop.call_soon,
        loop.call_soon_threadsafe,
        lambda *args: loop.call_later(3600, *args),
    ):
        schedule(id, Dropped(use))
    loop.close()
    gc.collect()
    assert errors == ["Event loop is closed"] * 12


def test_destructor_of_a_watcher_uses_the_loop(loop):
    ours, theirs = socket.socketpair()
    seen = []
    with ours, theirs:
        loop.add_reader(ours, Dropped(seen.append, "first"))
        loop.add_reader(ours, Dropped(lambda: seen.append(loop.remove_reader(ours))))
        assert seen == ["first"]
        # The destructor of the callback that is removed finds nothing to remove.
        assert loop.remove_reader(ours) is True
        assert seen == ["first", False]


def test_destructor_of_a_replaced_watcher_adds_another(loop):
    ours, theirs = socket.socketpair()
    seen = []
    with ours, theirs:
        theirs.send(b"x")
        loop.add_reader(ours, Dropped(loop.add_writer, ours, seen.append, "writer"))
        loop.add_reader(ours, lambda: (seen.append("reader"), loop.stop()))
        loop.run_forever()
        assert "reader" in seen
        assert loop.remove_reader(ours) is True
        assert loop.remove_writer(ours) is True


def test_weak_reference_callback_schedules(loop, turn):
    seen = []

    class Marker:
        pass

    marker = Marker()
    reference = weakref.ref(marker, lambda reference: loop.call_soon(seen.append, "gone"))
    loop.call_soon(id, marker)
    del marker
    turn()
    turn()
    assert seen == ["gone"]
    assert reference() is None


def test_collector_runs_inside_a_callback(loop, turn):
    seen = []

    def callback():
        cycle = [Dropped(seen.append, "cycle")]
        cycle.append(cycle)
        del cycle
        gc.collect()

    for _ in range(10):
        loop.call_soon(callback)
    turn()
    assert seen == ["cycle"] * 10


def test_representation_that_fails(loop, turn, expect_exception_handler):
    """An argument whose repr() raises does not hide the callback's own exception for good."""

    class Nameless:
        def __repr__(self):
            raise ZeroDivisionError("no name")

    def callback(argument):
        raise LookupError

    seen = []
    loop.call_soon(callback, Nameless())
    loop.call_soon(seen.append, "next")
    try:
        turn()
    except ZeroDivisionError:  # before 3.13 arguments are shown, and this comes out of the loop
        turn()
    assert seen == ["next"]
    assert not loop.is_running()


def test_representation_that_uses_the_loop(loop, turn, asyncio_log):
    seen = []

    class Callback:
        def __call__(self):
            raise LookupError

        def __repr__(self):
            loop.call_soon(seen.append, "repr")
            return "<Callback>"

    loop.call_soon(Callback())
    turn()
    turn()
    assert "repr" in seen
    assert [record.levelname for record in asyncio_log].count("ERROR") == 1


def test_callback_that_schedules_itself_and_stops(loop):
    count = 0

    def callback():
        nonlocal count
        count += 1
        loop.stop()
        loop.call_soon(callback)

    loop.call_soon(callback)
    for expected in range(1, 10):
        loop.run_forever()
        assert count == expected


def test_callback_that_closes_the_loop_goes_on(loop):
    errors = []

    def callback():
        for _ in range(3):
            try:
                loop.close()
            except RuntimeError as error:
                errors.append(str(error))

    seen = []
    loop.call_soon(callback)
    loop.call_soon(seen.append, 1)
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert errors == ["Cannot close a running event loop"] * 3
    assert seen == [1]


def test_close_in_the_exception_handler(loop):
    errors = []

    def handler(loop, context):
        try:
            loop.close()
        except RuntimeError as error:
            errors.append(str(error))
        loop.stop()

    loop.set_exception_handler(handler)
    loop.call_soon(lambda: 1 / 0)
    loop.run_forever()
    assert errors == ["Cannot close a running event loop"]


def test_another_loop_is_made_and_closed_in_a_callback(loop, loop_factory, turn):
    """It cannot run there, but it lives."""
    seen = []

    def callback():
        other = loop_factory()
        other.call_soon(pytest.fail)
        assert not other.is_running()
        assert asyncio.get_running_loop() is loop
        other.close()
        assert asyncio.get_running_loop() is loop
        seen.append(True)

    loop.call_soon(callback)
    turn()
    assert seen == [True]


def test_running_another_loop_with_the_running_one_hidden(loop, loop_factory):
    """What nest-like libraries do: the outer loop is put aside for the time of the inner one."""
    seen = []

    def callback():
        other = loop_factory()
        asyncio._set_running_loop(None)
        try:
            other.run_until_complete(asyncio.sleep(0.001))
            seen.append("inner")
        finally:
            asyncio._set_running_loop(loop)
            other.close()
        loop.call_soon(loop.stop)

    loop.call_soon(callback)
    loop.call_soon(seen.append, "outer")
    loop.run_forever()
    assert seen == ["inner", "outer"]


def test_every_method_from_inside_a_callback(loop):
    """All that can be called while running, called while running, in one callback."""
    ours, theirs = socket.socketpair()
    seen = []

    def callback():
        handles = [
            loop.call_soon(list),
            loop.call_soon_threadsafe(list),
            loop.call_later(0, list),
            loop.call_at(loop.time(), list),
        ]
        for handle in handles[::2]:
            handle.cancel()
        loop.add_reader(ours, list)
        loop.add_writer(ours, list)
        loop.remove_reader(ours)
        loop.remove_writer(ours)
        loop.set_debug(True)
        loop.set_debug(False)
        loop.set_exception_handler(None)
        loop.set_task_factory(None)
        loop.create_future().set_result(None)
        loop.slow_callback_duration = 1.0
        repr(loop)
        seen.append(loop.is_running())
        loop.stop()

    with ours, theirs:
        loop.call_soon(callback)
        loop.run_forever()
    assert seen == [True]


def test_descriptor_closed_and_reused_inside_a_callback(loop):
    """Both are ready; the first callback closes the second's pipe and its number comes back."""
    pipes = [os.pipe() for _ in range(2)]
    seen = []
    fresh = []

    def readable(me):
        seen.append(me)
        loop.remove_reader(pipes[0][0])
        loop.remove_reader(pipes[1][0])
        if not fresh:
            os.close(pipes[1 - me][0])
            fresh.append(os.dup(pipes[me][1]))
            loop.call_soon(loop.stop)

    for me, (reader, writer) in enumerate(pipes):
        os.write(writer, b"x")
        loop.add_reader(reader, readable, me)
    loop.run_forever()
    assert len(seen) == 1
    os.close(pipes[seen[0]][0])
    os.close(fresh[0])
    for _, writer in pipes:
        os.close(writer)
