"""The sweep finds what it is there to find."""

import asyncio
import contextlib
import gc
import os
import socket
import warnings

import pytest

from . import sweep as module
from .sweep import sweep


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.0)


async def test_every_await_is_cut_once(loop):
    seen = []

    async def three(steps):
        for _ in range(3):
            await asyncio.sleep(0.001)
            steps.append(None)

    async def operation(cut):
        steps = []
        outcome = await cut(three(steps))
        seen.append((cut.way, len(steps), outcome.cancelled))

    assert await sweep(operation, ways=("at once", "when done")) == 6
    for way in ("at once", "when done"):
        expected = [(way, 0, True), (way, 1, True), (way, 2, True), (way, 3, False)]
        assert [run for run in seen if run[0] == way] == expected


async def test_operation_that_never_waits_is_named(loop):
    async def operation(cut):
        await cut(immediate())

    async def immediate():
        return None

    with pytest.raises(AssertionError):
        await sweep(operation, ways=("at once",))


async def test_error_of_the_operation_is_raised(loop):
    async def fail():
        await asyncio.sleep(0)
        raise LookupError

    async def operation(cut):
        await cut(fail())

    with pytest.raises(LookupError):
        await sweep(operation, ways=("at once",))


async def test_descriptor_left_open_is_found(loop):
    held = []

    async def leak():
        held.extend(os.pipe())
        await asyncio.sleep(0)
        while held:
            os.close(held.pop())

    with pytest.raises(AssertionError, match="left behind: .*descriptors"):
        await sweep(lambda cut: cut(leak()))
    for number in held:
        os.close(number)


async def test_task_left_running_is_found(loop):
    tasks = []

    async def leak():
        tasks.append(asyncio.ensure_future(asyncio.sleep(3600)))
        await asyncio.sleep(0)
        tasks.pop().cancel()

    with pytest.raises(AssertionError, match="left behind: .*tasks"):
        await sweep(lambda cut: cut(leak()))
    tasks.pop().cancel()


async def test_reader_left_registered_is_found(loop):
    ours, theirs = socket.socketpair()

    async def leak():
        loop.add_reader(ours, print)
        await asyncio.sleep(0)
        loop.remove_reader(ours)

    with ours, theirs:
        with pytest.raises(AssertionError, match="left behind: .*watched"):
            await sweep(lambda cut: cut(leak()))
        loop.remove_reader(ours)


async def test_socket_left_to_the_collector_is_found(loop):
    async def leak():
        sock = socket.socket()
        with contextlib.suppress(ZeroDivisionError):
            await asyncio.sleep(0)
        sock.close()

    with pytest.raises(AssertionError, match="unclosed <socket"):
        await sweep(lambda cut: cut(leak()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


async def test_report_to_the_exception_handler_is_found(loop):
    async def report():
        try:
            await asyncio.sleep(0)
        finally:
            loop.call_exception_handler({"message": "something"})

    with pytest.raises(AssertionError, match="something"):
        await sweep(lambda cut: cut(report()))
