"""What runs per callback belongs to the class of the objects that programs have.

The interpreter's short cut for a call of a native method compares the object's class with the one
that the method belongs to, and takes the long way for a method that is inherited.
"""

import asyncio

import pytest

import aioxide
from aioxide import _aioxide

METHODS = [
    "call_at",
    "call_later",
    "call_soon",
    "call_soon_threadsafe",
    "create_future",
    "create_task",
    "get_debug",
    "time",
]


@pytest.mark.parametrize("name", METHODS)
def test_the_loops_methods_are_its_own(name):
    own = vars(aioxide.EventLoop)[name]
    assert type(own) is type(str.upper)
    assert own.__objclass__ is aioxide.EventLoop
    assert own.__doc__ == vars(_aioxide.Loop)[name].__doc__
    assert own.__text_signature__ == vars(_aioxide.Loop)[name].__text_signature__


@pytest.mark.parametrize("name", ["cancel", "cancelled", "when"])
def test_the_timers_methods_are_its_own(name):
    assert vars(_aioxide.TimerHandle)[name].__objclass__ is _aioxide.TimerHandle


def test_a_subclass_inherits_them():
    calls = []

    class Loop(aioxide.EventLoop):
        def call_soon(self, callback, *args, context=None):
            calls.append(callback)
            return super().call_soon(callback, *args, context=context)

    async def main():
        loop = asyncio.get_running_loop()
        timer = loop.call_later(1000, calls.clear)
        timer.cancel()
        future = loop.create_future()
        loop.call_soon(future.set_result, loop.time())
        return await loop.create_task(asyncio.wait_for(future, 10))

    with asyncio.Runner(loop_factory=Loop) as runner:
        before = runner.get_loop().time()
        assert runner.run(main()) >= before
    assert len(calls) > 2


def test_only_for_a_loop():
    with pytest.raises(TypeError, match="does not inherit from"):
        _aioxide._own_methods(dict)


def test_a_method_for_another_object():
    with pytest.raises(TypeError):
        aioxide.EventLoop.call_soon(object(), print)
    loop = asyncio.SelectorEventLoop()
    with pytest.raises(TypeError):
        aioxide.EventLoop.time(loop)
    loop.close()
