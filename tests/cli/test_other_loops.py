"""A loop that the program picks itself is left alone, and told of."""

import textwrap

import pytest

PICKS = {
    "factory": """
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(main())
    """,
    "policy": """
        class Policy(aioxide._policy.DefaultEventLoopPolicy):
            def new_event_loop(self):
                return asyncio.SelectorEventLoop()

        warnings.simplefilter("ignore")
        asyncio.set_event_loop_policy(Policy())
        asyncio.run(main())
    """,
    "class": """
        loop = asyncio.SelectorEventLoop()
        for _ in range(2):
            loop.run_until_complete(main())
        loop.close()
    """,
    "none": """
        asyncio.run(main())
    """,
    "ours": """
        with asyncio.Runner(loop_factory=aioxide.new_event_loop) as runner:
            runner.run(main())
    """,
    "class of ours": """
        class Mine(aioxide.EventLoop):
            pass

        with asyncio.Runner(loop_factory=Mine) as runner:
            runner.run(main())
    """,
}
PROGRAM = """
import asyncio, aioxide._policy, warnings

async def main():
    print(type(asyncio.get_running_loop()).__qualname__)
"""


@pytest.fixture
def run_twice(launch, write):
    """Run a program that picks its loop twice in one way."""

    def run_twice(pick):
        write("program.py", PROGRAM + textwrap.dedent(PICKS[pick]) * 2)
        done = launch.aioxide("program.py")
        assert done.returncode == 0, done.stderr
        return done

    return run_twice


@pytest.mark.parametrize("pick", ["factory", "policy", "class"])
def test_another_loop_is_told_of_once(run_twice, pick):
    done = run_twice(pick)
    assert set(done.stdout.split()) == {"_UnixSelectorEventLoop"}
    assert " ".join(done.stderr.split()) == (
        "aioxide: not on aioxide's loop: the program has picked "
        "asyncio.unix_events._UnixSelectorEventLoop itself. "
        "Have it pick aioxide.new_event_loop, or none"
    )


@pytest.mark.parametrize("pick", ["none", "ours", "class of ours"])
def test_nothing_is_said_of_our_loop(run_twice, pick):
    done = run_twice(pick)
    assert len(done.stdout.split()) == 2
    assert done.stderr == ""


def test_uvloop_is_told_of(launch, write):
    pytest.importorskip("uvloop")
    write("program.py", "import asyncio, uvloop\n\nuvloop.run(asyncio.sleep(0))\n")
    done = launch.aioxide("program.py")
    assert done.returncode == 0
    assert "the program has picked uvloop.Loop itself" in " ".join(done.stderr.split())


@pytest.mark.parametrize("end", ["sys.stderr.close()", "sys.stderr = None", "os.close(2)"])
def test_a_program_without_stderr(launch, write, end):
    write("program.py", f"import os, sys\n{end}\n{PROGRAM}{textwrap.dedent(PICKS['factory'])}")
    done = launch.aioxide("program.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["_UnixSelectorEventLoop"]
