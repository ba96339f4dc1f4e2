"""Exceptions of tasks that nobody asks for.

asyncio reports one when its task is collected: never, if somebody keeps the task. Here a task that
has failed is looked at once more when the grace is over. If its exception was not retrieved by
then, asyncio's own report is made, through the loop's exception handler, and the one at the
collection is not. A task that is awaited, or of whose end somebody has asked to be told, is left to
asyncio.
"""

from __future__ import annotations

from typing import Any

from aioxide.diagnostics import sites

__all__ = ["complete", "watch"]


def watch(loop: Any, task: Any) -> None:
    """Look at a failed task of the loop when the grace is over."""
    grace = loop.diagnostics.grace
    if grace is None or loop.is_closed():
        return
    loop._lost_since(task, loop.time())
    if not loop._looks_for_lost:
        loop._looks_for_lost = True
        loop.call_later(grace, _look, loop)


def _look(loop: Any) -> None:
    # Whom the same moment has woken may be about to ask.
    loop.call_soon(_report_due, loop)


def _report_due(loop: Any) -> None:
    grace = loop.diagnostics.grace
    now = loop.time()
    # A timer may be early by the resolution of the clock.
    due, next_since = loop._take_lost(now - grace + loop._clock_resolution)
    if next_since is None:
        loop._looks_for_lost = False
    else:
        loop.call_later(max(0.0, next_since + grace - now), _look, loop)
    for weak in due:
        task = weak()
        if task is not None and task._log_traceback:
            _report(loop, task)
        del task


def _report(loop: Any, task: Any) -> None:
    task._log_traceback = False  # asyncio is not to report it again
    context = {
        "message": "Task exception was never retrieved",
        "exception": task._exception,
        "future": task,
        "note": (
            f"nobody has asked for the exception in {loop.diagnostics.grace:g} s; "
            "something refers to the task still, and can"
        ),
    }
    if task._source_traceback:
        context["source_traceback"] = task._source_traceback
    else:
        complete(loop, context)
    try:
        loop.call_exception_handler(context)
    finally:
        del task, context


def complete(loop: Any, context: dict[str, Any]) -> None:
    """Add to a context for the exception handler where its task was spawned, if that is known."""
    task = context.get("task") or context.get("future")
    if task is None or context.get("source_traceback"):
        return
    summary = sites.spawn_summary(loop, task)
    if summary is not None:
        context["source_traceback"] = summary
