"""The demos print what they promise, line by line, on aioxide and on asyncio alike."""

import os
import subprocess
import textwrap

import pytest

from .conftest import COMMANDS, EXAMPLES

EXPECTED = {
    "00_running.py": """
        greet('world') is a coroutine, nothing has run
        hello, world
        goodbye, world
        asyncio.run returned 5
    """,
    "01_awaiting.py": """
        run: main
          one starts
          one ends
          two starts
          two ends
        result: ONE then TWO
        run: fail
        raised: ValueError('this went wrong')
    """,
    "02_tasks.py": """
        both created, nothing has started
          a: turn 1 of 3
          b: turn 1 of 2
          a: turn 2 of 3
          b: turn 2 of 2
          a: turn 3 of 3
          b: ends
          a: ends
        both awaited
        launch ends, late is done: False
        back from launch, late still has to run
          late: turn 1 of 2
          late: turn 2 of 2
          late: ends
        late is done: True
        main ends, forgotten is done: False
          forgotten: turn 1 of 3
    """,
    "03_all_tasks.py": """
        at first: main
        created: first, main, second, stuck
          I am first
          I am second
          I am stuck
          first ends
          second ends
        two have ended: main, stuck
        main ends, stuck is done: False
          stuck was cancelled
    """,
    "04_waiting.py": """
        ALL_COMPLETED: done: bad, good, slow; pending: nothing
          bad: RuntimeError('bad failed')
          good: 'good'
          slow: 'slow'
        FIRST_EXCEPTION: done: bad, good; pending: slow
          bad: RuntimeError('bad failed')
          good: 'good'
        FIRST_COMPLETED: done: good; pending: bad, slow
          good: 'good'
        a bare coroutine: TypeError
    """,
    "05_races.py": """
        no await between read and write: 100 of 100
        an await between read and write: 1 of 100
        the same under a lock:           100 of 100
    """,
    "06_results.py": """
        too early: InvalidStateError: Result is not set.
        good.result(): 2.0, and again: 2.0
        bad.result() raises: division by zero
        bad.exception() returns: ZeroDivisionError('division by zero')
        gone.cancelled(): True
        gone.result() raises: CancelledError
    """,
    "07_gather.py": """
        ended: ['quick', 'slow'], results: ['SLOW', 'QUICK']
        raised: bad failed; ended: ['bad']; slow is done: False
        slow was not cancelled: SLOW
        ended: ['bad', 'quick', 'slow'], results: ['SLOW', RuntimeError('bad failed'), 'QUICK']
    """,
    "08_as_completed.py": """
        1: quick, 2 still at work
        2: middling, 1 still at work
        3: slow, 0 still at work
        result: in time
        result: too late
        the late task goes on: True
    """,
    "09_blocking.py": """
        polite: it ticked on during the call; the latest tick was in time
        blocking: 0 ticks during the call; the latest tick was at least as late as the call was long
    """,
    "10_executors.py": """
        thread pool: in this process, a thread of its own; the loop ticked on: True
          an exception comes back: raised far away
        process pool: in another process, its main thread; the loop ticked on: True
          an exception comes back: raised far away
        default executor: in this process, a thread of its own; the loop ticked on: True
          an exception comes back: raised far away
    """,
    "11_field_notices.py": """
        the index links 200 notices
        fetched 200 notices, 9.8 MB
        at most 20 at a time
          low: 60
          medium: 48
          critical: 47
          high: 45
    """,
}


# What aioxide tells on stderr, in the columns in which it does.
REPORTED = {
    "02_tasks.py": """\
aioxide: 1 task was still pending at the end of the run, and is cancelled
  'forgotten'  worker()
    waits    examples/02_tasks.py:14 in worker    await asyncio.sleep(0)
    spawned  examples/02_tasks.py:37 in main    \
forgotten = asyncio.create_task(worker("forgotten", 3), name="forgotten")
""",
    "03_all_tasks.py": """\
aioxide: 1 task was still pending at the end of the run, and is cancelled
  'stuck'  worker()
    waits    examples/03_all_tasks.py:19 in worker    await go.wait()
    spawned  examples/03_all_tasks.py:35 in main    \
stuck = asyncio.create_task(worker(never), name="stuck")
""",
}


@pytest.mark.parametrize("name", EXPECTED)
def test_demo_prints_what_it_promises(name, run_demo):
    printed = run_demo(name, reported=REPORTED.get(name, ""))
    assert printed == textwrap.dedent(EXPECTED[name]).lstrip("\n")


def test_every_demo_is_tested():
    assert sorted(path.name for path in EXAMPLES.glob("[0-9]*.py")) == sorted(EXPECTED)


def test_no_demo_depends_on_aioxide():
    for name in EXPECTED:
        assert "aioxide" not in (EXAMPLES / name).read_text(encoding="utf-8"), name


def test_field_notices_keep_to_their_limit(run_demo):
    printed = run_demo("11_field_notices.py", "--notices", "12", "--limit", "3").splitlines()
    assert printed[0] == "the index links 12 notices"
    assert printed[2] == "at most 3 at a time"
    assert sum(int(line.rpartition(":")[2]) for line in printed[3:]) == 12


WITNESS = """
import atexit, sys

def report():
    aiohttp = sys.modules.get("aiohttp")
    print(getattr(aiohttp, "ClientSession", None).__module__, file=sys.stderr)

atexit.register(report)
"""


def test_field_notices_on_the_native_client(environment, tmp_path):
    """The demo as it is, with `--http`: a module that Python imports by itself tells whose client
    it ran on."""
    (tmp_path / "sitecustomize.py").write_text(WITNESS)
    name = "11_field_notices.py"
    done = subprocess.run(
        [*COMMANDS["aioxide"], "--http", str(EXAMPLES / name)],
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
        env={
            **environment,
            "PYTHONPATH": os.pathsep.join(
                filter(None, [str(tmp_path), environment.get("PYTHONPATH")])
            ),
        },
    )
    assert done.stdout == textwrap.dedent(EXPECTED[name]).lstrip("\n"), done.stderr
    assert done.stderr == "aioxide.http._session\n"
    assert done.returncode == 0
