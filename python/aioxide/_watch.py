"""What the native watchdog does once a process or once a report, and so in Python.

Each function is called by name from the native module.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from aioxide import _aioxide

__all__: list[str] = []


def watch_forks() -> None:
    """Have the watching thread end before a fork: CPython warns of forks with threads."""
    os.register_at_fork(
        before=_aioxide._before_fork,
        after_in_parent=_aioxide._after_fork_in_parent,
        after_in_child=_aioxide._after_fork_in_child,
    )


def task_in_parts() -> tuple[Any, ...]:
    """A task that never runs, and objects that it consists of: its coroutine, its name and the name
    of the coroutine."""

    class Nowhere:
        def call_soon(self, callback: Any, *_: Any, **__: Any) -> None:
            pass

        def get_debug(self) -> bool:
            return False

        def call_exception_handler(self, context: dict[str, Any]) -> None:
            pass

    async def nothing() -> None:
        pass

    nowhere: Any = Nowhere()
    coroutine: Any = nothing()
    name = "aioxide looks at a task"
    task: Any = asyncio.Task(coroutine, loop=nowhere, name=name)
    coroutine.close()
    task._log_destroy_pending = False
    return task, coroutine, name, coroutine.__qualname__


def blocked(loop: Any, action: Any, report: str) -> None:
    """Give a report to the program."""
    import json

    try:
        action(json.loads(report))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as exc:  # noqa: BLE001 - as the loop does with callbacks
        context = {
            "message": "Exception in Diagnostics.blocking_action",
            "exception": exc,
            "callback": action,
        }
        loop.call_exception_handler(context)
