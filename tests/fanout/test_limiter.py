"""Limiter: exact times on a simulated clock, order, pauses, and what is given up."""

import asyncio
import math
from bisect import bisect_left
from itertools import pairwise

import pytest

import aioxide

pytestmark = pytest.mark.usefixtures("nothing_runs")

CALLS = 10_000


def starts(simulation, limiter, count, limit=50, work=lambda index: 0.0):
    """When each of so many calls began."""
    times = []

    async def call(index):
        times.append(simulation.now)
        await asyncio.sleep(work(index))

    simulation.run(aioxide.amap(call, range(count), limit=limit, rate=limiter))
    return times


@pytest.mark.parametrize(
    ("rate", "spacing"),
    [("100/s", 0.01), ("100/min", 0.6), ((7, 3), 3 / 7), (2.5, 0.4), (1000, 0.001)],
)
def test_rate_is_exact(simulation, rate, spacing):
    times = starts(simulation, aioxide.Limiter(rate), CALLS)
    took = times[-1] - times[0]
    assert took == pytest.approx((CALLS - 1) * spacing, rel=1e-6)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert min(gaps) > spacing * 0.999
    assert max(gaps) < spacing * 1.001


def test_rate_is_exact_when_the_loop_is_late(simulation):
    """Each timer comes up to 3 ms late, as on a busy loop: the rate is held all the same."""
    limiter = aioxide.Limiter("1000/s")
    due = simulation.call_at
    late = iter(range(10**9))
    simulation.loop.call_at = lambda when, *args: due(when + (next(late) % 4) / 1000, *args)
    times = starts(simulation, limiter, CALLS)
    assert times[-1] - times[0] == pytest.approx((CALLS - 1) / 1000, rel=0.01)


def test_burst_then_rate(simulation):
    times = starts(simulation, aioxide.Limiter("10/s", burst=5), 20)
    assert [time - times[0] for time in times[:5]] == [0] * 5
    for index, time in enumerate(times[5:], 1):
        assert time - times[0] == pytest.approx(index / 10)


@pytest.mark.parametrize("burst", [1, 7, 20])
def test_strict_window_is_never_exceeded(simulation, burst):
    """Calls come in crowds with pauses between them, at uneven times."""
    count, interval = 20, 1.0
    limiter = aioxide.Limiter((count, interval), burst=burst, strict=True)
    times = []

    async def call(index):
        times.append(simulation.now)

    async def main():
        for crowd in range(60):
            await aioxide.amap(call, range(1 + crowd * 7 % 45), rate=limiter)
            await asyncio.sleep((crowd % 9) * 0.173)

    simulation.run(main())
    assert len(times) > 1000
    for index, time in enumerate(times):
        # From any call on, also in the window that begins with it.
        assert bisect_left(times, time + interval - 1e-9) - index <= count


def test_without_strict_a_burst_may_come_on_top(simulation):
    times = starts(simulation, aioxide.Limiter((10, 1.0), burst=10), 40)
    window = bisect_left(times, times[0] + 1.0)
    assert 10 < window <= 20


def test_first_come_first_served_and_one_timer(simulation):
    limiter = aioxide.Limiter("10/s")
    order = []

    async def call(index):
        async with limiter:
            order.append((index, simulation.now - 1000))

    async def main():
        tasks = [asyncio.create_task(call(index)) for index in range(50)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert limiter.waiting == 49
        assert simulation.timers == 1
        await asyncio.gather(*tasks)

    simulation.run(main())
    assert [index for index, _ in order] == list(range(50))
    assert [time for _, time in order] == pytest.approx([index / 10 for index in range(50)])


def test_exactly_one_waiter_is_woken(simulation):
    """Not everybody, to find that there is room for one."""
    limiter = aioxide.Limiter("10/s")
    made = 0
    create_future = simulation.loop.create_future

    def counted():
        nonlocal made
        made += 1
        return create_future()

    async def main():
        nonlocal made
        simulation.loop.create_future = counted
        try:
            await asyncio.gather(*[limiter.acquire() for _ in range(100)])
        finally:
            del simulation.loop.create_future

    simulation.run(main())
    assert made == 99


def test_concurrency(simulation):
    limiter = aioxide.Limiter(concurrency=3)
    active = most = 0

    async def call(index):
        nonlocal active, most
        active += 1
        most = max(most, active)
        await asyncio.sleep(1)
        active -= 1

    simulation.run(aioxide.amap(call, range(10), rate=limiter))
    assert most == 3
    assert simulation.now == 1004
    assert (limiter.active, limiter.waiting) == (0, 0)


def test_rate_and_concurrency(simulation):
    times = starts(simulation, aioxide.Limiter("10/s", concurrency=2), 8, work=lambda index: 1.0)
    assert [round(time - 1000, 3) for time in times] == [0, 0.1, 1, 1.1, 2, 2.1, 3, 3.1]


def test_pause_is_for_everybody(simulation):
    limiter = aioxide.Limiter("10/s")
    times = []

    async def call(index):
        times.append(simulation.now - 1000)
        if index == 3:
            limiter.penalize(30)
            limiter.penalize(10)

    async def main():
        await asyncio.gather(
            aioxide.amap(call, range(5), rate=limiter),
            aioxide.amap(call, range(10, 15), rate=limiter),
        )

    simulation.run(main())
    paused = next(index for index, time in enumerate(times) if time >= 1)
    assert times[paused] == pytest.approx(times[paused - 1] + 30)
    later = times[paused:]
    assert later == pytest.approx([later[0] + index / 10 for index in range(len(later))])
    assert len(times) == 10


def test_waiter_that_gives_up_uses_nothing(simulation):
    limiter = aioxide.Limiter("1/s")

    async def main():
        await limiter.acquire()
        tasks = [asyncio.create_task(limiter.acquire()) for _ in range(5)]
        await asyncio.sleep(0.5)
        for task in tasks[:4]:
            task.cancel()
        await tasks[4]
        assert simulation.now == 1001
        assert limiter.waiting == 0
        assert simulation.timers == 0

    simulation.run(main())


def test_waiter_that_is_cancelled_when_it_is_woken(loop, run):
    """Its turn is the next one's."""
    limiter = aioxide.Limiter(concurrency=1)

    async def main():
        await limiter.acquire()
        first = asyncio.create_task(limiter.acquire())
        second = asyncio.create_task(limiter.acquire())
        await asyncio.sleep(0)
        limiter.release()
        first.cancel()
        await second
        assert first.cancelled()
        assert (limiter.active, limiter.waiting) == (1, 0)
        limiter.release()

    run(main())


def test_limiter_goes_from_loop_to_loop(loop_factory):
    limiter = aioxide.Limiter(concurrency=1)

    async def use():
        async with limiter:
            await asyncio.sleep(0)

    for _ in range(2):
        loop = loop_factory()
        loop.run_until_complete(asyncio.wait([loop.create_task(use()) for _ in range(3)]))
        loop.close()


def test_limiter_that_is_used_in_another_loop(loop_factory, run):
    limiter = aioxide.Limiter(concurrency=1)
    other = loop_factory()

    async def main():
        await limiter.acquire()
        task = asyncio.create_task(limiter.acquire())
        await asyncio.sleep(0)
        return task

    task = other.run_until_complete(main())
    with pytest.raises(RuntimeError, match="is in use in another event loop"):
        run(limiter.acquire())
    limiter.release()
    other.run_until_complete(task)
    limiter.release()
    other.close()


def test_release_of_what_nobody_has():
    with pytest.raises(RuntimeError, match="nobody has acquired"):
        aioxide.Limiter(concurrency=1).release()


def test_function_from_item_to_limiter(simulation):
    """One for each host, say."""
    limiters = {"a": aioxide.Limiter("1/s"), "b": aioxide.Limiter("10/s")}
    times = {"a": [], "b": []}

    async def call(item):
        times[item].append(simulation.now - 1000)

    simulation.run(aioxide.amap(call, "ababab", rate=limiters.__getitem__))
    assert times == {"a": [0, 1, 2], "b": pytest.approx([0, 0.1, 0.2])}


@pytest.mark.parametrize(
    ("text", "count", "seconds"),
    [
        ("10/s", 10, 1),
        ("100/min", 100, 60),
        ("100 per minute", 100, 60),
        ("500/10s", 500, 10),
        ("2.5 / sec", 1, 0.4),
        ("1_000/h", 1000, 3600),
        ("1/DAY", 1, 86400),
        ("3/200ms", 3, 0.2),
    ],
)
def test_rates_in_words(text, count, seconds):
    limiter = aioxide.Limiter(text)
    assert repr(limiter) == f"<Limiter {count} in {seconds:g} s; 0 inside, 0 waiting>"


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({}, ValueError, "needs a rate, a concurrency, or both"),
        ({"rate": "fast"}, ValueError, 'written like "10/s"'),
        ({"rate": "10/fortnight"}, ValueError, "unit 'fortnight' is none of ms, s, min, h, day"),
        ({"rate": "1.2.3/s"}, ValueError, "its numbers are none"),
        ({"rate": 0}, ValueError, "numbers above 0"),
        ({"rate": -5}, ValueError, "numbers above 0"),
        ({"rate": math.nan}, ValueError, "numbers above 0"),
        ({"rate": (5, 0)}, ValueError, "numbers above 0"),
        ({"rate": (5,)}, ValueError, r"a tuple is \(calls, seconds\)"),
        ({"rate": 1e10}, ValueError, "more than 4,294,967,295"),
        ({"rate": [5, 1]}, TypeError, "rate is list"),
        ({"rate": 1, "burst": 0}, ValueError, "burst is at least 1"),
        ({"rate": 1, "burst": 2.5}, TypeError, "burst is 2.5; a whole number is wanted"),
        ({"rate": 1, "strict": 3}, TypeError, "strict is 3; True or False is wanted"),
        ({"concurrency": "5"}, TypeError, "concurrency is '5'; a whole number is wanted"),
        ({"concurrency": 0}, ValueError, "concurrency is at least 1"),
    ],
)
def test_mistakes(arguments, error, text):
    with pytest.raises(error, match=text):
        aioxide.Limiter(**arguments)


def test_no_number_is_too_large():
    assert repr(aioxide.Limiter(1, burst=2**70, concurrency=2**70))


def test_pause_wants_a_number(run):
    async def main():
        with pytest.raises(ValueError, match="a number of seconds"):
            aioxide.Limiter(1).penalize(-1)
        with pytest.raises(TypeError, match="a pause is None; a number of seconds is wanted"):
            aioxide.Limiter(1).penalize(None)

    run(main())
