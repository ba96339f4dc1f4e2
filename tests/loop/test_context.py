"""Context variables in every kind of callback: the context of the registration, copied."""

import asyncio
import contextvars
import os
import signal

import pytest

NAME = contextvars.ContextVar("NAME", default="default")


def soon(loop, callback, **kwargs):
    loop.call_soon(callback, **kwargs)


def threadsafe(loop, callback, **kwargs):
    loop.call_soon_threadsafe(callback, **kwargs)


def later(loop, callback, **kwargs):
    loop.call_later(0, callback, **kwargs)


def at(loop, callback, **kwargs):
    loop.call_at(loop.time() - 1, callback, **kwargs)


def done(loop, callback, **kwargs):
    future = loop.create_future()
    future.add_done_callback(lambda future: callback(), **kwargs)
    future.set_result(None)


def task(loop, callback, **kwargs):
    async def main():
        callback()

    loop.task = loop.create_task(main(), **kwargs)


def raised_signal(loop, callback):
    loop.add_signal_handler(signal.SIGUSR1, callback)
    signal.raise_signal(signal.SIGUSR1)


def reader(loop, callback):
    fds = os.pipe()
    os.write(fds[1], b"x")

    def readable():
        loop.remove_reader(fds[0])
        for fd in fds:
            os.close(fd)
        callback()

    loop.add_reader(fds[0], readable)


def writer(loop, callback):
    fds = os.pipe()

    def writable():
        loop.remove_writer(fds[1])
        for fd in fds:
            os.close(fd)
        callback()

    loop.add_writer(fds[1], writable)


WITH_CONTEXT = [soon, threadsafe, later, at, done, task]
ALL = [*WITH_CONTEXT, raised_signal, reader, writer]


def seen_by(loop, kind, value, **kwargs):
    """What NAME is in a callback of the kind, registered where it was `value`."""
    seen = []

    def callback():
        seen.append(NAME.get())
        NAME.set("left behind")
        loop.call_soon(loop.stop)

    def register():
        if value is not None:
            NAME.set(value)
        kind(loop, callback, **kwargs)
        NAME.set("changed after")

    contextvars.copy_context().run(register)
    loop.run_forever()
    loop.remove_signal_handler(signal.SIGUSR1)
    return seen


@pytest.mark.parametrize("kind", ALL)
def test_context_of_the_registration(loop, kind):
    assert seen_by(loop, kind, "registered") == ["registered"]
    assert NAME.get() == "default"


@pytest.mark.parametrize("kind", ALL)
def test_empty_context(loop, kind):
    """No variable set at all: still a context of its own."""
    result = contextvars.Context().run(seen_by, loop, kind, None)
    assert result == ["default"]
    result = contextvars.Context().run(seen_by, loop, kind, None)
    assert result == ["default"]
    assert NAME.get() == "default"


@pytest.mark.parametrize("kind", WITH_CONTEXT)
def test_given_context(loop, kind):
    context = contextvars.copy_context()
    context.run(NAME.set, "given")
    assert seen_by(loop, kind, "registered", context=context) == ["given"]
    assert context[NAME] == "left behind"


def test_context_of_the_loop_is_that_of_run_forever(loop):
    """Outside callbacks nothing of them is left."""
    token = NAME.set("outside")
    loop.call_soon(NAME.set, "inside")
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert NAME.get() == "outside"
    NAME.reset(token)


def test_token_of_another_context(loop, turn, expect_exception_handler):
    """A token is of the context that made it: a callback's copy is another."""
    token = NAME.set("outside")
    loop.call_soon(NAME.reset, token)
    turn()
    [context] = expect_exception_handler
    assert isinstance(context["exception"], ValueError)
    NAME.reset(token)


def test_context_inherits_through_a_chain(loop):
    seen = []

    def step(depth):
        seen.append(NAME.get())
        NAME.set(f"{NAME.get()}{depth}")
        if depth < 5:
            (loop.call_soon if depth % 2 else loop.call_soon_threadsafe)(step, depth + 1)
        else:
            loop.stop()

    contextvars.copy_context().run(lambda: (NAME.set("v"), loop.call_soon(step, 0)))
    loop.run_forever()
    assert seen == ["v", "v0", "v01", "v012", "v0123", "v01234"]


def test_tasks_do_not_share(loop):
    async def worker(value):
        NAME.set(value)
        for _ in range(5):
            await asyncio.sleep(0)
            assert NAME.get() == value
        return NAME.get()

    async def main():
        return await asyncio.gather(*[worker(value) for value in range(10)])

    assert loop.run_until_complete(main()) == list(range(10))


def test_run_in_a_context(loop):
    """run_until_complete inside Context.run(): tasks inherit from it."""

    async def main():
        return NAME.get()

    def inside():
        NAME.set("of the run")
        return loop.run_until_complete(main())

    assert contextvars.copy_context().run(inside) == "of the run"
