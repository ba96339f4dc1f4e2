"""asyncio's own ways: a loop factory, or aioxide's names in place of asyncio's."""

import asyncio
import sys

import pytest

import aioxide


async def kind():
    return type(asyncio.get_running_loop())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio.run() takes one from 3.12 on")
def test_run_with_a_loop_factory():
    assert asyncio.run(kind(), loop_factory=aioxide.new_event_loop) is aioxide.EventLoop


def test_runner_with_a_loop_factory():
    with asyncio.Runner(loop_factory=aioxide.new_event_loop) as runner:
        assert runner.run(kind()) is aioxide.EventLoop


def test_aioxide_run_and_runner():
    assert aioxide.run(kind()) is aioxide.EventLoop
    with aioxide.Runner() as runner:
        assert runner.run(kind()) is aioxide.EventLoop


SHOW = """
    {head}
    async def main():
        loop = type(asyncio.get_running_loop())
        print(loop.__module__.partition(".")[0], loop.__name__)
    asyncio.run(main())
"""


@pytest.mark.parametrize(
    "head", ["import aioxide as asyncio", "import asyncio, aioxide; aioxide.install()"]
)
def test_two_words_in_the_program(write, execute, head):
    write("main.py", SHOW.format(head=head))
    assert execute("main.py") == "aioxide EventLoop\n"


def test_no_word_in_the_program(write, execute):
    write("main.py", SHOW.format(head="import asyncio"))
    assert execute("-m", "aioxide", "run", "main.py") == "aioxide EventLoop\n"
    assert execute("-m", "aioxide", "run", "-m", "main") == "aioxide EventLoop\n"
