"""3.14's call graph, from inside and from another process: tasks of the loop are in it."""

import asyncio
import io
import re
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(sys.version_info < (3, 14), reason="3.14 has the call graph")


async def innermost(show):
    show()


async def worker(show):
    await innermost(show)


def graph_of_current(loop, show):
    """Run `show` deep inside tasks that wait for one another."""

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(worker(show), name="worker")

    loop.run_until_complete(loop.create_task(main(), name="main"))


def test_captured_graph(loop):
    graphs = []
    graph_of_current(loop, lambda: graphs.append(asyncio.capture_call_graph()))
    [graph] = graphs
    assert graph.future.get_name() == "worker"
    # All frames down to the task's own coroutine; what the loop is made of is not among them.
    names = [entry.frame.f_code.co_name for entry in graph.call_stack]
    assert names == ["<lambda>", "innermost", "worker"]
    [waiter] = graph.awaited_by
    assert waiter.future.get_name() == "main"
    assert "main" in [entry.frame.f_code.co_name for entry in waiter.call_stack]


def test_printed_graph(loop):
    text = io.StringIO()
    graph_of_current(loop, lambda: asyncio.print_call_graph(file=text))
    lines = text.getvalue().splitlines()
    assert re.match(r"\* Task\(name='worker', id=0x[0-9a-f]+\)", lines[0])
    assert any("Task(name='main'" in line for line in lines)
    assert asyncio.format_call_graph(loop.create_future()).startswith("* Future(id=")


def test_graph_of_a_waiting_task(loop, turn):
    async def waits():
        await asyncio.sleep(3600)

    task = loop.create_task(waits(), name="waits")
    turn()
    graph = asyncio.capture_call_graph(task)
    assert [entry.frame.f_code.co_name for entry in graph.call_stack] == ["sleep", "waits"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)


WAITING = """
    import asyncio

    async def innermost(ready):
        ready.set()
        await asyncio.get_running_loop().run_in_executor(None, input)

    async def worker(ready):
        await innermost(ready)

    async def main():
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(worker(ready), name="the worker")
            await ready.wait()
            print("ready", flush=True)

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
"""


@pytest.mark.parametrize("command", ["ps", "pstree"])
def test_seen_by_another_process(loop_kind, tmp_path, command):
    module, name = {
        "aioxide": ("aioxide", "new_event_loop"),
        "asyncio": ("asyncio", "SelectorEventLoop"),
    }[loop_kind]
    program = tmp_path / "waiting.py"
    prelude = f"from {module} import {name} as new_event_loop\n"
    program.write_text(prelude + textwrap.dedent(WAITING))
    with subprocess.Popen(
        [sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as waiting:
        try:
            assert waiting.stdout.readline() == "ready\n"
            # The waiter of the group may still be on its way to wait, and is seen half-way then.
            for _ in range(100):
                shown = subprocess.run(
                    [sys.executable, "-m", "asyncio", command, str(waiting.pid)],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if "insufficient permissions" in shown.stdout + shown.stderr:
                    pytest.skip("this system lets no process look into another")
                if shown.returncode == 0 and "innermost" in shown.stdout:
                    break
            assert (shown.returncode, shown.stderr) == (0, "")
        finally:
            waiting.communicate("\n")
    assert waiting.returncode == 0
    for part in ("the worker", "worker", "innermost", "Task-1", "main"):
        assert part in shown.stdout, shown.stdout
