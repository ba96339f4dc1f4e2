"""Each test leaves one thing; each is no failure."""

import asyncio
import time
import warnings

import pytest

kept = []


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


async def wait():
    await asyncio.sleep(3600)


async def spawn():
    kept.append(asyncio.get_running_loop().create_task(wait()))
    await asyncio.sleep(0)


async def block():
    time.sleep(0.2)


async def drop():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wait()


@pytest.mark.parametrize("number", range(3))
def test_task(loop, number):
    loop.run_until_complete(spawn())


def test_end_of_a_run():
    asyncio.run(spawn())


def test_blocks(loop):
    loop.run_until_complete(block())


def test_coroutine(loop):
    loop.run_until_complete(drop())


def test_clean(loop):
    loop.run_until_complete(asyncio.sleep(0))
