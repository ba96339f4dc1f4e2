"""KeyboardInterrupt and SystemExit raised inside callbacks and tasks: they end the run, and
nothing that was ready is lost.
"""

import asyncio
import os
import socket

import pytest

KINDS = [KeyboardInterrupt, SystemExit]


class OwnExit(SystemExit):
    """A subclass counts as its base."""


@pytest.mark.parametrize("kind", [*KINDS, OwnExit])
def test_in_a_callback(loop, kind):
    error = kind("leave")

    def leave():
        raise error

    loop.call_soon(leave)
    with pytest.raises(kind) as caught:
        loop.run_forever()
    assert caught.value is error
    assert not loop.is_running()
    loop.run_until_complete(asyncio.sleep(0))


@pytest.mark.parametrize("kind", KINDS)
def test_no_other_ready_handle_is_lost(loop, kind):
    """The rest of the turn runs when the loop runs again, in order, before what came later."""
    seen = []

    def leave():
        raise kind

    loop.call_soon(seen.append, 0)
    loop.call_soon(leave)
    for number in range(1, 100):
        loop.call_soon(seen.append, number)
    loop.call_at(loop.time() - 1, seen.append, "overdue")
    with pytest.raises(kind):
        loop.run_forever()
    assert seen == [0]
    loop.call_soon(seen.append, "later")
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert [item for item in seen if item != "overdue"] == [*range(100), "later"]
    assert seen.count("overdue") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_again_and_again(loop, kind):
    seen = []

    def leave(number):
        seen.append(number)
        raise kind

    for number in range(20):
        loop.call_soon(leave, number)
    for _ in range(20):
        with pytest.raises(kind):
            loop.run_forever()
    assert seen == list(range(20))
    loop.run_until_complete(asyncio.sleep(0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["call_later", "threadsafe", "reader", "writer", "done_callback"])
def test_in_every_kind_of_callback(loop, kind, way):
    seen = []
    ours, theirs = socket.socketpair()

    def leave(*args):
        raise kind

    with ours, theirs:
        if way == "call_later":
            loop.call_later(0.001, leave)
        elif way == "threadsafe":
            loop.call_soon_threadsafe(leave)
        elif way == "reader":
            theirs.send(b"x")
            loop.add_reader(ours, leave)
        elif way == "writer":
            loop.add_writer(ours, leave)
        else:
            future = loop.create_future()
            future.add_done_callback(leave)
            future.set_result(None)
        with pytest.raises(kind):
            loop.run_forever()
        loop.remove_reader(ours)
        loop.remove_writer(ours)
        loop.call_soon(seen.append, "works")
        loop.call_soon(loop.stop)
        loop.run_forever()
    assert seen == ["works"]


@pytest.mark.parametrize("kind", KINDS)
def test_in_a_task(loop, kind):
    """The task keeps the exception too: it is done."""

    async def leave():
        await asyncio.sleep(0)
        raise kind

    task = loop.create_task(leave())
    with pytest.raises(kind):
        loop.run_forever()
    assert task.done()
    assert isinstance(task.exception(), kind)
    loop.run_until_complete(asyncio.sleep(0))


@pytest.mark.parametrize("kind", KINDS)
def test_in_the_main_coroutine(loop, kind):
    async def leave():
        await asyncio.sleep(0)
        raise kind

    with pytest.raises(kind):
        loop.run_until_complete(leave())
    assert not loop.is_running()
    loop.run_until_complete(asyncio.sleep(0))


@pytest.mark.parametrize("kind", KINDS)
def test_in_a_task_while_others_go_on(loop, kind):
    """The other tasks of the turn get their step in the next run: no wake-up is lost."""
    steps = []

    async def worker(name):
        for step in range(3):
            steps.append((name, step))
            await asyncio.sleep(0)

    async def leave():
        await asyncio.sleep(0)
        raise kind

    workers = [loop.create_task(worker("before"))]
    leaving = loop.create_task(leave())
    workers.append(loop.create_task(worker("after")))
    with pytest.raises(kind):
        loop.run_until_complete(asyncio.gather(*workers))
    loop.run_until_complete(asyncio.wait(workers))
    assert [step for name, step in steps if name == "before"] == [0, 1, 2]
    assert [step for name, step in steps if name == "after"] == [0, 1, 2]
    assert isinstance(leaving.exception(), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_while_stop_was_requested(loop, kind):
    """The request to stop ends with the run that was left."""
    seen = []

    def leave():
        raise kind

    loop.call_soon(loop.stop)
    loop.call_soon(leave)
    with pytest.raises(kind):
        loop.run_forever()
    loop.call_soon(lambda: loop.call_soon(seen.append, "two turns"))
    loop.call_soon(lambda: loop.call_soon(loop.stop))
    loop.run_forever()
    assert seen == ["two turns"]


@pytest.mark.parametrize("kind", KINDS)
def test_close_after_it(loop, kind):
    def leave():
        raise kind

    loop.call_soon(leave)
    loop.call_soon(pytest.fail)
    with pytest.raises(kind):
        loop.run_forever()
    loop.close()
    assert loop.is_closed()


def test_cancelled_after_it(loop, turn):
    """A handle that waits for the next run can still be cancelled."""
    seen = []

    def leave():
        raise KeyboardInterrupt

    loop.call_soon(leave)
    victim = loop.call_soon(seen.append, "victim")
    loop.call_soon(seen.append, "kept")
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    victim.cancel()
    turn()
    assert seen == ["kept"]


def test_task_that_raises_another_base_exception(loop, turn, expect_exception_handler):
    """A task hands it to whoever awaits it, and to the loop as well, which reports it."""

    class Own(BaseException):
        pass

    async def fail():
        raise Own

    task = loop.create_task(fail())
    turn()
    turn()
    assert task.done()
    assert isinstance(task.exception(), Own)
    assert all(isinstance(context["exception"], Own) for context in expect_exception_handler)


def test_interrupt_in_the_exception_handler_keeps_the_rest(loop):
    seen = []

    def handler(loop, context):
        raise KeyboardInterrupt

    loop.set_exception_handler(handler)
    loop.call_soon(lambda: 1 / 0)
    loop.call_soon(seen.append, "rest")
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    assert seen == []
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert seen == ["rest"]


def test_ready_watchers_survive_an_interrupt(loop):
    """Two descriptors are ready in one turn; the first callback leaves the loop.

    The second may be called twice: it waits for the next run, which polls before that.
    """
    seen = set()
    pipes = [os.pipe() for _ in range(2)]

    def readable(number):
        seen.add(number)
        loop.remove_reader(pipes[number][0])
        if len(seen) == 1:
            raise KeyboardInterrupt
        loop.stop()

    try:
        for number, (reader, writer) in enumerate(pipes):
            os.write(writer, b"x")
            loop.add_reader(reader, readable, number)
        with pytest.raises(KeyboardInterrupt):
            loop.run_forever()
        loop.run_forever()
        assert seen == {0, 1}
    finally:
        for reader, writer in pipes:
            loop.remove_reader(reader)
            os.close(reader)
            os.close(writer)
