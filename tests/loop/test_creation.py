"""How tasks and futures are made: what may be passed, and what is said of anything else."""

import asyncio
import gc
import sys
import weakref

import pytest


async def nothing():
    return None


@pytest.mark.parametrize(
    "call",
    [
        lambda loop: loop.create_task(),
        lambda loop: loop.create_task(5),
        lambda loop: loop.create_task(1, 2),
        lambda loop: loop.create_task(name="x"),
        lambda loop: loop.create_task(coro=5),
        lambda loop: loop.create_future(1),
        lambda loop: loop.create_future(loop=loop),
        lambda loop: loop.get_debug(1),
        lambda loop: loop.get_debug(x=1),
    ],
)
def test_what_cannot_be_meant_is_a_type_error(loop, call):
    with pytest.raises(TypeError):
        call(loop)


def test_a_keyword_that_tasks_lack_is_a_type_error(loop):
    coro = nothing()
    with pytest.raises(TypeError):
        loop.create_task(coro, colour="red")
    coro.close()


def test_the_coroutine_by_name(loop):
    task = loop.create_task(coro=nothing(), name="by name")
    loop.run_until_complete(task)
    assert task.get_name() == "by name"


@pytest.mark.parametrize("running", [False, True])
def test_the_loop_of_what_is_made(loop, running):
    async def main():
        return loop.create_future(), asyncio.create_task(nothing())

    if running:
        future, task = loop.run_until_complete(main())
    else:
        future, task = loop.create_future(), loop.create_task(nothing())
    assert future.get_loop() is loop
    assert task.get_loop() is loop
    loop.run_until_complete(task)


def test_tasks_made_while_one_is_being_made(loop):
    """A task asks its loop for `get_debug()` while it is made, which may be the program's."""
    inner = []

    def get_debug():
        if not inner:
            inner.append(None)
            inner[:] = [loop.create_task(nothing())]
        return False

    async def main():
        loop.get_debug = get_debug
        outer = loop.create_task(nothing(), name="outer")
        del loop.get_debug
        assert inner[0] is not outer
        assert {inner[0].get_loop(), outer.get_loop()} == {loop}
        await asyncio.gather(outer, inner[0])
        return outer.get_name()

    assert loop.run_until_complete(main()) == "outer"


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="counts references")
def test_a_loop_that_has_run_is_gone_with_its_last_name(loop_factory):
    async def main():
        await asyncio.create_task(nothing())
        await asyncio.sleep(0)

    loop = loop_factory()
    loop.run_until_complete(main())
    loop.close()
    gone = weakref.ref(loop)
    gc.disable()
    try:
        del loop
        assert gone() is None
    finally:
        gc.enable()
