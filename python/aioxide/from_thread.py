"""The way back from a thread to its loop, with anyio's names: `run()` and `run_sync()`.

In a call of `aioxide.threaded()` the loop is known; elsewhere it is given by `loop=`.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

from ._threads._pool import current_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["call", "run", "run_sync"]

R = TypeVar("R")
Ts = TypeVarTuple("Ts")


def run(
    fn: Callable[[*Ts], Coroutine[Any, Any, R]],
    *args: *Ts,
    loop: asyncio.AbstractEventLoop | None = None,
) -> R:
    """Run the coroutine of an async function in the loop, wait for it, and return its result.

    It runs as a task, in a copy of this thread's context. Raises what it raises,
    concurrent.futures.CancelledError when it is cancelled, and RuntimeError when no loop is known,
    when the loop is closed, and in the loop's own thread, which would wait for itself.
    """
    target = _loop(loop)
    return asyncio.run_coroutine_threadsafe(fn(*args), target).result()


def run_sync(
    fn: Callable[[*Ts], R], *args: *Ts, loop: asyncio.AbstractEventLoop | None = None
) -> R:
    """Call a plain function in the loop's thread, wait for it, and return its result.

    It is called in a copy of this thread's context. Raises what it raises, and RuntimeError as
    `run()` does.
    """
    future: Future[R] = Future()
    _loop(loop).call_soon_threadsafe(_call, future, partial(fn, *args))
    return future.result()


call = run_sync


def _call(future: Future[R], fn: Callable[[], R]) -> None:
    try:
        future.set_result(fn())
    except (SystemExit, KeyboardInterrupt) as error:
        # They end the loop, too.
        future.set_exception(error)
        raise
    except BaseException as error:  # noqa: BLE001
        future.set_exception(error)


def _loop(given: asyncio.AbstractEventLoop | None) -> asyncio.AbstractEventLoop:
    try:
        running: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
    except RuntimeError:
        running = None
    if running is not None:
        raise RuntimeError("a loop runs in this thread, which would wait for itself: use await")
    loop = given or current_loop()
    if loop is None:
        raise RuntimeError(
            f"thread {threading.current_thread().name!r} was not started by aioxide.threaded(): "
            "give the loop by loop="
        )
    if loop.is_closed():
        raise RuntimeError("Event loop is closed")
    return loop
