"""Children whose end the system does not tell: reported once, and nothing is left."""

import os
import sys

import pytest

from .children import PIPE, exec_
from .peer import polled

pytestmark = [pytest.mark.time_limit(60), pytest.mark.usefixtures("no_zombies")]


async def failing_waitpid(loop, monkeypatch, error):
    """Let a child end while os.waitpid() raises, and return it when the loop has asked."""
    process = await exec_("cat", stdin=PIPE)
    asked = loop.create_future()

    def fail(*args):
        asked.done() or asked.set_result(None)
        raise error

    monkeypatch.setattr(os, "waitpid", fail)
    process.stdin.close()
    await asked
    await process.stdin.wait_closed()
    await polled(4)
    monkeypatch.undo()
    return process


async def end_by_hand(process):
    """Reap the child of which the loop could not learn how it ended."""
    assert process.returncode is None
    assert os.waitpid(process.pid, 0) == (process.pid, 0)
    process._transport._process_exited(0)
    assert await process.wait() == 0


async def test_reaping_fails(
    loop, loop_kind, contexts, monkeypatch, open_descriptors, asyncio_fault
):
    """It is reported once, and no pidfd is left."""
    if loop_kind == "asyncio" and sys.version_info < (3, 12):
        pytest.skip("its thread reports it, and ends")
    asyncio_fault(sys.version_info < (3, 15), "it leaves the pidfd open", fixed_later=True)
    before = open_descriptors()
    process = await failing_waitpid(loop, monkeypatch, OSError("unexpected"))
    assert [str(context["exception"]) for context in contexts] == ["unexpected"]
    await end_by_hand(process)
    await polled()
    assert open_descriptors() == before


@pytest.mark.parametrize("pidfds", [True, False])
async def test_report_of_failed_reaping(loop, loop_kind, contexts, monkeypatch, pidfds):
    if loop_kind == "asyncio":
        pytest.skip("it says that a callback None() has failed")
    if not pidfds:
        monkeypatch.delattr(os, "pidfd_open")
    process = await failing_waitpid(loop, monkeypatch, PermissionError("no"))
    (context,) = contexts
    assert context["message"] == f"the exit status of child process {process.pid} could not be read"
    assert context["transport"] is process._transport
    assert type(context["exception"]) is PermissionError
    await end_by_hand(process)


def test_run_ends_while_a_child_is_reaped(loop_factory, loop_kind, monkeypatch):
    """The next run is told of the child."""
    if loop_kind == "asyncio":
        pytest.skip("it forgets the child")

    def interrupt(*args):
        raise KeyboardInterrupt

    loop = loop_factory()
    process = loop.run_until_complete(exec_("cat", stdin=PIPE))
    monkeypatch.setattr(os, "waitpid", interrupt)
    process.stdin.close()
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    monkeypatch.undo()
    assert loop.run_until_complete(process.wait()) == 0
    loop.close()
