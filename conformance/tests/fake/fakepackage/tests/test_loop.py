"""Each test leans on one method that the fake loops break in one way."""

import asyncio
import pathlib

import pytest


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.mark.parametrize("name", ["a.b", "c::d", "[e]"])
def test_parameters(loop, name):
    assert not loop.is_running()


def test_future(loop):
    assert not loop.create_future().done()


def test_task_factory(loop):
    assert loop.get_task_factory() is None


def test_exception_handler(loop):
    assert loop.set_exception_handler(None) is None


def test_broken_everywhere(loop):
    raise AssertionError("on every loop")


@pytest.mark.skip(reason="not today")
def test_skipped(loop):
    pass


@pytest.mark.xfail(reason="known", strict=True)
def test_known_bug(loop):
    raise AssertionError("and known")


def test_writes_beside_itself(loop):
    pathlib.Path("written").write_text("by the test")


class TestOneLoopForAll:
    """The last test of a class meets the class's loop, too."""

    @classmethod
    def setup_class(cls):
        cls.loop = asyncio.new_event_loop()

    @classmethod
    def teardown_class(cls):
        cls.loop.close()

    def test_first(self):
        pass

    def test_last(self):
        pass
