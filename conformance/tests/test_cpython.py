"""The command, on a fake suite and on loops that fail, hang, crash, or do better than expected."""

import json
import os
import pathlib
import subprocess
import sys
from dataclasses import dataclass

import pytest

HERE = pathlib.Path(__file__).resolve().parent
COMMAND = HERE.parent / "cpython.py"
BROKEN_EVERYWHERE = "control: test_methods.LoopTests.test_broken_everywhere"


@dataclass
class Finished:
    code: int
    out: str
    err: str

    def lines(self):
        return self.out.splitlines()


@pytest.fixture
def command(tmp_path):
    def run(*arguments, expected="", **variables):
        file = tmp_path / "expected.toml"
        file.write_text(expected)
        done = subprocess.run(
            [
                *(sys.executable, str(COMMAND), "--suite", "fakesuite"),
                *("--suite-path", str(HERE / "fake"), "--expected", str(file), "--limit", "3"),
                *arguments,
            ],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "PYTHONPATH": str(HERE / "fake"), **variables},
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


def methods(name):
    return "--loop", f"fakeloops:{name}", "--test", "test_methods"


def expecting(test, reason="a reason"):
    return f'[scope]\nreason = "of the scope"\n[scope.tests]\n"{test}" = "{reason}"\n'


def test_sound_loop_is_judged_sound(command):
    done = command("--loop", "fakeloops:Sound", "--verbose")
    assert done.code == 0, done.out + done.err
    assert "test_methods.LoopTests: 6 pass, 1 skip, 1 control" in done.lines()
    assert "test_methods.AsyncTests: 1 pass" in done.lines()
    assert "test_methods.RunTests: 1 pass" in done.lines()
    assert BROKEN_EVERYWHERE in done.lines()


def test_tests_without_the_loop_are_not_passes(command):
    done = command(*methods("Sound"))
    assert "test_methods.NoLoopTests: 2 not-applicable" in done.lines()


def test_classes_that_differ_in_the_selector_run_once(command):
    done = command("--list")
    ids = done.lines()
    assert "test_methods.LoopTests.test_debug" in ids
    assert "test_methods.ConcreteTests.test_debug" in ids
    assert not any(line.startswith("test_windows_only") for line in ids)


def test_loop_under_test_is_the_one_that_ran(command):
    done = command(*methods("Sound"))
    made = {
        line.split()[-1] for line in done.lines() if line.split()[:1] and "." in line.split()[-1]
    }
    assert "fakeloops.Sound" in made
    assert not any("SelectorEventLoop" in name for name in made)


@pytest.mark.parametrize(
    ("loop", "kind", "test"),
    [
        ("Failing", "fail", "test_future"),
        ("Hanging", "hang", "test_task_factory"),
        ("Crashing", "crash", "test_exception_handler"),
    ],
)
def test_broken_loop_is_an_unexpected_outcome(command, loop, kind, test):
    arguments = ("--loop", f"fakeloops:{loop}", "--test", "test_methods.LoopTests")
    done = command(*arguments)
    assert done.code == 1
    assert f"unexpected {kind}: test_methods.LoopTests.{test}" in done.lines()
    # The tests after the broken one have their outcomes all the same.
    assert f"test_methods.LoopTests: 5 pass, 1 skip, 1 control, 1 {kind}" in done.lines()
    expected = command(*arguments, expected=expecting(f"test_methods.LoopTests.{test}"))
    assert expected.code == 0, expected.out


def test_hang_shows_where_it_stood(command):
    done = command("--loop", "fakeloops:Hanging", "--test", "*.test_task_factory")
    assert "fakeloops.py" in done.out
    assert "in test_task_factory" in done.out


def test_unexpected_pass_is_an_error(command):
    done = command(*methods("Sound"), expected=expecting("*.LoopTests.test_de*"))
    assert done.code == 1
    assert any(
        line.startswith("unexpected pass: test_methods.LoopTests.test_debug ")
        for line in done.lines()
    )


def test_stale_entry_is_an_error_in_a_whole_run_only(command):
    expected = expecting("*.test_that_was_renamed")
    assert command(*methods("Sound"), expected=expected).code == 0
    done = command("--loop", "fakeloops:Sound", expected=expected)
    assert done.code == 1
    assert any(line.startswith("stale: [scope] '*.test_that_was_renamed'") for line in done.lines())


def test_entry_for_a_test_without_the_loop_is_stale(command):
    done = command("--loop", "fakeloops:Sound", expected=expecting("*.test_fails_without_a_loop"))
    assert done.code == 1
    assert "stale: " in done.out


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[scope]\n[scope.tests]\n'*' = ''\n", "needs a reason"),
        ("[scope]\nreason = 'x'\n", "table of tests"),
        ("[scope]\nreason = 'x'\ntests = {'*' = 3}\n", "must be a reason"),
        ("[scope]\nreason = 'x'\ntests = {'*' = {why = 'y'}}\n", "must be a reason"),
        ("[scope]\nreason = 'x'\ntests = {'*' = {python = '3.x'}}\n", "no condition"),
        ("[scope\n", "expected.toml"),
    ],
)
def test_malformed_expectations_are_refused(command, text, complaint):
    done = command(*methods("Sound"), expected=text)
    assert done.code == 2
    assert complaint in done.err


def test_entry_may_hold_for_some_pythons_only(command):
    text = "[scope]\nreason = 'x'\ntests = {'*.test_future' = {python = '<3.0'}}\n"
    done = command(*methods("Failing"), expected=text)
    assert "unexpected fail: test_methods.LoopTests.test_future" in done.lines()
    text = text.replace("<3.0", ">=3.0, <4.0")
    done = command(*methods("Failing"), expected=text)
    assert done.code == 0, done.out


def test_failure_beside_other_tests_only_is_told(command):
    done = command("--loop", "fakeloops:Sound", "--test", "test_state.LeakTests")
    assert done.code == 0
    assert "passed only in a process of its own: test_state.LeakTests.test_second" in done.lines()


def test_broken_class_set_up_breaks_its_tests(command):
    done = command("--loop", "fakeloops:Failing", "--test", "test_state.SetUpClassTests")
    assert "unexpected fail: test_state.SetUpClassTests.test_any" in done.lines()


def test_tests_may_spawn_processes(command):
    arguments = ("--loop", "fakeloops:Sound", "--test", "test_state.SpawnTests", "--limit", "30")
    done = command(*arguments)
    assert "test_state.SpawnTests: 1 pass" in done.lines(), done.out


def test_crash_after_the_last_test_is_seen(command):
    arguments = ("--loop", "fakeloops:Sound", "--test", "test_state.LastCleanupTests")
    assert command(*arguments).code == 0
    # It aborts on asyncio as well, so that it is no fault of this loop.
    done = command(*arguments, FAKE_ABORT="1")
    assert "test_state.LastCleanupTests: 1 control" in done.lines()


def test_factory_that_raises_is_the_loops_failure(command):
    done = command("--loop", "fakeloops:nothing", "--test", "test_methods.RunTests")
    assert done.code == 1
    assert "OSError: no loop today" in done.out


def test_control_itself_has_no_failures(command):
    done = command("--loop", "asyncio", "--test", "test_methods.LoopTests")
    assert done.code == 0
    assert "test_methods.LoopTests: 6 pass, 1 skip, 1 fail" in done.lines()
    assert "     1 control" in done.lines()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--test", "no_such_test"],
        ["--loop", "no_such_module", "--test", "*.test_debug"],
        ["--jobs", "0"],
        ["--update-results", "--test", "*"],
    ],
)
def test_impossible_runs_are_refused(command, arguments):
    done = command(*arguments)
    assert done.code == 2
    assert done.err


def test_python_without_its_suite_is_skipped(tmp_path):
    # An empty package named `test` ahead of the standard library's is a Python without the suite.
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "__init__.py").write_text("")
    done = subprocess.run(
        [sys.executable, str(COMMAND)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 77
    assert "libpython" in done.stdout


def test_reports(command, tmp_path):
    """What each test leaves, without pytest."""
    folder = tmp_path / "told"
    path = os.pathsep.join([str(HERE / "fake"), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = command(
        *("--suite", "leakysuite", "--suite-path", path, "--reports", str(folder)), PYTHONPATH=path
    )
    assert done.code == 0, done.out + done.err
    assert "test_leaks.Tests: 3 pass" in done.lines()
    [file] = folder.iterdir()
    assert file.name == "cpython-{}.{}.json".format(*sys.version_info)
    places = json.loads(file.read_text())
    assert {(place["way"], place["kind"], *place["tests"]) for place in places} == {
        ("stderr", "pending", "test_leaks.Tests.test_end_of_a_run"),
        ("test", "tasks", "test_leaks.Tests.test_end_of_a_run"),
        ("test", "blocked", "test_leaks.Tests.test_blocks"),
        ("test", "transports", "test_leaks.Tests.test_server"),
        ("warning", "ResourceWarning", "test_leaks.Tests.test_server"),
    }
