"""A callback scheduled from an empty context runs in one that is its own, as far as it can tell."""

import contextvars
import sys

import pytest

VARIABLE = contextvars.ContextVar("VARIABLE", default="unset")


def scheduled(loop, callback):
    """Schedule a callback from a context without variables."""
    return contextvars.Context().run(loop.call_soon, callback)


def test_what_one_callback_sets_the_next_does_not_see(loop, turn):
    seen = []

    def callback():
        seen.append(VARIABLE.get())
        VARIABLE.set("set")

    for _ in range(3):
        scheduled(loop, callback)
    turn()
    assert seen == ["unset"] * 3


def test_a_context_that_is_kept_is_not_used_again(loop, turn):
    kept = []

    def keep():
        kept.append(VARIABLE.set("kept"))

    def look():
        kept.append(VARIABLE.get())

    scheduled(loop, keep)
    scheduled(loop, look)
    turn()
    assert kept[1] == "unset"
    assert kept[0].var is VARIABLE


def test_callbacks_that_schedule_from_inside_stay_apart(loop, turn):
    seen = []

    def outer():
        VARIABLE.set("outer")
        loop.call_soon(inner)

    def inner():
        seen.append(VARIABLE.get())

    scheduled(loop, outer)
    scheduled(loop, lambda: seen.append(VARIABLE.get()))
    turn()
    turn()
    assert seen == ["unset", "outer"]


def test_a_callback_that_runs_another_handle(loop, turn):
    seen = []
    second = scheduled(loop, lambda: seen.append(VARIABLE.get()))

    def first():
        VARIABLE.set("first")
        second._run()
        second.cancel()

    scheduled(loop, first)
    turn()
    turn()
    assert seen[-1] == "unset"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the handler's context is new in 3.12")
def test_the_exception_handler_sees_what_the_callback_set(loop, turn):
    seen = []
    loop.set_exception_handler(lambda loop, context: seen.append(VARIABLE.get()))

    def callback():
        VARIABLE.set("set")
        raise ValueError

    scheduled(loop, callback)
    turn()
    assert seen == ["set"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Handle.get_context() is new in 3.12")
def test_the_context_of_a_handle_is_where_it_ran(loop, turn):
    handle = scheduled(loop, lambda: VARIABLE.set("set"))
    assert isinstance(handle.get_context(), contextvars.Context)
    turn()
    assert handle.get_context()[VARIABLE] == "set"
