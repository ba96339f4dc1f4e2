"""Timeouts: their values, how they compare with aiohttp's, and when they end."""

import asyncio
import dataclasses
import pickle

import aiohttp
import aiohttp.helpers
import attr
import pytest

from aioxide.http import _timeout, _timer

from .own import without_aiohttp

own = without_aiohttp()
BOTH = pytest.mark.parametrize("module", [_timeout, own._timeout], ids=["with", "without"])
FIELDS = ("total", "connect", "sock_read", "sock_connect", "ceil_threshold")
EXTRA = ("pool", "dns", "tls", "first_byte")


@BOTH
def test_fields_and_defaults_are_those_of_aiohttp(module):
    ours, theirs = module.ClientTimeout(), aiohttp.ClientTimeout()
    assert all(getattr(ours, name) == getattr(theirs, name) for name in FIELDS)
    assert all(getattr(ours, name) is None for name in EXTRA)
    positional = module.ClientTimeout(1, 2, 3, 4, 5)
    assert [getattr(positional, name) for name in FIELDS] == [
        getattr(aiohttp.ClientTimeout(1, 2, 3, 4, 5), name) for name in FIELDS
    ]


@BOTH
def test_default_is_that_of_aiohttp(module):
    from aiohttp.client import DEFAULT_TIMEOUT

    assert all(
        getattr(module.DEFAULT_TIMEOUT, name) == getattr(DEFAULT_TIMEOUT, name) for name in FIELDS
    )
    ws = aiohttp.client_ws.DEFAULT_WS_CLIENT_TIMEOUT
    ours = module.DEFAULT_WS_CLIENT_TIMEOUT
    assert (ours.ws_receive, ours.ws_close) == (ws.ws_receive, ws.ws_close)
    assert module.ClientWSTimeout() == module.ClientWSTimeout(ws_receive=None, ws_close=None)


@BOTH
def test_timeout_cannot_be_changed(module):
    timeout = module.ClientTimeout(total=1, pool=2)
    with pytest.raises(AttributeError):
        timeout.total = 2
    with pytest.raises(AttributeError):
        timeout.pool = 2
    assert hash(timeout) == hash(module.ClientTimeout(total=1, pool=2))
    assert timeout == module.ClientTimeout(total=1, pool=2)
    assert timeout != module.ClientTimeout(total=1)
    assert timeout != 1


@BOTH
def test_repr_names_every_field(module):
    assert repr(module.ClientTimeout(total=1, dns=2)) == (
        "ClientTimeout(total=1, connect=None, sock_read=None, sock_connect=None, "
        "ceil_threshold=5, pool=None, dns=2, tls=None, first_byte=None)"
    )


def test_timeout_is_one_of_aiohttps():
    ours = _timeout.ClientTimeout(total=3)
    theirs = aiohttp.ClientTimeout(total=3)
    assert isinstance(ours, aiohttp.ClientTimeout)
    assert ours == theirs
    assert theirs == ours
    assert hash(ours) == hash(theirs)
    assert _timeout.ClientTimeout(total=3, tls=1) != theirs
    assert theirs != _timeout.ClientTimeout(total=3, tls=1)
    assert _timeout.ClientWSTimeout is aiohttp.ClientWSTimeout
    assert pickle.loads(pickle.dumps(ours)) == ours


def test_evolving_keeps_the_fields_that_aiohttp_lacks():
    changed = attr.evolve(_timeout.ClientTimeout(total=3, pool=1), total=4)
    assert changed == _timeout.ClientTimeout(total=4, pool=1)
    assert type(changed) is _timeout.ClientTimeout


def test_replacing_works_without_attrs():
    changed = dataclasses.replace(own._timeout.ClientTimeout(total=3, pool=1), total=4)
    assert changed == own._timeout.ClientTimeout(total=4, pool=1)


@BOTH
def test_whatever_is_given_becomes_a_timeout(module):
    given = module.ClientTimeout(total=1, first_byte=2)
    assert module.as_timeout(given) is given
    assert module.as_timeout(None) == module.ClientTimeout()
    assert module.as_timeout(2.5) == module.ClientTimeout(total=2.5)
    theirs = aiohttp.ClientTimeout(total=1, sock_read=2, ceil_threshold=7)
    converted = module.as_timeout(theirs)
    assert type(converted) is module.ClientTimeout
    assert converted == module.ClientTimeout(total=1, sock_read=2, ceil_threshold=7)


@pytest.mark.parametrize("delay", [0.1, 4.9, 5, 5.1, 300])
@pytest.mark.parametrize("threshold", [0, 5, 10])
def test_long_limits_end_on_a_full_second(delay, threshold):
    when = _timeout.calculate_timeout_when(10.3, delay, threshold)
    assert when == aiohttp.helpers.calculate_timeout_when(10.3, delay, threshold)
    assert when == (10.3 + delay if delay <= threshold else -(-(10.3 + delay) // 1))


def test_limit_of_a_block_keeps_the_threshold(run, loop):
    async def main():
        for delay in (1, 6):
            begun = loop.time()
            async with _timeout.ceil_timeout(delay, 5) as block:
                assert begun + delay <= block.when()
                assert (block.when() == int(block.when())) == (delay == 6)
        for delay in (None, 0, -1):
            async with _timeout.ceil_timeout(delay) as block:
                assert block.when() is None

    run(main())


def test_end_of_the_limit_cancels_who_waits_as_a_timeout(run, loop):
    async def main():
        handle = _timer.TimeoutHandle(loop, 0.001)
        timer = handle.timer()
        handle.start()
        with pytest.raises(TimeoutError):
            with timer:
                await loop.create_future()
        assert asyncio.current_task().cancelling() == 0
        with pytest.raises(TimeoutError):
            timer.assert_timeout()
        with pytest.raises(TimeoutError):
            timer.__enter__()

    run(main())


def test_cancellation_by_others_stays_one(run, loop):
    async def main():
        timer = _timer.TimerContext(loop)

        async def wait():
            with timer:
                await loop.create_future()

        task = loop.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        timer.timeout()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    run(main())


def test_limit_ends_every_task_inside(run, loop):
    async def main():
        timer = _timer.TimerContext(loop)

        async def wait():
            with timer:
                await loop.create_future()

        tasks = [loop.create_task(wait()) for _ in range(3)]
        await asyncio.sleep(0)
        timer.timeout()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [TimeoutError] * 3

    run(main())


def test_no_limit_makes_no_timer(loop):
    for timeout in (None, 0, -1):
        handle = _timer.TimeoutHandle(loop, timeout)
        assert handle.start() is None
        assert isinstance(handle.timer(), _timer.TimerNoop)
        with handle.timer() as timer:
            timer.assert_timeout()


def test_timer_needs_a_task(loop, turn):
    timer = _timer.TimerContext(loop)
    caught = []

    def call():
        try:
            timer.__enter__()
        except RuntimeError as error:
            caught.append(str(error))

    loop.call_soon(call)
    turn()
    assert caught == ["Timeout context manager should be used inside a task"]


def test_long_limit_of_a_request_ends_on_a_full_second(loop):
    handle = _timer.TimeoutHandle(loop, 7.5, 5).start()
    assert handle.when() == int(handle.when())
    handle.cancel()
    called = []
    limit = _timer.TimeoutHandle(loop, 1)
    limit.register(called.append, 1)
    limit.register(int, "no number")
    limit.register(called.append, 2)
    limit()
    limit()
    assert called == [1, 2]
    limit.register(called.append, 3)
    limit.close()
    limit()
    assert called == [1, 2]
