"""What is called for an item: an async function, or a plain one in an executor."""

from __future__ import annotations

import asyncio
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Executor

__all__ = ["call_of", "label_of"]


def call_of(
    fn: Callable[[Any], Any], executor: Executor | Any | None
) -> Callable[[Any], Awaitable[Any]]:
    """The function of an item that gives what to await.

    Raises TypeError for what cannot be called, and where function and executor do not fit.
    """
    if not callable(fn):
        raise TypeError(f"fn is {type(fn).__name__}, which cannot be called")
    if executor is None:
        return fn
    if iscoroutinefunction(fn):
        raise TypeError(
            f"{label_of(fn)} is an async function, and an executor runs plain ones: "
            "leave out executor="
        )
    if not hasattr(executor, "submit"):
        raise TypeError(f"executor is {type(executor).__name__}, which has no submit()")
    if hasattr(executor, "get_executor"):
        # distributed.Client, whose own futures are none of concurrent.futures.
        executor = executor.get_executor()
    return partial(_run, fn, executor)


def _run(fn: Callable[[Any], Any], executor: Any, item: Any) -> asyncio.Future[Any]:
    return asyncio.get_running_loop().run_in_executor(executor, fn, item)


def label_of(fn: object) -> str:
    """What a function is called."""
    while isinstance(fn, partial):
        fn = fn.func
    name = getattr(fn, "__qualname__", None) or type(fn).__qualname__
    return str(name).rpartition("<locals>.")[2]
