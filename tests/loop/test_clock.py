"""time(): the monotonic clock, unless a program puts its own in place."""

import asyncio
import time

import pytest


def test_time_is_that_of_the_monotonic_clock(loop):
    for _ in range(1000):
        before = time.monotonic()
        now = loop.time()
        after = time.monotonic()
        assert isinstance(now, float)
        assert before <= now <= after


def test_time_does_not_stand_still_in_a_callback(loop, turn):
    """Not the time of the turn's start: asyncio reads the clock at each call."""
    seen = []

    def callback():
        first = loop.time()
        while loop.time() == first:
            pass
        seen.append(loop.time() > first)

    loop.call_soon(callback)
    turn()
    assert seen == [True]


def test_time_takes_no_argument(loop):
    with pytest.raises(TypeError):
        loop.time(1)


class Clock:
    """A clock that a test moves."""

    def __init__(self, now=0.0):
        self.now = now

    def __call__(self, loop=None):
        return self.now


def test_rounding_by_a_patched_time_delays_no_timer(loop, turn, monkeypatch):
    clock = Clock(0.2)
    monkeypatch.setattr(loop, "time", clock)
    seen = []
    for delay in (0.09, 0.21, 0.1):
        clock.now = 0.2
        handle = loop.call_later(delay, seen.append, delay)
        # A sum of floats; the clock counts in hundredths.
        clock.now = round(handle.when(), 2)
        turn()
        turn()
        assert seen.pop() == delay


def test_patched_time_is_what_timers_go_by(loop, turn, monkeypatch):
    clock = Clock(1_000_000.0)
    monkeypatch.setattr(loop, "time", clock)
    assert loop.time() == 1_000_000.0
    seen = []
    handle = loop.call_later(100, seen.append, "late")
    assert handle.when() == 1_000_100.0
    loop.call_later(50, seen.append, "early")
    turn()
    assert seen == []
    clock.now += 60
    turn()
    assert seen == ["early"]
    clock.now += 60
    turn()
    assert seen == ["early", "late"]


def test_patched_time_may_run_far_behind(loop, turn, monkeypatch):
    """A clock that starts at zero: every real time would be overdue."""
    clock = Clock()
    monkeypatch.setattr(loop, "time", clock)
    seen = []
    loop.call_later(1, seen.append, 1)
    turn()
    assert seen == []
    clock.now = 1.0
    turn()
    assert seen == [1]


def test_patch_after_timers_were_made(loop, turn, monkeypatch):
    seen = []
    loop.call_later(3600, seen.append, 1)
    clock = Clock(loop.time() + 3601)
    monkeypatch.setattr(loop, "time", clock)
    turn()
    assert seen == [1]


def test_patch_that_is_taken_back(loop, turn, monkeypatch):
    seen = []
    clock = Clock(loop.time() + 7200)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "time", clock)
        turn()
    assert abs(loop.time() - time.monotonic()) < 60
    handle = loop.call_later(3600, seen.append, 1)
    turn()
    assert seen == []
    handle.cancel()


def test_patch_while_running(loop, monkeypatch):
    """What a library does that drives the time of a test from inside it."""
    clock = Clock(loop.time())

    async def main():
        monkeypatch.setattr(loop, "time", clock)
        sleeper = asyncio.create_task(asyncio.sleep(1000, "slept"))
        await asyncio.sleep(0)
        assert not sleeper.done()
        clock.now += 1001
        return await sleeper

    assert loop.run_until_complete(main()) == "slept"


def test_time_of_a_subclass(loop_factory, turn):
    """A subclass that overrides time(), as virtual clocks do."""
    original = loop_factory()
    base = type(original)
    original.close()
    clock = Clock(5.0)

    class Patched(base):
        def time(self):
            return clock.now

    loop = Patched()
    seen = []
    try:
        assert loop.time() == 5.0
        assert loop.call_later(10, seen.append, 1).when() == 15.0
        loop.stop()
        loop.run_forever()
        assert seen == []
        clock.now = 16.0
        loop.stop()
        loop.run_forever()
        assert seen == [1]
    finally:
        loop.close()


def test_time_patched_on_the_class(loop_factory, monkeypatch):
    loop = loop_factory()
    clock = Clock(5.0)
    monkeypatch.setattr(type(loop), "time", lambda self: clock.now, raising=True)
    seen = []
    try:
        assert loop.time() == 5.0
        loop.call_later(10, seen.append, 1)
        loop.stop()
        loop.run_forever()
        assert seen == []
        clock.now = 16.0
        loop.stop()
        loop.run_forever()
        assert seen == [1]
    finally:
        loop.close()


def test_time_that_raises(loop, turn, monkeypatch):
    def broken():
        raise LookupError("no clock")

    with monkeypatch.context() as patch:
        patch.setattr(loop, "time", broken)
        with pytest.raises(LookupError, match="no clock"):
            loop.call_later(1, pytest.fail)
    turn()


def test_attributes_can_be_set_on_the_instance(loop, turn, monkeypatch):
    """Libraries patch methods of a loop: what they set is what is called."""
    calls = []
    call_soon = loop.call_soon

    def recording(callback, *args, context=None):
        calls.append(callback)
        return call_soon(callback, *args, context=context)

    monkeypatch.setattr(loop, "call_soon", recording)
    loop.run_until_complete(asyncio.sleep(0))
    assert calls
    loop.any_name = 1
    assert loop.any_name == 1
