"""Retry: which errors, how often, and how long between; and what a server says."""

import asyncio
import email.utils
import random
import time

import pytest

import aioxide
from aioxide import FanOutError, Retry

pytestmark = pytest.mark.usefixtures("nothing_runs")


class HttpError(Exception):
    """As aiohttp's ClientResponseError."""

    def __init__(self, status, **headers):
        super().__init__(status)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Response:
    def __init__(self, status, headers):
        self.status_code = status
        self.headers = headers


class StatusError(OSError):
    """As those of httpx and requests; that of the latter is an OSError."""

    def __init__(self, status, headers):
        super().__init__(status)
        self.response = Response(status, headers)


def flaky(simulation, times, error=OSError):
    """Fails so many times; and when it was called."""
    seen = []

    async def call(item):
        seen.append(simulation.now - 1000)
        if len(seen) <= times:
            raise error(item)
        return "done"

    return call, seen


def test_waits_double(simulation):
    call, seen = flaky(simulation, 5)
    retry = Retry(6, backoff=1, jitter=0, max_delay=5)
    found = simulation.run(aioxide.amap(call, [1], retry=retry, on_error="collect"))
    assert (found[0].value, found[0].attempts) == ("done", 6)
    assert seen == [0, 1, 3, 7, 12, 17]


def test_no_more_attempts(simulation):
    call, seen = flaky(simulation, 5)
    with pytest.raises(FanOutError) as caught:
        simulation.run(aioxide.amap(call, [1], retry=3))
    assert len(seen) == 3
    assert caught.value.failures[0].attempts == 3
    assert caught.value.exceptions[0].__notes__ == ["item 0: 1 in attempt 3"]


@pytest.mark.parametrize(
    ("on", "error", "attempts"),
    [
        ((OSError, TimeoutError), ValueError, 1),
        (ValueError, ValueError, 4),
        (ValueError, UnicodeError, 4),
        (lambda error: error.args == (1,), KeyError, 4),
        (lambda error: False, OSError, 1),
    ],
)
def test_which_errors(simulation, on, error, attempts):
    call, seen = flaky(simulation, 9, error)
    found = simulation.run(aioxide.amap(call, [1], retry=Retry(4, on), on_error="collect"))
    assert found[0].attempts == len(seen) == attempts
    assert type(found[0].error) is error


def test_jitter_is_within_its_part():
    retry = Retry(99, backoff=10, jitter=0.3, max_delay=10)
    random.seed(5)
    waits = [retry.delay(OSError(), 1) for _ in range(1000)]
    assert 7 <= min(waits) < 7.1
    assert 9.9 < max(waits) <= 10


def test_backoff_may_be_a_function(simulation):
    call, seen = flaky(simulation, 3)
    retry = Retry(4, backoff=lambda attempt: attempt * 10, jitter=0, max_delay=25)
    simulation.run(aioxide.amap(call, [1], retry=retry))
    assert seen == [0, 10, 30, 55]


def test_wait_that_has_no_number():
    assert Retry(10**6, jitter=0).delay(OSError(), 10**5) == 30


def test_function_of_the_caller_that_fails(simulation):
    call, seen = flaky(simulation, 3)

    def on(error):
        raise LookupError("mine")

    found = simulation.run(aioxide.amap(call, [1], retry=Retry(4, on), on_error="collect"))
    assert repr(found[0].error) == "LookupError('mine')"
    assert isinstance(found[0].error.__context__, OSError)
    assert len(seen) == 1


def test_timeout_is_tried_again(simulation):
    seen = []

    async def call(item):
        seen.append(simulation.now - 1000)
        await asyncio.sleep(100 if len(seen) < 3 else 1)
        return "done"

    retry = Retry(backoff=1, jitter=0)
    assert simulation.run(aioxide.amap(call, [1], retry=retry, timeout=10)) == ["done"]
    assert seen == [0, 11, 23]


def test_cancellation_is_not_tried_again(simulation):
    seen = []

    async def call(item):
        seen.append(item)
        await asyncio.sleep(100)

    async def main():
        async with asyncio.timeout(5):
            await aioxide.amap(call, [1], retry=Retry(9, Exception))

    with pytest.raises(TimeoutError):
        simulation.run(main())
    assert seen == [1]


def test_each_attempt_takes_a_turn(simulation):
    call, seen = flaky(simulation, 2)
    retry = Retry(backoff=0.1, jitter=0)
    simulation.run(aioxide.amap(call, [1], retry=retry, rate="1/s"))
    assert seen == [0, 1, 2]


class TestHttp:
    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    @pytest.mark.parametrize("error", [HttpError, lambda status: StatusError(status, {})])
    def test_overloaded(self, status, error):
        assert Retry.http().delay(error(status), 1) is not None

    @pytest.mark.parametrize("status", [400, 404, 500])
    @pytest.mark.parametrize("error", [HttpError, lambda status: StatusError(status, {})])
    def test_what_will_not_change(self, status, error):
        assert Retry.http().delay(error(status), 1) is None

    def test_statuses_and_errors_of_the_caller(self):
        retry = Retry.http(statuses=[418], on=KeyError)
        assert retry.delay(HttpError(418), 1) is not None
        assert retry.delay(HttpError(503), 1) is None
        assert retry.delay(KeyError(), 1) is not None
        assert retry.delay(OSError(), 1) is None

    @pytest.mark.parametrize("module", ["aiohttp", "aioxide.http"])
    def test_connection_errors(self, module):
        client = pytest.importorskip(module)
        for name in ("ServerDisconnectedError", "ClientPayloadError", "ServerTimeoutError"):
            assert Retry.http().delay(getattr(client, name)(), 1) is not None
        assert Retry.http().delay(client.InvalidURL("x"), 1) is None

    def test_real_response_error(self):
        aiohttp = pytest.importorskip("aiohttp")
        error = aiohttp.ClientResponseError(None, (), status=503, headers={"Retry-After": "7"})
        assert Retry.http(jitter=0).delay(error, 1) == 7

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [("20", 20), ("500", 60), ("soon", None), ("0", 0), ("-5", None)],
    )
    def test_retry_after(self, value, seconds):
        retry = Retry.http(jitter=0, backoff=1)
        for error in (HttpError(429, Retry_After=value), StatusError(429, {"retry-after": value})):
            assert retry.pause(error) == seconds
            assert retry.delay(error, 1) == max(1, seconds or 0)
        assert retry.pause(HttpError(404, Retry_After="5")) is None

    def test_retry_after_is_a_date(self, monkeypatch):
        monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)
        date = email.utils.formatdate(1_000_000_030, usegmt=True)
        assert Retry.http().pause(HttpError(503, Retry_After=date)) == 30

    def test_everybody_who_shares_the_limiter_waits(self, simulation):
        limiter = aioxide.Limiter("10/s")
        seen, failed_once = [], []

        async def call(item):
            seen.append((item, simulation.now - 1000))
            if item == "a1" and not failed_once:
                failed_once.append(True)
                raise HttpError(429, Retry_After="20")

        async def main():
            retry = Retry.http(backoff=0)
            await asyncio.gather(
                aioxide.amap(call, ["a0", "a1", "a2", "a3"], rate=limiter, retry=retry, limit=1),
                aioxide.amap(call, ["b0", "b1", "b2", "b3"], rate=limiter, retry=retry, limit=1),
            )

        simulation.run(main())
        failed = next(index for index, (item, _) in enumerate(seen) if item == "a1")
        before, after = seen[: failed + 1], seen[failed + 1 :]
        assert before[-1][1] < 1
        # Nobody of either, and then at the rate again.
        assert [time for _, time in after] == pytest.approx(
            [before[-1][1] + 20 + index / 10 for index in range(len(after))]
        )
        assert len(seen) == 9
        assert {item[0] for item, _ in after} == {"a", "b"}


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"attempts": 0}, ValueError, "attempts is at least 1"),
        ({"attempts": "3"}, TypeError, "attempts is '3'; a whole number is wanted"),
        ({"backoff": "1s"}, TypeError, "backoff is '1s'; a number of seconds is wanted"),
        ({"max_delay": None}, TypeError, "max_delay is None; a number of seconds is wanted"),
        ({"jitter": "no"}, TypeError, "jitter is 'no'; a number is wanted"),
        ({"jitter": 2}, ValueError, "jitter is from 0 to 1"),
        ({"backoff": -1}, ValueError, "seconds, 0 or more"),
        ({"max_delay": -1}, ValueError, "seconds, 0 or more"),
        ({"on": int}, TypeError, "no class of exceptions"),
        ({"on": (OSError, 5)}, TypeError, "5 is no class of exceptions"),
        ({"on": (KeyboardInterrupt,)}, TypeError, "no class of exceptions"),
        ({"on": "OSError"}, TypeError, "on is str"),
    ],
)
def test_mistakes(arguments, error, text):
    with pytest.raises(error, match=text):
        Retry(**arguments)
