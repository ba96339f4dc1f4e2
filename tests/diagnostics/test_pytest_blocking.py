"""`--aioxide-blocking` of the pytest plugin, as a project uses it."""

import os

import pytest

from .plugin import LOADED

pytest_plugins = ["pytester"]

# What blocks does so for much longer than the limit, and no test here fails by being slow.
TESTS = """
import asyncio, time, aioxide, pytest

async def hog():
    asyncio.current_task().set_name("the hog")
    time.sleep(0.5)

def test_blocks():
    aioxide.run(hog())

@pytest.mark.aioxide_allow_blocking
def test_may():
    aioxide.run(hog())

@pytest.mark.aioxide_allow_blocking("3600s")
def test_may_for_an_hour():
    aioxide.run(hog())

@pytest.mark.aioxide_allow_blocking("200ms")
def test_may_for_less():
    aioxide.run(hog())

def test_blocks_no_loop():
    time.sleep(0.5)
"""


@pytest.fixture
def run_tests(pytester, monkeypatch):
    """run_tests(text, *options, ini="") runs pytest in an interpreter of its own."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(text, *options, ini=""):
        pytester.makeini(f"[pytest]\nasyncio_default_fixture_loop_scope = function\n{ini}\n")
        pytester.makepyfile(text)
        return pytester.runpytest_subprocess(*LOADED, "-p", "no:cacheprovider", *options)

    return run


def test_error(run_tests):
    ended = run_tests(TESTS, "--aioxide-blocking=error:100ms")
    ended.assert_outcomes(passed=3, failed=2)
    ended.stdout.fnmatch_lines(
        [
            "*test_blocks*",
            "the event loop was blocked for * ms (limit 100 ms)*, sleeping*",
            "  at    test_error.py:* in hog: time.sleep(0.5)",
            "  task  'the hog' (hog)",
            "  hint  *asyncio.sleep*",
        ]
    )


def test_what_the_test_has_called_is_said(run_tests):
    ended = run_tests(
        """
import asyncio, subprocess, sys, aioxide

def test_calls():
    async def main():
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.5)"], check=True)
    aioxide.run(main())
""",
        "--aioxide-blocking=warn:200ms",
    )
    ended.stdout.fnmatch_lines(
        [
            "*at    test_*.py:* in test_calls.<locals>.main: subprocess.run(*",
            "*in    *.py:* in *",
        ]
    )


def test_warning(run_tests):
    ended = run_tests(TESTS, "--aioxide-blocking=warn")
    ended.assert_outcomes(passed=5, warnings=2)
    ended.stdout.fnmatch_lines(["*BlockingWarning: the event loop was blocked for *"])


def test_configuration(run_tests):
    ended = run_tests(TESTS, ini="aioxide_blocking = error")
    ended.assert_outcomes(passed=3, failed=2)


def test_off(run_tests):
    run_tests(TESTS).assert_outcomes(passed=5)


def test_with_leaks(run_tests):
    ended = run_tests(TESTS, "--aioxide-blocking=error", "--aioxide-leaks=error")
    ended.assert_outcomes(passed=3, failed=2)


@pytest.mark.parametrize(
    ("given", "said"),
    [("loud", "off, warn or error"), ("error:soon", "soon"), ("warn:", "warn:")],
)
def test_mistakes(run_tests, given, said):
    ended = run_tests(TESTS, f"--aioxide-blocking={given}")
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    assert said in ended.stderr.str()


def test_mistake_in_a_marker(run_tests):
    text = 'import pytest\n@pytest.mark.aioxide_allow_blocking("soon")\ndef test(): pass\n'
    ended = run_tests(text, "--aioxide-blocking=warn")
    assert ended.ret != pytest.ExitCode.OK
    assert "aioxide_allow_blocking" in ended.stdout.str() + ended.stderr.str()


# The loop's thread has a tenth of a processor or less, another process has the rest.
STARVED = """
import asyncio, os, subprocess, sys, threading, time, aioxide, pytest

@pytest.fixture
def starved():
    processors = os.sched_getaffinity(0)
    rival = "import os; os.sched_setaffinity(0, {%d}); print(flush=True)\\nwhile True: pass"
    command = [sys.executable, "-c", rival % min(processors)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        os.sched_setaffinity(threading.get_native_id(), {min(processors)})
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 15)
        yield
        os.sched_setaffinity(threading.get_native_id(), processors)
        child.kill()

@pytest.mark.parametrize("needed", [0.02, 0.4])
def test_it(starved, needed):
    async def main():
        await asyncio.sleep(0.01)
        until = time.thread_time() + needed
        while time.thread_time() < until:
            pass

    aioxide.run(main())
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="the kernel counts no waits")
def test_busy_machine_is_no_fault_of_a_test(run_tests):
    """20 ms of work take longer than the limit there; 400 ms are too much anywhere."""
    ended = run_tests(STARVED, "--aioxide-blocking=error:100ms")
    ended.assert_outcomes(passed=1, failed=1)
    ended.stdout.fnmatch_lines(["*test_it?0.4?*", "*and waited for a processor for * ms more*"])
