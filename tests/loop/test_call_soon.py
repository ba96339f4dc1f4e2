"""call_soon: order, arguments, context, the handle, and what it refuses."""

import asyncio
import contextvars
import functools
import gc
import weakref

import pytest

NAME = contextvars.ContextVar("NAME", default="default")


def test_order_is_first_in_first_out(loop, turn):
    seen = []
    for number in range(1000):
        loop.call_soon(seen.append, number)
    turn()
    assert seen == list(range(1000))


def test_a_turn_runs_exactly_what_was_ready(loop, turn):
    """What a callback schedules runs in the next turn, whatever is scheduled after it."""
    seen = []

    def chain(depth):
        seen.append(depth)
        loop.call_soon(chain, depth + 1)

    handle = loop.call_soon(chain, 0)
    for depth in range(5):
        assert seen == list(range(depth))
        turn()
    assert not handle.cancelled()


def test_turns_are_counted_alike_from_every_callback(loop):
    """Three chains advance in lockstep."""
    seen = []

    def step(name, left):
        seen.append(name)
        if left:
            loop.call_soon(step, name, left - 1)
        elif name == "c":
            loop.stop()

    for name in "abc":
        loop.call_soon(step, name, 9)
    loop.run_forever()
    assert "".join(seen) == "abc" * 10


def test_arguments_are_passed(loop, turn):
    seen = []

    def callback(*args):
        seen.append(args)

    cases = [(), (1,), (1, 2), (1, 2, 3), tuple(range(50)), (None,), ((),)]
    for args in cases:
        loop.call_soon(callback, *args)
    turn()
    assert seen == cases


def test_any_callable(loop, turn):
    seen = []

    class Callable:
        def __call__(self, value):
            seen.append(value)

        def method(self, value):
            seen.append(value)

        @classmethod
        def of_class(cls, value):
            seen.append(value)

    thing = Callable()
    for value, callback in enumerate(
        [thing, thing.method, Callable.of_class, functools.partial(seen.append), seen.append]
    ):
        loop.call_soon(callback, value)
    loop.call_soon(list, [1])
    loop.call_soon(functools.partial(seen.append, "bound"))
    turn()
    assert seen == [0, 1, 2, 3, 4, "bound"]


def test_return_value_is_ignored(loop, turn):
    async def coroutine():
        pass

    unawaited = coroutine()
    for value in (1, None, "text", unawaited):
        loop.call_soon(lambda value=value: value)
    turn()
    unawaited.close()


def test_callback_runs_in_a_copy_of_the_current_context(loop, turn):
    seen = []
    token = NAME.set("scheduled")
    loop.call_soon(lambda: seen.append(NAME.get()))
    NAME.set("changed")
    loop.call_soon(lambda: seen.append(NAME.get()))
    loop.call_soon(NAME.set, "inside")
    loop.call_soon(lambda: seen.append(NAME.get()))
    turn()
    assert seen == ["scheduled", "changed", "changed"]
    assert NAME.get() == "changed"
    NAME.reset(token)


def test_context_is_copied_for_each_callback(loop, turn):
    """A value set by one callback is not seen by the next, even from an empty context."""
    seen = []

    def callback(value):
        seen.append(NAME.get())
        NAME.set(value)

    def schedule():
        loop.call_soon(callback, "first")
        loop.call_soon(callback, "second")
        loop.call_soon(callback, "third")

    contextvars.Context().run(schedule)
    turn()
    assert seen == ["default"] * 3


def test_context_argument(loop, turn):
    context = contextvars.copy_context()
    context.run(NAME.set, "given")
    seen = []

    def callback():
        seen.append(NAME.get())
        NAME.set("left behind")

    loop.call_soon(callback, context=context)
    loop.call_soon(callback, context=context)
    loop.call_soon(callback, context=None)
    turn()
    assert seen == ["given", "left behind", "default"]
    assert context[NAME] == "left behind"


def test_callback_of_a_context_is_inherited_by_what_it_schedules(loop, turn):
    seen = []

    def outer():
        NAME.set("outer")
        loop.call_soon(lambda: seen.append(NAME.get()))

    loop.call_soon(outer)
    turn()
    turn()
    assert seen == ["outer"]


def test_context_that_is_entered_already(loop, turn, asyncio_log):
    """Since 3.12 the exception handler is called in that context too, and fails as well."""
    context = contextvars.copy_context()

    def inside():
        loop.call_soon(lambda: None, context=context)
        turn()

    context.run(inside)
    [record] = [record for record in asyncio_log if record.levelname == "ERROR"]
    assert isinstance(record.exc_info[1], RuntimeError)
    assert "cannot enter context" in str(record.exc_info[1])


def test_handle_is_the_standard_one(loop, turn):
    handle = loop.call_soon(list)
    assert isinstance(handle, asyncio.Handle)
    assert not isinstance(handle, asyncio.TimerHandle)
    assert not handle.cancelled()
    assert handle.cancel() is None
    assert handle.cancelled()
    handle.cancel()
    assert handle.cancelled()
    turn()


def test_cancelled_handle_does_not_run(loop, turn):
    seen = []
    handles = [loop.call_soon(seen.append, number) for number in range(6)]
    for handle in handles[::2]:
        handle.cancel()
    turn()
    assert seen == [1, 3, 5]


def test_cancelled_by_a_callback_of_the_same_turn(loop, turn):
    seen = []
    handles = []
    loop.call_soon(lambda: handles[0].cancel())
    handles.append(loop.call_soon(seen.append, "cancelled"))
    loop.call_soon(seen.append, "kept")
    turn()
    assert seen == ["kept"]


def test_callback_that_cancels_itself(loop, turn):
    seen = []
    handles = []

    def callback():
        handles[0].cancel()
        seen.append(handles[0].cancelled())

    handles.append(loop.call_soon(callback))
    turn()
    turn()
    assert seen == [True]


def test_cancel_after_the_run(loop, turn):
    seen = []
    handle = loop.call_soon(seen.append, 1)
    turn()
    assert not handle.cancelled()
    handle.cancel()
    assert handle.cancelled()
    turn()
    assert seen == [1]


def test_cancel_releases_callback_and_arguments_at_once(loop):
    class Marker:
        def __call__(self, argument):
            pytest.fail("ran")

    callback, argument = Marker(), Marker()
    references = weakref.ref(callback), weakref.ref(argument)
    handle = loop.call_soon(callback, argument)
    del callback, argument
    gc.collect()
    assert None not in [reference() for reference in references]
    gc.disable()
    try:
        handle.cancel()
        assert [reference() for reference in references] == [None, None]
    finally:
        gc.enable()


def test_cancel_releases_arguments_whose_destructor_uses_the_loop(loop, turn):
    seen = []

    class Marker:
        def __del__(self):
            loop.call_soon(seen.append, "destructor")
            seen.append(handle.cancelled())

    handle = loop.call_soon(print, Marker())
    handle.cancel()
    turn()
    assert seen == [True, "destructor"]


def test_handle_runs_by_hand(loop):
    """Event loops that wrap another one call Handle._run()."""
    seen = []
    handle = loop.call_soon(seen.append, 1)
    handle._run()
    assert seen == [1]
    handle.cancel()


def test_handle_run_by_hand_reports_an_exception(loop, expect_exception_handler):
    handle = loop.call_soon(lambda: 1 / 0)
    assert handle._run() is None
    handle.cancel()
    [context] = expect_exception_handler
    assert isinstance(context["exception"], ZeroDivisionError)
    assert context["handle"] is handle


def a_callback(*args):
    """Named in handles' representations."""


def test_repr_equals_the_standard_one(loop):
    with_args = loop.call_soon(a_callback, 1, "two")
    line = a_callback.__code__.co_firstlineno
    assert repr(with_args).startswith("<Handle a_callback(")
    assert repr(with_args).endswith(f" at {__file__}:{line}>")
    with_args.cancel()
    assert repr(with_args) == "<Handle cancelled>"
    builtin = loop.call_soon(a_callback.__repr__)
    control = asyncio.Handle(a_callback.__repr__, (), loop)
    assert repr(builtin) == repr(control)
    builtin.cancel()


def test_handle_can_be_weakly_referenced(loop):
    handle = loop.call_soon(a_callback)
    reference = weakref.ref(handle)
    assert reference() is handle
    handle.cancel()


def test_handle_context(loop):
    if not hasattr(asyncio.Handle, "get_context"):
        pytest.skip("Handle.get_context() is new in 3.12")
    context = contextvars.copy_context()
    handle = loop.call_soon(a_callback, context=context)
    assert handle.get_context() is context
    handle.cancel()
    copied = loop.call_soon(a_callback)
    assert isinstance(copied.get_context(), contextvars.Context)
    copied.cancel()


@pytest.mark.parametrize("method", ["call_soon", "call_soon_threadsafe"])
def test_wrong_arguments(loop, method):
    schedule = getattr(loop, method)
    with pytest.raises(TypeError):
        schedule()
    with pytest.raises(TypeError):
        schedule(a_callback, key=1)
    with pytest.raises(TypeError):
        schedule(a_callback, context=None, key=1)
    with pytest.raises(TypeError):
        schedule(context=None)


def test_callback_by_keyword(loop, turn):
    seen = []
    loop.call_soon(callback=lambda: seen.append(1))
    turn()
    assert seen == [1]


@pytest.mark.parametrize("thing", [None, 1, "text", object()])
def test_not_a_callable_is_reported_when_it_is_called(loop, turn, expect_exception_handler, thing):
    """Outside debug mode nothing is checked before the call."""
    loop.call_soon(thing)
    turn()
    [context] = expect_exception_handler
    assert isinstance(context["exception"], TypeError)
    assert "not callable" in str(context["exception"])


def test_not_a_context_is_reported_when_it_is_entered(loop, turn, expect_exception_handler):
    """asyncio stores what it is given; refusing it at once is as good."""
    try:
        loop.call_soon(a_callback, context="text")
    except (TypeError, AttributeError):
        return
    turn()
    [context] = expect_exception_handler
    assert isinstance(context["exception"], (TypeError, AttributeError))


def test_wrong_call_of_a_callback_is_reported(loop, turn, expect_exception_handler):
    loop.call_soon(lambda: None, "superfluous")
    loop.call_soon(lambda missing: None)
    turn()
    assert [type(context["exception"]) for context in expect_exception_handler] == [TypeError] * 2


def test_arguments_are_freed_after_the_run(loop):
    """Nothing of the loop keeps a callback's arguments after the turn."""

    class Marker:
        pass

    marker = Marker()
    reference = weakref.ref(marker)
    loop.call_soon(a_callback, marker)
    del marker
    loop.call_soon(loop.stop)
    gc.disable()
    try:
        loop.run_forever()
        assert reference() is None
    finally:
        gc.enable()


def test_callback_is_alive_while_it_runs(loop, turn):
    """A callback that was the last owner of itself may use itself to the end."""

    class Callback:
        def __init__(self):
            self.value = "alive"

        def __call__(self):
            gc.collect()
            seen.append(self.value)

    seen = []
    loop.call_soon(Callback())
    turn()
    assert seen == ["alive"]


def test_many_callbacks(loop):
    count = 0

    def callback():
        nonlocal count
        count += 1

    for _ in range(200_000):
        loop.call_soon(callback)
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert count == 200_000
