"""limit="auto": up while all goes well, down for errors, slowness and lag."""

import asyncio

import pytest

import aioxide
from aioxide import AutoLimit
from aioxide.fanout._auto import Throttle, is_overload
from aioxide.fanout._lag import CountedLag, TimedLag, lag_of


class Server:
    """Serves so many calls at a time in so many seconds; more wait, or fail."""

    def __init__(self, capacity, seconds=1.0, refuses=False):
        self.seconds = seconds
        self.refuses = refuses
        self.places = asyncio.Semaphore(capacity)
        self.active = self.most = 0
        self.capacity = capacity

    async def __call__(self, item):
        self.active += 1
        self.most = max(self.most, self.active)
        try:
            if self.refuses and self.active > self.capacity:
                await asyncio.sleep(self.seconds / 10)
                raise ConnectionResetError
            async with self.places:
                await asyncio.sleep(self.seconds)
        finally:
            self.active -= 1


def limits_of(simulation, server, count, limit="auto"):
    seen = []
    simulation.run(
        aioxide.amap(
            server,
            range(count),
            limit=limit,
            on_error="skip",
            progress=lambda progress: seen.append(progress.limit),
        )
    )
    return seen


def test_it_rises_to_the_ceiling_where_nothing_holds_it(simulation):
    server = Server(10**6)
    seen = limits_of(simulation, server, 5000, AutoLimit(start=2, ceiling=300))
    assert seen[0] == 2
    assert seen[-1] == 300
    assert server.most == 300


def test_it_stays_near_what_a_slow_server_can_do(simulation):
    """Waiting calls take longer: the limit goes back before they are many."""
    server = Server(30)
    seen = limits_of(simulation, server, 8000)
    late = seen[len(seen) // 2 :]
    assert min(late) >= 20
    assert max(late) <= 80


def test_it_stays_near_what_a_server_takes_before_it_refuses(simulation):
    server = Server(40, refuses=True)
    seen = limits_of(simulation, server, 8000)
    late = seen[len(seen) // 2 :]
    assert min(late) >= 15
    assert max(late) <= 60


def test_floor(simulation):
    async def call(item):
        await asyncio.sleep(1)
        raise OSError

    seen = limits_of(simulation, call, 500, AutoLimit(start=50, floor=3))
    assert seen[-1] == 3
    seen = limits_of(simulation, call, 200)
    assert seen[-1] == 1


def test_server_that_becomes_slower_is_measured_anew(simulation):
    server = Server(10**6)

    async def call(item):
        if item == 2000:
            server.seconds = 10.0
        await server(item)

    seen = limits_of(simulation, call, 4000, AutoLimit(ceiling=50))
    assert min(seen[len(seen) // 4 :]) == 1
    assert seen[-1] > 5


def throttle(calls=100, seconds=0.01, errors=(), **settings):
    made = Throttle(AutoLimit(**settings))
    for index in range(calls):
        made.note(seconds, errors[index] if index < len(errors) else None)
    return made


@pytest.mark.parametrize(
    ("lag", "errors", "full", "expected"),
    [
        (0.0, [], True, 200),
        (0.0, [], False, 100),
        (0.2, [], True, 80),
        (0.2, [], False, 80),
        (0.0, [OSError()] * 50, True, 70),
        (0.0, [OSError()], True, 200),
        (0.0, [ValueError()] * 100, True, 200),
        (0.2, [OSError()] * 50, True, 70),
    ],
)
def test_one_decision(lag, errors, full, expected):
    assert throttle(errors=errors).decide(100, full, lag) == expected


def test_after_trouble_it_rises_by_one():
    made = throttle()
    assert made.decide(100, True, 0.2) == 80
    made.note(0.01, None)
    assert made.decide(80, True, 0.0) == 81


def test_slowness_is_measured_by_the_best():
    made = throttle(seconds=0.01)
    assert made.decide(10, True, 0.0) == 20
    for seconds, expected in ((0.012, 40), (0.1, 36), (0.1, 32)):
        made.note(seconds, None)
        limit = made.decide({40: 20, 36: 40, 32: 36}[expected], True, 0.0)
        assert limit == expected


@pytest.mark.parametrize(
    ("error", "overload"),
    [
        (TimeoutError(), True),
        (ConnectionRefusedError(), True),
        (ValueError(), False),
        (type("HttpError", (Exception,), {"status": 503})(), True),
        (type("HttpError", (OSError,), {"status": 404})(), False),
    ],
)
def test_which_errors_are_an_overload(error, overload):
    assert is_overload(error) is overload


def test_lag_of_this_loop(loop, loop_kind):
    lag = lag_of(loop)
    assert type(lag) is (CountedLag if loop_kind == "aioxide" else TimedLag)
    lag.stop()


def test_lag_by_counters():
    class Loop:
        def __init__(self):
            self.turns, self.busy, self.steps = 0, None, {}

        def stats(self):
            times = [(None, 1), *sorted(self.steps.items())]
            return {"turns": self.turns, "busy_time": self.busy, "step_times": times}

    loop = Loop()
    lag = CountedLag(loop)
    assert lag.read() == 0
    loop.turns, loop.busy = 100, 1.0
    assert lag.read() == pytest.approx(0.01)
    assert lag.read() == 0
    loop.turns, loop.busy, loop.steps = 200, 1.1, {0.001: 980, 0.064: 20}
    assert lag.read() == 0.064
    loop.turns, loop.steps = 300, {0.001: 1980, 0.064: 21}
    assert lag.read() == 0.001


def test_lag_by_a_timer(simulation):
    lag = TimedLag(simulation.loop)

    async def main():
        await asyncio.sleep(1)
        assert lag.read() < 0.001
        # A step that takes half a second.
        await asyncio.sleep(0.06)
        simulation.now += 0.5
        await asyncio.sleep(0.01)
        assert lag.read() == pytest.approx(0.46, abs=0.01)
        assert lag.read() < 0.05
        simulation.now += 0.2
        assert lag.read() == pytest.approx(0.2, abs=0.05)

    simulation.run(main())
    lag.stop()


@pytest.mark.parametrize(
    "settings", [{"floor": 0}, {"start": 5, "floor": 6}, {"ceiling": 5}, {"max_lag": 0}]
)
def test_mistakes(settings):
    with pytest.raises(ValueError, match="floor|max_lag"):
        AutoLimit(**settings)


@pytest.mark.parametrize("name", ["start", "floor", "ceiling", "max_lag"])
@pytest.mark.parametrize("value", [None, "5", True])
def test_what_is_no_number_is_named(name, value):
    with pytest.raises(TypeError, match=f"{name} is {value!r}"):
        AutoLimit(**{name: value})
