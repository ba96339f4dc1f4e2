"""CPython's own suite, bound to another loop: the loop under test is the one that runs."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
COMMAND = HERE.parent / "cpython.py"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("test.test_asyncio") is None, reason="this Python has no test suite"
)


@pytest.fixture(scope="module")
def outcomes():
    """What a loop that is asyncio's but for its name makes of one test of each binding."""
    globs = [
        "test_base_events.BaseEventLoopTests.test_call_soon",
        "test_base_events.BaseEventLoopTests.test_check_thread",
        "test_base_events.BaseEventLoopWithSelectorTests.test_create_server_empty_host",
        "test_events.EPollEventLoopTests.test_run_until_complete",
        "test_futures.CFutureTests.test_result",
        "test_pep492.CoroutineTests.test_task_print_stack",
        "test_queues.LifoQueueTests.test_order",
        "test_runners.RunnerTests.test_run",
        "test_server.SelectorStartServerTests.test_start_server_1",
        "test_tasks.CTask_CFuture_Tests.test_wait",
        "test_tasks.CTask_CFuture_Tests.test_task_basics",
        "test_tasks.FutureGatherTests.test_success",
        "test_transports.TransportTests.test_get_extra_info",
    ]
    arguments = [argument for glob in globs for argument in ("--test", glob)]
    done = subprocess.run(
        [
            *(sys.executable, str(COMMAND), "--loop", "fakeloops:Sound", "--jobs", "2"),
            *("--suite-path", str(HERE / "fake"), *arguments),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(HERE / "fake")},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("cls", "counts"),
    [
        ("test_base_events.BaseEventLoopTests", "2 pass"),
        ("test_base_events.BaseEventLoopWithSelectorTests", "1 pass"),
        ("test_events.EPollEventLoopTests", "1 pass"),
        ("test_futures.CFutureTests", "1 pass"),
        ("test_pep492.CoroutineTests", "1 pass"),
        ("test_queues.LifoQueueTests", "1 pass"),
        ("test_runners.RunnerTests", "1 pass"),
        ("test_server.SelectorStartServerTests", "1 pass"),
        ("test_tasks.FutureGatherTests", "1 pass"),
    ],
)
def test_test_meets_the_loop(outcomes, cls, counts):
    assert f"{cls}: {counts}" in outcomes


def test_test_on_scripted_time_does_not_meet_the_loop(outcomes):
    assert "test_tasks.CTask_CFuture_Tests: 1 pass, 1 not-applicable" in outcomes


def test_test_without_a_loop_is_not_applicable(outcomes):
    assert "test_transports.TransportTests: 1 not-applicable" in outcomes


def test_asyncios_loop_is_made_nowhere(outcomes):
    made = outcomes[outcomes.index("loops made, in how many tests:") + 1 :]
    names = {line.split()[1] for line in made}
    assert "fakeloops.Sound" in names
    assert not any(name.endswith("_UnixSelectorEventLoop") for name in names)
