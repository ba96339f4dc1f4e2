"""Cancel an operation at each of its awaits, and look at what is left behind.

    async def operation(cut):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            await cut(loop.sock_recv(ours, 10), lambda: theirs.send(b"x"))

    await sweep(operation)

The operation runs again and again: cut at the first await of what `cut` is given, at the second
and so on, until one run completes. Each time, afterwards, there are the same descriptors, tasks and
watched descriptors as before, and no warning or report.
"""

import asyncio
import gc
import os
import sys
import time
import types

from .peer import polled

# How a run is cut. What the operation waits for
WAYS = (
    "at once",  # has not happened;
    "when done",  # has happened, and the operation does not know yet;
    "after polls",  # the loop has polled so many times since the operation began.
)
# No operation has so many awaits.
MOST = 200
# One that has not ended after so many polls waits for a thread or a process.
MOST_POLLS = 12
PATIENCE = 10.0


class Outcome:
    """What came of the coroutine: `value`, or `cancelled`."""

    def __init__(self, task):
        self.cancelled = task.cancelled()
        self.value = None if self.cancelled else task.result()


async def sweep(operation, *, ways=WAYS, suspends=True):
    """Run `operation(cut)`, cut in these ways; returns how many runs were cut.

    An operation that may complete without a single suspension says so by `suspends=False`.
    """
    cut_runs = 0
    gc.collect()
    for way in ways:
        for step in range(MOST):
            scissors = Scissors(way, step)
            with Traces() as traces:
                await operation(scissors)
                await traces.gone()
            if not scissors.reached:
                break
            cut_runs += 1
        else:
            raise AssertionError(f"it did not complete after {MOST} runs")
    assert cut_runs or not suspends
    return cut_runs


class Scissors:
    """Cuts the first thing that it is called with, in its way, at its step."""

    def __init__(self, way, step):
        self.way = way
        self.step = step
        self.used = False
        self.reached = False

    async def __call__(self, awaitable, provoke=None):
        """Await it in a task of its own, which is cancelled; `provoke()` makes it go on.

        Raises what the awaitable raises, unless it was cancelled.
        """
        first = not self.used
        self.used = True

        async def run():
            return await awaitable

        coroutine = run()
        if first and self.way != "after polls":
            coroutine = suspended(coroutine, self)
        task = asyncio.ensure_future(coroutine)
        try:
            if provoke is not None:
                # Only now, so that there is something to wait for.
                await polled(1)
                provoke()
            if first and self.way == "after polls" and self.step < MOST_POLLS:
                await self._poll(task)
            await asyncio.wait([task])
        finally:
            task.cancel()
        outcome = Outcome(task)
        # The task may be in a cycle with this frame by its exception.
        del task
        return outcome

    async def _poll(self, task):
        await asyncio.sleep(0)
        for _ in range(self.step):
            await polled(1)
        if not task.done():
            self.reached = True
            task.cancel()


@types.coroutine
def suspended(coroutine, scissors):
    """Drive `coroutine`; cancel this task at the suspension that the scissors say."""
    task = asyncio.current_task()
    count = 0
    send, value = coroutine.send, None
    while True:
        try:
            future = send(value)
        except StopIteration as stop:
            return stop.value
        if count == scissors.step:
            scissors.reached = True
            if scissors.way == "at once" or future is None:
                task.cancel()
            else:
                # A callback added now runs before the task's own.
                future.add_done_callback(lambda _, task=task: task.cancel())
        count += 1
        try:
            value = yield future
            send = coroutine.send
        except BaseException as error:
            send, value = coroutine.throw, error


class Traces:
    """What must be the same before and after, and what must not happen meanwhile."""

    def __enter__(self):
        self.loop = asyncio.get_running_loop()
        self.reports = []
        self._hook = sys.unraisablehook
        self._handler = self.loop.get_exception_handler()
        sys.unraisablehook = lambda args: self.reports.append(repr(args.exc_value))
        self.loop.set_exception_handler(lambda _, context: self.reports.append(repr(context)))
        gc.collect(1)
        self.before = self.look()
        return self

    def __exit__(self, *args):
        sys.unraisablehook = self._hook
        self.loop.set_exception_handler(self._handler)

    def look(self):
        descriptors = {}
        for name in os.listdir("/proc/self/fd"):
            try:
                descriptors[int(name)] = os.readlink(f"/proc/self/fd/{name}")
            except FileNotFoundError:  # the descriptor of the listing itself
                continue
        return {
            "descriptors": descriptors,
            "tasks": asyncio.all_tasks(),
            "watched": set(self.loop._selector.get_map()),
        }

    async def gone(self):
        """Returns when all is as before: a process or thread may take a moment to end."""
        deadline = time.monotonic() + PATIENCE
        while True:
            await polled(1)
            # What was made in this run is young.
            gc.collect(1)
            now = self.look()
            assert not self.reports, self.reports
            if now == self.before:
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"left behind: {difference(self.before, now)}")


def difference(before, now):
    """What is there now and was not before, and the other way round."""
    found = {}
    for name in before:
        old, new = before[name], now[name]
        if isinstance(old, dict):
            old, new = set(old.items()), set(new.items())
        if new - old:
            found[name] = new - old
        if old - new:
            found[f"missing {name}"] = old - new
    return found
