"""Exception handlers: the default one's text, custom ones, and handlers that fail."""

import asyncio
import sys

import pytest


def fail():
    raise LookupError("failed")


def errors(records):
    return [record for record in records if record.levelname == "ERROR"]


def test_get_and_set(loop):
    assert loop.get_exception_handler() is None

    def handler(loop, context):
        pass

    loop.set_exception_handler(handler)
    assert loop.get_exception_handler() is handler
    loop.set_exception_handler(None)
    assert loop.get_exception_handler() is None


@pytest.mark.parametrize("thing", [1, "text", object()])
def test_not_a_handler(loop, thing):
    with pytest.raises(TypeError, match="A callable object or None is expected, got"):
        loop.set_exception_handler(thing)
    assert loop.get_exception_handler() is None


def test_default_handler_logs_the_callback(loop, turn, asyncio_log):
    handle = loop.call_soon(fail)
    shown = repr(handle)
    turn()
    [record] = errors(asyncio_log)
    assert record.name == "asyncio"
    line = fail.__code__.co_firstlineno
    first, second = record.getMessage().splitlines()
    assert first == f"Exception in callback fail() at {__file__}:{line}"
    assert second == f"handle: {shown}"
    kind, value, traceback = record.exc_info
    assert kind is LookupError
    assert value.args == ("failed",)
    names = []
    while traceback is not None:
        names.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    assert names[-1] == "fail"


def test_default_handler_logs_arguments(loop, turn, asyncio_log):
    def callback(*args):
        raise LookupError

    loop.call_soon(callback, 1, "two")
    turn()
    [record] = errors(asyncio_log)
    message = record.getMessage()
    name = callback.__qualname__
    if sys.version_info >= (3, 13):  # arguments are shown in debug mode only
        shown = f"{name}()"
    else:
        shown = f"{name}(1, 'two')"
    assert message.startswith(f"Exception in callback {shown} at {__file__}:")


def test_default_handler_of_every_kind_of_callback(loop, turn, asyncio_log):
    """The same text whoever ran the callback."""
    lines = []
    for schedule in (
        loop.call_soon,
        loop.call_soon_threadsafe,
        lambda callback: loop.call_later(-1, callback),
        lambda callback: loop.call_at(0, callback),
    ):
        handle = schedule(fail)
        lines.append(repr(handle))
        turn()
        turn()
    messages = [record.getMessage().splitlines() for record in errors(asyncio_log)]
    assert [message[1] for message in messages] == [f"handle: {line}" for line in lines]
    assert len({message[0] for message in messages}) == 1


def test_call_exception_handler_by_default(loop, asyncio_log):
    error = LookupError("failed")
    loop.call_exception_handler({"message": "A message", "exception": error, "b": 2, "a": [1]})
    [record] = errors(asyncio_log)
    assert record.getMessage() == "A message\na: [1]\nb: 2"
    assert record.exc_info[1] is error


def test_call_exception_handler_without_message_and_exception(loop, asyncio_log):
    loop.call_exception_handler({})
    [record] = errors(asyncio_log)
    assert record.getMessage() == "Unhandled exception in event loop"
    assert not record.exc_info


def test_default_exception_handler_can_be_called(loop, asyncio_log):
    loop.default_exception_handler({"message": "A message"})
    [record] = errors(asyncio_log)
    assert record.getMessage() == "A message"


def test_custom_handler_gets_loop_and_context(loop, turn, asyncio_log):
    calls = []
    loop.set_exception_handler(lambda *args: calls.append(args))
    handle = loop.call_soon(fail)
    turn()
    [(handling_loop, context)] = calls
    assert handling_loop is loop
    assert set(context) == {"message", "exception", "handle"}
    line = fail.__code__.co_firstlineno
    assert context["message"] == f"Exception in callback fail() at {__file__}:{line}"
    assert isinstance(context["exception"], LookupError)
    assert context["handle"] is handle
    assert errors(asyncio_log) == []


def test_custom_handler_may_call_the_default_one(loop, turn, asyncio_log):
    loop.set_exception_handler(lambda loop, context: loop.default_exception_handler(context))
    loop.call_soon(fail)
    turn()
    [record] = errors(asyncio_log)
    assert record.getMessage().startswith("Exception in callback fail()")


def test_handler_set_back_to_none(loop, turn, asyncio_log):
    loop.set_exception_handler(lambda loop, context: pytest.fail("called"))
    loop.set_exception_handler(None)
    loop.call_soon(fail)
    turn()
    assert len(errors(asyncio_log)) == 1


def test_handler_that_raises(loop, turn, asyncio_log):
    def handler(loop, context):
        raise ZeroDivisionError("in the handler")

    loop.set_exception_handler(handler)
    seen = []
    loop.call_soon(fail)
    loop.call_soon(seen.append, "next")
    turn()
    assert seen == ["next"]
    [record] = errors(asyncio_log)
    first, second = record.getMessage().splitlines()[:2]
    assert first == "Unhandled error in exception handler"
    assert second.startswith("context: {'message': 'Exception in callback fail()")
    assert isinstance(record.exc_info[1], ZeroDivisionError)


def test_default_handler_that_raises(loop, turn, asyncio_log, monkeypatch):
    def handler(context):
        raise ZeroDivisionError("in the handler")

    monkeypatch.setattr(loop, "default_exception_handler", handler)
    seen = []
    loop.call_soon(fail)
    loop.call_soon(seen.append, "next")
    turn()
    assert seen == ["next"]
    [record] = errors(asyncio_log)
    assert record.getMessage() == "Exception in default exception handler"


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_handler_that_ends_the_program(loop, turn, kind):
    def handler(loop, context):
        raise kind

    loop.set_exception_handler(handler)
    loop.call_soon(fail)
    with pytest.raises(kind):
        turn()
    assert not loop.is_running()


def test_overridden_call_exception_handler_is_called(loop_factory):
    """A subclass may override the method, as a program's own policy."""
    original = loop_factory()
    contexts = []

    class Own(type(original)):
        def call_exception_handler(self, context):
            contexts.append(context["message"])

    original.close()
    loop = Own()
    loop.call_soon(fail)
    loop.stop()
    loop.run_forever()
    loop.close()
    assert len(contexts) == 1


def test_patched_call_exception_handler_is_called(loop, turn, monkeypatch):
    contexts = []
    monkeypatch.setattr(loop, "call_exception_handler", contexts.append)
    loop.call_soon(fail)
    turn()
    assert isinstance(contexts[0]["exception"], LookupError)


def test_source_traceback_in_debug_mode(loop, turn, expect_exception_handler):
    loop.set_debug(True)
    loop.call_soon(fail)
    turn()
    [context] = expect_exception_handler
    assert set(context) == {"message", "exception", "handle", "source_traceback"}
    frame = context["source_traceback"][-1]
    assert frame.filename == __file__
    assert frame.name == "test_source_traceback_in_debug_mode"


def test_source_traceback_in_the_log(loop, turn, asyncio_log):
    loop.set_debug(True)
    loop.call_soon(fail)
    turn()
    [record] = errors(asyncio_log)
    lines = record.getMessage().splitlines()
    assert lines[0].startswith("Exception in callback fail()")
    assert lines[2] == "source_traceback: Object created at (most recent call last):"
    assert any(__file__ in line for line in lines[3:])


@pytest.mark.parametrize("kind", [Exception, asyncio.CancelledError, GeneratorExit, BaseException])
def test_any_other_exception_of_a_callback_is_reported(loop, turn, expect_exception_handler, kind):
    """Only KeyboardInterrupt and SystemExit leave the loop from a callback."""

    class Own(kind):
        pass

    def callback():
        raise Own("failed")

    seen = []
    loop.call_soon(callback)
    loop.call_soon(seen.append, "next")
    turn()
    assert seen == ["next"]
    [context] = expect_exception_handler
    assert type(context["exception"]) is Own


def test_stop_iteration_of_a_callback(loop, turn, expect_exception_handler):
    loop.call_soon(next, iter(()))
    turn()
    [context] = expect_exception_handler
    assert isinstance(context["exception"], StopIteration)


def test_handler_sees_the_running_loop(loop, turn):
    seen = []
    loop.set_exception_handler(lambda *args: seen.append(asyncio.get_running_loop()))
    loop.call_soon(fail)
    turn()
    assert seen == [loop]


def test_handler_may_schedule_and_stop(loop):
    seen = []

    def handler(loop, context):
        loop.call_soon(seen.append, "scheduled")
        loop.call_soon(loop.stop)

    loop.set_exception_handler(handler)
    loop.call_soon(fail)
    loop.run_forever()
    assert seen == ["scheduled"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the handler's context is new in 3.12")
def test_handler_runs_in_the_context_of_what_failed(loop, turn):
    import contextvars

    name = contextvars.ContextVar("name", default="default")
    context = contextvars.copy_context()
    context.run(name.set, "of the callback")
    seen = []
    loop.set_exception_handler(lambda loop, context: seen.append(name.get()))
    loop.call_soon(fail, context=context)
    turn()
    assert seen == ["of the callback"]


def test_failure_is_freed(loop, turn):
    """The exception of a callback, its frames and its handle go when the handler is done."""
    import gc
    import weakref

    class Marker:
        pass

    references = []

    def callback():
        marker = Marker()
        references.append(weakref.ref(marker))
        raise LookupError

    loop.set_exception_handler(lambda loop, context: None)
    loop.call_soon(callback)
    turn()
    gc.collect()
    assert references[0]() is None


def test_many_failures_leave_the_loop_working(loop, turn, expect_exception_handler):
    for _ in range(1000):
        loop.call_soon(fail)
    turn()
    assert len(expect_exception_handler) == 1000
    loop.run_until_complete(asyncio.sleep(0))
