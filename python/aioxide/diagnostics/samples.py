"""Futures and a task in known states, for the native search for where their fields lie."""

from __future__ import annotations

import _asyncio
from types import SimpleNamespace
from typing import Any

__all__ = ["make"]


def make() -> SimpleNamespace:
    """One object for each state that has to be told apart."""
    steps: list[Any] = []

    def call_soon(step: Any, *, context: Any = None) -> None:
        steps.append(step)

    # All that futures and tasks ask of a loop when they are made.
    loop: Any = SimpleNamespace(get_debug=lambda: False, call_soon=call_soon)

    def future() -> Any:
        return _asyncio.Future(loop=loop)

    def called(_: Any) -> None:
        pass

    made = SimpleNamespace(
        pending=future(),
        finished=future(),
        cancelled=future(),
        failed=future(),
        exception=Exception("a sample"),
        called=future(),
        callback=called,
        called_twice=future(),
    )
    made.finished.set_result(made.exception)
    made.cancelled.cancel()
    made.failed.set_exception(made.exception)
    made.failed._log_traceback = False
    made.called.add_done_callback(called)
    for _ in range(2):
        made.called_twice.add_done_callback(called)

    async def nothing() -> None:
        pass

    coroutine = nothing()
    task: Any = _asyncio.Task(coroutine, loop=loop, name="sample")
    coroutine.close()
    task._log_destroy_pending = False
    made.task, made.step = task, steps[0]
    return made
