"""Who wants to hear of what a program left behind, besides whoever reads stderr and the log."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["KINDS", "Leak", "observe", "observers", "tell_context"]

KINDS = ("tasks", "coroutines", "exceptions", "transports")


class Leak(NamedTuple):
    """One thing, or several alike."""

    kind: str
    """One of `KINDS`."""
    names: tuple[str, ...]
    """By which it may be allowed."""
    lines: list[str]
    """What to say of it."""


observers: list[Callable[[Leak], object]] = []
"""Called with what is found."""


@contextlib.contextmanager
def observe(observer: Callable[[Leak], object]) -> Generator[None]:
    """Call `observer` with what is found meanwhile."""
    observers.append(observer)
    try:
        yield
    finally:
        observers.remove(observer)


def tell(leak: Leak) -> None:
    for observer in observers:
        observer(leak)


# What asyncio says of tasks that nobody looks after.
_MESSAGES = {
    "Task exception was never retrieved": "exceptions",
    "Task was destroyed but it is pending!": "tasks",
}


def tell_context(context: dict[str, Any]) -> None:
    """Tell of what an exception handler was called for, if it is a task that was left."""
    kind = _MESSAGES.get(context["message"])
    task: Any = context.get("task") or context.get("future")
    if kind is None or not hasattr(task, "get_name"):
        return
    lines = [f"{task.get_name()!r}: {context['message']}"]
    if "exception" in context:
        lines.append(f"  {context['exception']!r}")
    summary = context.get("source_traceback")
    if summary:
        lines.append(
            f"  spawned  {summary[-1].filename}:{summary[-1].lineno}    {summary[-1].line}"
        )
    coroutine = getattr(task.get_coro(), "__qualname__", "")
    tell(Leak(kind, (task.get_name(), coroutine), lines))
