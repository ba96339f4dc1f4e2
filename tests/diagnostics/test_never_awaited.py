"""Coroutines that nobody awaited: dropped, or stored and never started."""

import asyncio
import json
import sys
import warnings

import pytest

import aioxide
from aioxide import Diagnostics


async def save():
    pass


def warned(main, **fields):
    """The warnings of a run."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        aioxide.run(main(), diagnostics=Diagnostics(**fields))
    return caught


async def forget():
    save()  # forget


def line_of(marker):
    with open(__file__) as file:
        lines = [number for number, line in enumerate(file, 1) if line.endswith(f"# {marker}\n")]
    [line] = lines
    return line


async def forget_in_a_task():
    await asyncio.create_task(forget(), name="signup")


def test_the_warning_names_the_task():
    [warning] = warned(forget_in_a_task)
    assert warning.category is RuntimeWarning
    first, second = str(warning.message).splitlines()
    assert first == "coroutine 'save' was never awaited"
    assert second.startswith("Dropped in task 'signup', spawned at ")
    assert second.endswith("in forget_in_a_task")
    assert (warning.filename, warning.lineno) == (__file__, line_of("forget"))


def test_with_origins_it_says_where_the_coroutine_was_created():
    async def main():
        coroutine = save()  # create
        await asyncio.sleep(0)
        del coroutine

    [warning] = warned(main, origins=True)
    lines = str(warning.message).splitlines()
    assert lines[1] == "Coroutine created at (most recent call last)"
    assert lines[2].startswith(f'  File "{__file__}", line {line_of("create")}, in main')
    assert lines[3].strip() == "coroutine = save()  # create"


def test_switched_off_it_is_pythons():
    [warning] = warned(forget_in_a_task, never_awaited=False)
    assert str(warning.message) == "coroutine 'save' was never awaited"
    assert (warning.filename, warning.lineno) == (__file__, line_of("forget"))


def test_outside_of_a_run_it_is_pythons():
    warned(forget)  # from now on the warning is made by aioxide
    with pytest.warns(RuntimeWarning) as caught:
        save()  # outside
    [warning] = caught
    assert str(warning.message) == "coroutine 'save' was never awaited"
    assert (warning.filename, warning.lineno) == (__file__, line_of("outside"))


def test_on_another_loop_it_is_pythons():
    warned(forget)
    with pytest.warns(RuntimeWarning) as caught:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(forget_in_a_task())
    [warning] = caught
    assert str(warning.message) == "coroutine 'save' was never awaited"


async def forget_often():
    for name in ("a", "b", "c"):
        await asyncio.create_task(forget(), name=name)


def test_one_line_has_one_text_and_a_count(capfd):
    caught = warned(forget_often)
    assert len({str(warning.message) for warning in caught}) == 1
    told = capfd.readouterr().err.splitlines()
    assert told[0] == "aioxide: coroutines that were never awaited, more than once from one line"
    assert told[1].startswith("  3 times  'save'  ")
    assert told[1].endswith(f"test_never_awaited.py:{line_of('forget')}")


def test_pythons_default_filter_shows_one_line_once(run_program):
    ended = run_program("""
        import asyncio

        async def save():
            pass

        async def main():
            for _ in range(3):
                save()

        asyncio.run(main())
    """)
    assert ended.stderr.count("RuntimeWarning: coroutine 'save' was never awaited") == 1
    assert "program.py:9: RuntimeWarning" in ended.stderr
    assert "3 times  'save'  program.py:9\n" in ended.stderr


def test_as_an_error(run_program):
    """CPython cannot raise in the middle of a statement: it prints the exception."""
    ended = run_program(
        """
        import asyncio

        async def save():
            pass

        async def main():
            save()

        asyncio.run(main())
        """,
        flags=("-W", "error"),
    )
    assert ended.returncode == 0
    assert "RuntimeWarning: coroutine 'save' was never awaited" in ended.stderr
    assert "Traceback" in ended.stderr


# Origin tracking belongs to the thread


@pytest.mark.parametrize(("fields", "inside"), [({"origins": True}, 1), ({}, 0)])
def test_origins_are_tracked_while_the_loop_runs(fields, inside):
    async def main():
        return sys.get_coroutine_origin_tracking_depth()

    assert aioxide.run(main(), diagnostics=Diagnostics(**fields)) == inside
    assert sys.get_coroutine_origin_tracking_depth() == 0


def test_a_depth_that_the_program_has_set_is_left():
    async def main():
        return sys.get_coroutine_origin_tracking_depth()

    async def set_depth():
        sys.set_coroutine_origin_tracking_depth(5)

    try:
        sys.set_coroutine_origin_tracking_depth(3)
        assert aioxide.run(main(), diagnostics=Diagnostics(origins=True)) == 3
        assert sys.get_coroutine_origin_tracking_depth() == 3
        sys.set_coroutine_origin_tracking_depth(0)
        aioxide.run(set_depth(), diagnostics=Diagnostics(origins=True))
        assert sys.get_coroutine_origin_tracking_depth() == 5
    finally:
        sys.set_coroutine_origin_tracking_depth(0)


# Stored and never started

STORED = """
    import asyncio

    async def fetch(key):
        pass

    waiting = []

    async def main():
        for key in ("a", "b"):
            waiting.append(fetch(key))
        await asyncio.sleep(0)

    asyncio.run(main())
    for coroutine in waiting:
        coroutine.close()
"""


def test_stored_and_never_started(run_program):
    ended = run_program(STORED)
    assert ended.stderr == (
        "aioxide: 2 coroutines were created and never started; something still refers to them\n"
        "  'fetch'  2 times\n"
        "    created  program.py:11 in main    waiting.append(fetch(key))\n"
    )
    assert run_program(STORED, "--leaks", "pending").stderr == ""


def test_stored_without_origins(run_program):
    ended = run_program(STORED, "--never-awaited", "on")
    assert ended.stderr.splitlines()[-1] == (
        "    defined  program.py:4 in fetch    async def fetch(key):"
    )


def test_stored_as_json(run_program):
    [line] = run_program(STORED, "--diagnostics", "json").stderr.splitlines()
    told = json.loads(line)
    assert told["report"] == "unstarted"
    [coroutine] = told["coroutines"]
    assert (coroutine["coroutine"], coroutine["count"], coroutine["line"]) == ("fetch", 2, 11)


def test_started_suspended_and_closed_coroutines_are_none():
    from aioxide.diagnostics.sites import is_unstarted

    async def wait():
        await asyncio.sleep(0)

    created, suspended, closed = wait(), wait(), wait()
    suspended.send(None)
    closed.close()
    assert [is_unstarted(one) for one in (created, suspended, closed)] == [True, False, False]
    created.close()
    suspended.close()
