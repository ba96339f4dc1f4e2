"""What is told of tasks that the end of a run cancels."""

import asyncio
import json
import sys

import pytest

import aioxide
from aioxide import Diagnostics

PROGRAM = """
    import asyncio

    async def wait():
        await asyncio.sleep(3600)

    async def fetch(key):
        await wait()

    async def main():
        tasks = [asyncio.create_task(fetch(key), name=key) for key in ("a", "b")]
        late = asyncio.create_task(fetch("late"), name="late")
        late.add_done_callback(lambda task: print("late was cancelled:", task.cancelled()))
        await asyncio.sleep(0)
        asyncio.current_task().add_done_callback(too_late)

    def too_late(task):
        asyncio.create_task(fetch("never"), name="never")

    asyncio.run(main())
"""

REPORT = """\
aioxide: 4 tasks were still pending at the end of the run, and are cancelled
  'a', 'b'  fetch()
    waits    program.py:5 in wait    await asyncio.sleep(3600)
    spawned  program.py:11 in {comprehension}    \
tasks = [asyncio.create_task(fetch(key), name=key) for key in ("a", "b")]
  'late'  fetch()
    waits    program.py:5 in wait    await asyncio.sleep(3600)
    spawned  program.py:12 in main    late = asyncio.create_task(fetch("late"), name="late")
  'never'  fetch()
    never began
    spawned  program.py:18 in too_late    asyncio.create_task(fetch("never"), name="never")
"""


def report():
    inlined = sys.version_info >= (3, 12)
    return REPORT.format(comprehension="main" if inlined else "main.<locals>.<listcomp>")


def test_the_report(run_program):
    ended = run_program(PROGRAM)
    assert ended.returncode == 0
    assert ended.stdout == "late was cancelled: True\n"
    assert ended.stderr == report()


@pytest.mark.parametrize("options", [("--leaks", "off"), ("--diagnostics", "off")])
def test_switched_off(run_program, options):
    assert run_program(PROGRAM, *options).stderr == ""


def test_as_json(run_program):
    ended = run_program(PROGRAM, "--diagnostics", "json")
    [line] = ended.stderr.splitlines()
    told = json.loads(line)
    assert told["report"] == "pending"
    assert told["tasks"] == 4
    assert [group["names"] for group in told["groups"]] == [["a", "b"], ["late"], ["never"]]
    assert [group["begun"] for group in told["groups"]] == [True, True, False]
    waits = told["groups"][1]["waits"]
    assert (waits["line"], waits["function"]) == (5, "wait")
    assert waits["file"].endswith("program.py")
    assert told["groups"][1]["spawned"]["line"] == 12


def test_many_tasks_of_many_kinds_are_summed_up(run_program):
    ended = run_program("""
        import asyncio

        async def main():
            for number in range(20):
                names = {"asyncio": asyncio}
                exec(f"async def job{number}(): await asyncio.sleep(60)", names)
                for _ in range(5):
                    asyncio.create_task(names[f"job{number}"]())
            await asyncio.sleep(0)

        asyncio.run(main())
    """)
    lines = ended.stderr.splitlines()
    assert lines[0].startswith("aioxide: 100 tasks were still pending")
    assert lines[1] == "  'Task-2', 'Task-3', 'Task-4' and 2 more  job0()"
    assert lines[-1] == "  and 50 more"


def test_the_closing_of_a_generator_is_left_out(run_program):
    """The loop spawns it, for one that was left before its end."""
    ended = run_program("""
        import asyncio

        async def numbers():
            try:
                yield 1
            finally:
                await asyncio.sleep(0)

        async def main():
            async for number in numbers():
                break

        asyncio.run(main())
    """)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_what_a_package_has_spawned_for_itself_is_left_out(monkeypatch, capfd):
    from aioxide.diagnostics import sites

    here = __file__.rpartition("/")[0] + "/"
    monkeypatch.setattr(sites, "_PACKAGES", (*sites._PACKAGES, here))
    assert run_with(Diagnostics(), leave_one, capfd) == ""


PACKAGE = """
    import asyncio

    async def idle():
        await asyncio.sleep(3600)

    async def serve(handler):
        await handler()

    def start(handler):
        return [asyncio.create_task(idle(), name="idle"), asyncio.create_task(serve(handler))]
"""
HANDLER = """
    import asyncio, os, sys
    sys.path.insert(0, os.path.abspath("site-packages"))
    import package

    async def handler():
        await package.idle()

    async def main():
        await asyncio.sleep(0)
        {start}
        await asyncio.sleep(0)

    asyncio.run(main())
"""


@pytest.mark.parametrize("start", ["kept = package.start(handler)", "start_later()"])
def test_what_a_package_has_spawned_is_told_of_where_it_is_in_the_program(
    run_program, write, tmp_path, start
):
    """Who handles a request hangs in the program's own line, whoever has spawned the task."""
    (tmp_path / "site-packages").mkdir()
    write(PACKAGE, "site-packages/package.py")
    later = "asyncio.get_running_loop().call_soon(package.start, handler); await asyncio.sleep(0)"
    ended = run_program(HANDLER.format(start=start.replace("start_later()", later)))
    assert "'idle'" not in ended.stderr
    lines = ended.stderr.splitlines()
    assert lines[0].startswith("aioxide: 1 task was still pending")
    assert lines[1].endswith("  serve()")
    # The line in the package where that waits is the package's business.
    assert lines[2] == "    waits    program.py:7 in handler    await package.idle()"
    assert lines[3].startswith("    spawned  ")


def run_with(diagnostics, main, capfd):
    aioxide.run(main(), diagnostics=diagnostics)
    return capfd.readouterr().err


async def leave_one():
    task = asyncio.create_task(asyncio.sleep(60), name="left")
    await asyncio.sleep(0)
    task.get_name()


def test_a_run_of_the_program_itself(capfd):
    told = run_with(Diagnostics(), leave_one, capfd)
    assert told.startswith("aioxide: 1 task was still pending at the end of the run, and is cancel")
    # There is no line of the program's in sleep().
    assert "'left'  sleep()" in told
    assert run_with(Diagnostics(pending=False), leave_one, capfd) == ""
    assert run_with(Diagnostics.off(), leave_one, capfd) == ""


def test_nothing_is_told_where_all_has_ended(capfd):
    async def main():
        await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))

    assert run_with(Diagnostics(), main, capfd) == ""


def test_runs_of_a_loop_that_goes_on_are_no_end(capfd):
    loop = aioxide.new_event_loop()
    task = loop.create_task(asyncio.sleep(0.001))
    loop.run_until_complete(asyncio.sleep(0))
    loop.run_until_complete(task)
    loop.close()
    assert capfd.readouterr().err == ""


def test_a_closed_stderr_is_no_error(run_program):
    ended = run_program(PROGRAM.replace("import asyncio", "import asyncio, sys; sys.stderr = None"))
    assert ended.returncode == 0
