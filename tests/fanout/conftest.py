"""A clock that jumps to the next timer, and a look at what is left."""

import asyncio
import math

import pytest


class Simulation:
    """Runs coroutines on a loop whose clock moves only when nothing is left to do.

    It sees callbacks and timers by standing in for the loop's methods, which tasks and futures of
    CPython call as attributes.
    """

    def __init__(self, loop):
        self.loop = loop
        self.now = 1000.0
        self._scheduled = 0
        self._timers = []
        self._call_soon, self._call_at = loop.call_soon, loop.call_at
        loop.time = lambda: self.now
        loop.call_soon = self.call_soon
        loop.call_at = self.call_at
        loop.call_later = self.call_later

    def call_soon(self, callback, *args, context=None):
        self._scheduled += 1
        return self._call_soon(callback, *args, context=context)

    def call_at(self, when, callback, *args, context=None):
        handle = self._call_at(when, callback, *args, context=context)
        self._timers.append(handle)
        return handle

    def call_later(self, delay, callback, *args, context=None):
        return self.call_at(self.now + delay, callback, *args, context=context)

    @property
    def timers(self):
        """How many timers are set."""
        return len([timer for timer in self._timers if not timer.cancelled()])

    def run(self, coroutine):
        """The coroutine's result. Fails when it waits for nothing that could come."""
        task = self.loop.create_task(coroutine)
        while not task.done():
            self._scheduled = 0
            self._call_soon(self.loop.stop)
            self.loop.run_forever()
            if self._scheduled or task.done():
                continue
            self._timers = [timer for timer in self._timers if not timer.cancelled()]
            if not self._timers:
                task.cancel()
                self._call_soon(self.loop.stop)
                self.loop.run_forever()
                pytest.fail(f"{task!r} waits for ever")
            self.now = max(self.now, tick(min(timer.when() for timer in self._timers)))
            self._timers = [timer for timer in self._timers if tick(timer.when()) > self.now]
        return task.result()


def tick(when):
    """The first time that is no earlier in whole nanoseconds, in which aioxide counts."""
    nanoseconds = math.ceil(when * 1e9)
    time = nanoseconds / 1e9
    while int(time * 1e9) < nanoseconds:
        time = math.nextafter(time, math.inf)
    return time


@pytest.fixture
def simulation(loop):
    """Runs coroutines in no time: `simulation.run(coroutine)`; the time is `simulation.now`."""
    made = Simulation(loop)
    yield made
    # It refers to the loop, which refers to it.
    for name in ("time", "call_soon", "call_at", "call_later"):
        delattr(loop, name)


@pytest.fixture
def nothing_runs(loop):
    """Fails a test that leaves a task, whatever else it does."""
    yield
    assert asyncio.all_tasks(loop) == set()
