"""Random programs, run on the loop under test and on asyncio: the same trace.

A program is a seed. What a callback does next is drawn when it runs, so the first difference in
order makes everything after it differ.
"""

import asyncio
import random

import pytest

SEEDS = range(20)


class Program:
    """Callbacks that schedule, cancel, fail, stop and leave the loop, and a trace of them."""

    def __init__(self, loop, seed, kinds, operations=400):
        self.loop = loop
        self.random = random.Random(seed)
        self.kinds = kinds
        self.left = operations
        self.names = iter(range(10**9))
        self.handles = []
        self.trace = []
        # Times are over already and all different: their order is what counts, not the clock.
        self.base = loop.time() - 10_000
        self.times = self.random.sample(range(9_000_000), operations + 100)
        loop.set_exception_handler(
            lambda loop, context: self.trace.append(("reported", str(context["exception"])))
        )

    def schedule(self):
        name = next(self.names)
        kind = self.random.choice(self.kinds)
        if kind == "soon":
            handle = self.loop.call_soon(self.step, name)
        elif kind == "threadsafe":
            handle = self.loop.call_soon_threadsafe(self.step, name)
        else:
            handle = self.loop.call_at(self.base + self.times.pop() / 1000, self.step, name)
        self.trace.append((kind, name))
        self.handles.append(handle)

    def step(self, name):
        self.trace.append(("step", name))
        for _ in range(self.random.randrange(4)):
            if self.left:
                self.left -= 1
                self.schedule()
        action = self.random.random()
        if action < 0.2 and self.handles:
            number = self.random.randrange(len(self.handles))
            self.trace.append(("cancel", number, self.handles[number].cancelled()))
            self.handles[number].cancel()
        elif action < 0.3:
            self.trace.append("stop")
            self.loop.stop()
        elif action < 0.35:
            raise LookupError(name)
        elif action < 0.4:
            raise KeyboardInterrupt(name)

    def run(self):
        for _ in range(5):
            self.schedule()
        for turn in range(10_000):
            if self.left == 0 and turn % 7 == 0:
                break
            if self.random.random() < 0.1 and self.left:
                self.left -= 1
                self.schedule()
            self.loop.call_soon(self.loop.stop)
            try:
                self.loop.run_forever()
            except KeyboardInterrupt as error:
                self.trace.append(("interrupted", str(error)))
            else:
                self.trace.append("returned")
        for _ in range(50):
            self.loop.call_soon(self.loop.stop)
            try:
                self.loop.run_forever()
            except KeyboardInterrupt as error:
                self.trace.append(("interrupted", str(error)))
        self.trace.append([handle.cancelled() for handle in self.handles])
        return self.trace


async def tasks(seed):
    """Tasks over asyncio's primitives, which come down to the order of callbacks."""
    rng = random.Random(seed)
    trace = []
    queue = asyncio.Queue(3)
    lock = asyncio.Lock()
    event = asyncio.Event()
    semaphore = asyncio.Semaphore(2)
    running = []

    async def worker(name):
        try:
            for _ in range(30):
                [action] = rng.choices(range(8), [6, 2, 2, 4, 4, 2, 4, 0.5])
                trace.append((name, action))
                if action == 0:
                    await asyncio.sleep(0)
                elif action == 1:
                    await queue.put(name)
                elif action == 2:
                    trace.append((name, "got", await queue.get()))
                elif action == 3:
                    async with lock:
                        await asyncio.sleep(0)
                elif action == 4:
                    async with semaphore:
                        await asyncio.sleep(0)
                        await asyncio.sleep(0)
                elif action == 5:
                    event.set()
                    event.clear()
                elif action == 6:
                    await asyncio.gather(*[asyncio.sleep(0, n) for n in range(3)])
                elif running:
                    rng.choice(running).cancel()
        except asyncio.CancelledError:
            trace.append((name, "cancelled"))
            raise
        finally:
            trace.append((name, "end"))

    running.extend(asyncio.create_task(worker(name)) for name in range(8))
    for _ in range(2000):
        await asyncio.sleep(0)
        if all(task.done() for task in running):
            break
    for task in running:
        task.cancel()
    results = await asyncio.gather(*running, return_exceptions=True)
    trace.append([type(result) for result in results])
    return trace


def on_both(loop, function):
    control = asyncio.SelectorEventLoop()
    try:
        expected = function(control)
    finally:
        control.close()
    got = function(loop)
    assert len(expected) > 60
    # The first difference, rather than two long lists.
    for number, (one, other) in enumerate(zip(got, expected, strict=False)):
        assert one == other, f"entry {number}, after {expected[max(0, number - 10) : number]}"
    assert len(got) == len(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_callbacks_run_in_the_standard_order(loop, seed):
    kinds = ["soon", "soon", "soon", "at", "at"]
    on_both(loop, lambda loop: Program(loop, seed, kinds).run())


@pytest.mark.parametrize("seed", SEEDS)
def test_callbacks_for_any_thread_run_in_the_standard_order(loop, seed):
    """call_soon_threadsafe() in the loop's own thread, between the others."""
    kinds = ["soon", "soon", "threadsafe", "at"]
    on_both(loop, lambda loop: Program(loop, seed, kinds).run())


@pytest.mark.parametrize("seed", SEEDS)
def test_tasks_run_in_the_standard_order(loop, seed):
    on_both(loop, lambda loop: loop.run_until_complete(tasks(seed)))
