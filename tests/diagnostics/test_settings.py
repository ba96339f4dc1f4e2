"""What is reported, as a program, the command line and the environment say it."""

import asyncio
import dataclasses

import pytest

import aioxide
from aioxide import Diagnostics
from aioxide._diagnostics import parse_duration

DEFAULTS = Diagnostics()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("50ms", 0.05), ("0.5s", 0.5), ("2", 2.0), ("250us", 0.00025), (" 3 s ", 3.0), ("1e3ms", 1.0)],
)
def test_durations(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    "text", ["", "ms", "fast", "-1s", "0", "0ms", "nan", "inf", "5 m", "1e999"]
)
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="is no duration; say 50ms"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("variable", "value", "changed"),
    [
        ("BLOCKING", "50ms", {"blocking": 0.05}),
        ("BLOCKING", "1", {"blocking": 1.0}),
        ("BLOCKING", "off", {"blocking": None}),
        ("BLOCKING", "on", {}),
        ("LOST_EXCEPTIONS", "2s", {"lost_exceptions": 2.0}),
        ("LOST_EXCEPTIONS", "OFF", {"lost_exceptions": False}),
        ("NEVER_AWAITED", "off", {"never_awaited": False}),
        ("NEVER_AWAITED", "origins", {"origins": True}),
        ("LEAKS", "all", {"unstarted": True}),
        ("LEAKS", "pending", {}),
        ("LEAKS", "off", {"pending": False}),
        ("CANCEL_NOTES", "no", {"cancel_notes": False}),
        ("DIAGNOSTICS", "json", {"output": "json"}),
        ("DIAGNOSTICS", "on", {}),
        ("LEAKS", "", {}),
    ],
)
def test_environment(variable, value, changed):
    chosen = Diagnostics.from_environment({f"AIOXIDE_{variable}": value})
    assert chosen == dataclasses.replace(DEFAULTS, **changed)


def test_the_variable_for_all_is_the_ground_for_the_others():
    chosen = Diagnostics.from_environment(
        {"AIOXIDE_LEAKS": "all", "AIOXIDE_DIAGNOSTICS": "off", "AIOXIDE_BLOCKING": "1s"}
    )
    assert chosen == dataclasses.replace(
        Diagnostics.off(), blocking=1.0, pending=True, unstarted=True
    )


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("BLOCKING", "50mz", "'50mz' is no duration; say 50ms, 0.5s, 2 (seconds) or off"),
        ("LEAKS", "some", "'some' is none of off, pending, all"),
        ("DIAGNOSTICS", "xml", "'xml' is none of on, off, text, json"),
        ("NEVER_AWAITED", "never", "'never' is none of on, off, origins"),
        ("CANCEL_NOTES", "2", "'2' is neither on nor off"),
        ("FRAMES", "memory", "'memory' is not gil, which is all that it may be"),
    ],
)
def test_a_wrong_variable_is_named(variable, value, sentence):
    with pytest.raises(ValueError, match=f"AIOXIDE_{variable}") as raised:
        Diagnostics.from_environment({f"AIOXIDE_{variable}": value})
    assert str(raised.value) == f"AIOXIDE_{variable}: {sentence}"


@pytest.mark.parametrize(
    ("fields", "error", "text"),
    [
        ({"blocking": "50ms"}, TypeError, "blocking must be seconds or None, not '50ms'"),
        ({"blocking": True}, TypeError, "blocking must be seconds or None, not True"),
        ({"blocking": -1}, ValueError, "blocking must be more than 0 seconds, not -1"),
        ({"lost_exceptions": 0.0}, ValueError, "lost_exceptions must be more than 0 seconds"),
        ({"lost_exceptions": None}, TypeError, "must be seconds, True or False, not None"),
        ({"blocking_action": "raise"}, TypeError, "must be 'report' or a callable, not 'raise'"),
        ({"output": "xml"}, ValueError, "output must be 'text' or 'json', not 'xml'"),
        ({"pending": 1}, TypeError, "pending must be True or False, not 1"),
    ],
)
def test_a_wrong_field_is_named(fields, error, text):
    with pytest.raises(error, match=text):
        Diagnostics(**fields)


def test_grace_in_seconds():
    assert DEFAULTS.grace == 0.05
    assert Diagnostics(lost_exceptions=2).grace == 2.0
    assert Diagnostics.off().grace is None


def test_a_loop_takes_what_it_is_given():
    chosen = Diagnostics(blocking=1.5)
    loop = aioxide.new_event_loop(diagnostics=chosen)
    assert loop.diagnostics is chosen
    loop.close()


@pytest.mark.parametrize("given", [False, "off", {"blocking": None}])
def test_what_is_no_diagnostics_is_refused(given):
    with pytest.raises(TypeError, match=r"aioxide\.Diagnostics, such as Diagnostics\.off\(\)"):
        aioxide.new_event_loop(diagnostics=given)


def test_a_loop_that_is_told_nothing_asks_the_environment(monkeypatch):
    monkeypatch.setenv("AIOXIDE_BLOCKING", "2")
    loop = aioxide.new_event_loop()
    assert loop.diagnostics.blocking == 2.0
    loop.close()
    monkeypatch.setenv("AIOXIDE_BLOCKING", "x")
    with pytest.raises(ValueError, match="AIOXIDE_BLOCKING: 'x' is no duration"):
        aioxide.new_event_loop()


def test_run_and_runner():
    chosen = Diagnostics(blocking=1.5)

    async def main():
        return asyncio.get_running_loop().diagnostics

    assert aioxide.run(main(), diagnostics=chosen) is chosen
    with aioxide.Runner(diagnostics=chosen) as runner:
        assert runner.run(main()) is chosen


def test_run_with_a_factory_says_where_diagnostics_go():
    with pytest.raises(TypeError, match=r"aioxide\.new_event_loop\(diagnostics=\.\.\.\) there"):
        aioxide.Runner(loop_factory=aioxide.new_event_loop, diagnostics=DEFAULTS)


SHOW = """
    import asyncio

    async def main():
        print(asyncio.get_running_loop().diagnostics.blocking)

    asyncio.run(main())
"""


def test_the_command_line_comes_before_the_environment(run_program):
    environment = {"AIOXIDE_BLOCKING": "2"}
    assert run_program(SHOW, env=environment).stdout == "2.0\n"
    assert run_program(SHOW, "--blocking", "50ms", env=environment).stdout == "0.05\n"
    assert run_program(SHOW, "--blocking=off", env=environment).stdout == "None\n"
    assert run_program(SHOW, "--diagnostics", "off").stdout == "None\n"


def test_wrong_options_and_variables_are_errors_of_the_command_line(run_program):
    ended = run_program(SHOW, "--blocking", "50mz")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.endswith(
        "aioxide: --blocking: '50mz' is no duration; say 50ms, 0.5s, 2 (seconds) or off\n"
    )
    ended = run_program(SHOW, env={"AIOXIDE_LEAKS": "x"})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "aioxide: AIOXIDE_LEAKS: 'x' is none of off, pending, all\n"
