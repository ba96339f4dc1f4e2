"""The loop under test: made by name, put where asyncio's tests find a loop, and watched.

The suite gets its loops in three ways, and all three lead here after `install`:

* `asyncio.new_event_loop()`, `asyncio.run()`, `Runner`, `IsolatedAsyncioTestCase`: through the
  default policy, whose class gets another `_loop_factory`. Setting the policy to None, as every
  module of the suite does at its end, makes a new policy of that same class.
* `asyncio.SelectorEventLoop(...)` and `asyncio.EventLoop`: the names now hold a class whose call
  makes the loop under test and whose `isinstance` asks for the loop under test.
* `BaseEventLoop()` and the suite's own `TestLoop()`: `rebind` replaces the `setUp` or factory of
  the few classes that use a base loop with mocks where any loop would do.

Every loop made through this module, and every asyncio loop that initialises itself, is recorded
by the name of its class, so that a test which never met the loop under test is known as such.
"""

import asyncio
import importlib
import weakref
from asyncio import base_events


def loop_factory(name):
    """The factory for `aioxide`, `asyncio`, `uvloop`, or any other as `module:attribute`."""
    if name == "asyncio":
        return asyncio.SelectorEventLoop
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute or "new_event_loop")


class Recorder:
    """Calls the factory, and collects the class names of the loops made since `clear`."""

    def __init__(self, factory):
        self.factory = factory
        self.loop_class = None
        self.seen = set()
        self.met = False
        self.made = weakref.WeakSet()

    def clear(self):
        self.seen = set()
        self.met = False

    def __call__(self):
        # A factory that raises counts as met: the failure is then the loop's own.
        self.met = True
        loop = self.factory()
        self.loop_class = type(loop)
        self.made.add(loop)
        self.note(loop)
        return loop

    def has_open_loop(self):
        """Whether a loop under test that was made earlier, for several tests, is not closed yet."""
        loops = [loop for loop in self.made if not loop.is_closed()]
        for loop in loops:
            self.note(loop)
        return bool(loops)

    def note(self, loop):
        self.seen.add(f"{type(loop).__module__}.{type(loop).__qualname__}")

    def watch_asyncio(self):
        """Record asyncio's own loops too, whoever makes them."""
        original = base_events.BaseEventLoop.__init__

        def __init__(loop, *args, **kwargs):
            self.note(loop)
            original(loop, *args, **kwargs)

        base_events.BaseEventLoop.__init__ = __init__


def stand_in(recorder):
    """A class for `asyncio.SelectorEventLoop`; the selector that a test passes has no meaning."""

    class StandIn(type):
        def __call__(cls, *args, **kwargs):
            return recorder()

        def __instancecheck__(cls, instance):
            return recorder.loop_class is not None and isinstance(instance, recorder.loop_class)

    return StandIn("SelectorEventLoop", (), {})


def install(recorder):
    recorder.watch_asyncio()
    policy_class = type(default_policy())
    policy_class._loop_factory = staticmethod(recorder)
    selector_class = stand_in(recorder)
    asyncio.SelectorEventLoop = selector_class
    if hasattr(asyncio, "EventLoop"):
        asyncio.EventLoop = selector_class
    for name in ("unix_events", "windows_events"):
        module = getattr(asyncio, name, None)
        if module is not None:
            module.SelectorEventLoop = selector_class


def default_policy():
    # 3.14 deprecates the public name.
    getter = getattr(asyncio.events, "_get_event_loop_policy", None)
    return (getter or asyncio.get_event_loop_policy)()


def without_mocks(loop):
    """The loop, deaf to the mocks that these tests put into it to make a base loop run.

    On a real loop the mocks would cut it off from its own descriptors: asyncio, the control, would
    hang. A test that looks at its mock afterwards fails on every loop, asyncio included.
    """
    parts = ("_process_events", "_write_to_self", "_selector")

    def __setattr__(self, name, value):
        # Closing sets `_selector` to None: that is the loop's own doing.
        if name not in parts or value is None:
            super(deaf, self).__setattr__(name, value)

    deaf = type(type(loop).__name__, (type(loop),), {"__setattr__": __setattr__})
    loop.__class__ = deaf
    return loop


def set_up_with_loop(recorder, cls):
    """A `setUp` that makes `self.loop` the loop under test, without mocks in it."""

    def setUp(self):
        super(cls, self).setUp()
        self.loop = without_mocks(recorder())
        self.set_event_loop(self.loop)

    cls.setUp = setUp


def real_loop_with_marked_shutdown(recorder, cls):
    """test_runners asks whether `shutdown_asyncgens` ran by a mark that its mock leaves."""

    def new_loop(self):
        loop = recorder()
        loop.shutdown_ag_run = False
        shutdown = loop.shutdown_asyncgens

        async def shutdown_asyncgens():
            loop.shutdown_ag_run = True
            await shutdown()

        loop.shutdown_asyncgens = shutdown_asyncgens
        return loop

    cls.new_loop = new_loop


def real_test_loop(recorder, utils):
    """`new_test_loop()` without a script of times needs no simulated clock: any loop will do.

    A test that asks for a script runs on the simulated loop, and the one of its setUp stays idle:
    such a test says nothing about the loop under test.
    """
    simulated = utils.TestCase.new_test_loop

    def new_test_loop(self, gen=None):
        if gen is not None:
            recorder.met = False
            return simulated(self, gen)
        loop = recorder()
        self.set_event_loop(loop)
        return loop

    utils.TestCase.new_test_loop = new_test_loop


REBOUND_CLASSES = {
    "test_base_events": ("BaseEventLoopTests", set_up_with_loop),
    "test_pep492": ("BaseTest", set_up_with_loop),
    "test_runners": ("BaseTest", real_loop_with_marked_shutdown),
}
# Elsewhere the suite's TestLoop stands for a selector, whose fake descriptors no loop can watch.
REBOUND_TEST_LOOPS = ("test_futures", "test_tasks")


def rebind(module, recorder):
    """Fit one imported module of CPython's suite to the loop under test."""
    utils = importlib.import_module("test.test_asyncio.utils")
    relax_close(utils)
    name = module.__name__.rpartition(".")[2]
    if name in REBOUND_TEST_LOOPS:
        real_test_loop(recorder, utils)
    if name in REBOUND_CLASSES:
        class_name, binding = REBOUND_CLASSES[name]
        cls = getattr(module, class_name, None)
        if cls is None:
            raise LookupError(f"{module.__name__} has no class {class_name} to bind to the loop")
        binding(recorder, cls)


def relax_close(utils):
    """`TestCase.close_loop` reads `_default_executor`, which only asyncio's own loops must have."""
    strict = utils.TestCase.close_loop

    def close_loop(loop):
        if hasattr(loop, "_default_executor"):
            strict(loop)
        else:
            loop.close()

    utils.TestCase.close_loop = staticmethod(close_loop)
