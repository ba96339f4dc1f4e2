"""A call of a threaded function: to be awaited, entered or iterated."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Callable,
        Generator,
        Iterator,
        Mapping,
    )
    from types import TracebackType

    from ._job import Job
    from ._lane import Lane

__all__ = ["Call", "Entry", "iterate", "wait"]

R = TypeVar("R")

_END: Any = object()


class Call(Generic[R]):
    """What a threaded function returns. Nothing happens before it is used, in one of three ways.

    - `await call`: the function's result.
    - `async for item in call`: the items of its result, an iterable or a generator; that is closed
      when the loop ends, however it does.
    - `async with call as value`: its result, a context manager, is entered and left in threads;
      `value` is a proxy of what it gives, unless that is plain data.
    """

    __slots__ = ("_args", "_fn", "_kwargs", "_lane", "_left", "_with")

    def __init__(
        self, lane: Lane, fn: Callable[..., R], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        self._lane = lane
        self._fn = fn
        self._args = args
        self._kwargs = kwargs

    def __await__(self) -> Generator[Any, Any, R]:
        job = self._lane.submit(self._fn, self._args, self._kwargs)
        try:
            return (yield from job.future)  # type: ignore[no-any-return]
        except asyncio.CancelledError as error:
            explain(error, job, self._fn)
            raise

    def __aiter__(self) -> AsyncIterator[Any]:
        return iterate(self._lane, self._make_iterator)

    def _make_iterator(self) -> Iterator[Any]:
        return iter(self._fn(*self._args, **self._kwargs))  # type: ignore[call-overload, no-any-return]

    async def __aenter__(self) -> Any:
        self._with = Entry(self._lane, lambda: self._fn(*self._args, **self._kwargs))
        return await self._with.enter()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        return await self._with.leave(kind, error, trace)


async def wait(job: Job, fn: object) -> Any:
    """The result of a job. When this is cancelled, its thread goes on; the exception says so."""
    try:
        return await job.future
    except asyncio.CancelledError as error:
        explain(error, job, fn)
        raise


def explain(error: asyncio.CancelledError, job: Job, fn: object) -> None:
    """Say in the exception what becomes of a call that nobody waits for any more."""
    if job.future.cancelled():
        name = getattr(fn, "__qualname__", None) or repr(fn)
        if job.begun:
            text = f"{name} goes on in its thread, and its result is dropped"
        else:
            text = f"{name} had not begun, and is not called"
        error.add_note(f"aioxide.threaded: {text}")


async def iterate(lane: Lane, make: Callable[[], Iterator[Any]]) -> AsyncGenerator[Any, None]:
    """The items of an iterator, made and asked in threads and in one context."""
    context = copy_context()
    iterator: Iterator[Any] | None = None
    job: Job | None = None
    try:
        job = lane.submit(make, (), {}, context)
        iterator = await wait(job, make)
        while True:
            job = lane.submit(next, (iterator, _END), {}, context)
            item = await wait(job, next)
            if item is _END:
                break
            yield item
    finally:
        if job is not None and job.future.cancelled():
            # A thread is at it, and a generator that runs cannot be closed.
            job.orphaned = lambda value: close_later(lane, iterator or value)
        elif iterator is not None and hasattr(iterator, "close"):
            await wait(lane.submit(iterator.close, (), {}, context), iterator.close)


def close_later(lane: Lane, iterator: Any) -> None:
    """Close what nobody iterates any more."""
    if hasattr(iterator, "close"):
        lane.submit(iterator.close, (), {}).future.add_done_callback(retrieve)


def retrieve(future: asyncio.Future[Any]) -> None:
    """Nobody waits for what comes of it."""
    with suppress(BaseException):
        future.exception()


class Entry:
    """A context manager that is made, entered and left in threads."""

    __slots__ = ("_lane", "_make", "_manager")

    def __init__(self, lane: Lane, make: Callable[[], Any]) -> None:
        self._lane = lane
        self._make = make
        self._manager: Any = None

    def _enter(self) -> tuple[Any, Any]:
        manager = self._make()
        return manager, type(manager).__enter__(manager)

    async def enter(self) -> Any:
        """What the context manager gives. If this is cancelled, it is left once it is entered."""
        from ._proxy import proxy_of

        job = self._lane.submit(self._enter, (), {})
        job.orphaned = self._leave_later
        self._manager, value = await wait(job, self._make)
        return proxy_of(value, self._lane)

    def _leave_later(self, entered: tuple[Any, Any] | None) -> None:
        if entered is None:
            return
        self._manager = entered[0]
        error = asyncio.CancelledError()
        job = self._lane.submit(self._exit, (type(error), error, None), {})
        job.future.add_done_callback(retrieve)

    def _exit(self, *error: Any) -> bool:
        return bool(type(self._manager).__exit__(self._manager, *error))

    async def leave(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Leave it; also if this is cancelled. Returns whether it swallows the error."""
        left: bool = await wait(self._lane.submit(self._exit, (kind, error, trace), {}), self._exit)
        return left
