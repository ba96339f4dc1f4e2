"""`gather()` and `as_completed()` with a limit; without one, they are asyncio's own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar, overload

if TYPE_CHECKING:
    import sys
    from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterable, Iterator

    from .fanout._as_completed import Completed

__all__ = ["as_completed", "gather"]

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
T6 = TypeVar("T6")

# Not Awaitable alone: a type checker would not find the result of a Future's `__await__`.
_Aw: TypeAlias = "asyncio.Future[T] | Awaitable[T]"

if TYPE_CHECKING:
    # What asyncio.as_completed() returns. Not made when the program runs: until 3.13.1 a protocol
    # cannot inherit from AsyncIterator.
    if sys.version_info >= (3, 13):

        class _Iterator(
            Iterator[Coroutine[Any, Any, T]], AsyncIterator[asyncio.Future[T]], Protocol[T]
        ):
            pass
    else:
        _Iterator: TypeAlias = Iterator[asyncio.Future[T]]


# Up to six awaitables have results of their own types, as in the types of asyncio.gather().
@overload
def gather(  # type: ignore[overload-overlap]
    a: _Aw[T1], /, *, limit: int | None = ..., return_exceptions: Literal[False] = ...
) -> asyncio.Future[tuple[T1]]: ...
@overload
def gather(  # type: ignore[overload-overlap]
    a: _Aw[T1], b: _Aw[T2], /, *, limit: int | None = ..., return_exceptions: Literal[False] = ...
) -> asyncio.Future[tuple[T1, T2]]: ...
@overload
def gather(  # type: ignore[overload-overlap]
    a: _Aw[T1],
    b: _Aw[T2],
    c: _Aw[T3],
    /,
    *,
    limit: int | None = ...,
    return_exceptions: Literal[False] = ...,
) -> asyncio.Future[tuple[T1, T2, T3]]: ...
@overload
def gather(  # type: ignore[overload-overlap]
    a: _Aw[T1],
    b: _Aw[T2],
    c: _Aw[T3],
    d: _Aw[T4],
    /,
    *,
    limit: int | None = ...,
    return_exceptions: Literal[False] = ...,
) -> asyncio.Future[tuple[T1, T2, T3, T4]]: ...
@overload
def gather(  # type: ignore[overload-overlap]
    a: _Aw[T1],
    b: _Aw[T2],
    c: _Aw[T3],
    d: _Aw[T4],
    e: _Aw[T5],
    /,
    *,
    limit: int | None = ...,
    return_exceptions: Literal[False] = ...,
) -> asyncio.Future[tuple[T1, T2, T3, T4, T5]]: ...
@overload
def gather(  # type: ignore[overload-overlap]
    a: _Aw[T1],
    b: _Aw[T2],
    c: _Aw[T3],
    d: _Aw[T4],
    e: _Aw[T5],
    f: _Aw[T6],
    /,
    *,
    limit: int | None = ...,
    return_exceptions: Literal[False] = ...,
) -> asyncio.Future[tuple[T1, T2, T3, T4, T5, T6]]: ...
@overload
def gather(
    *aws: _Aw[T], limit: int | None = ..., return_exceptions: Literal[False] = ...
) -> asyncio.Future[list[T]]: ...
@overload
def gather(
    *aws: _Aw[T], limit: int | None = ..., return_exceptions: bool
) -> asyncio.Future[list[T | BaseException]]: ...
def gather(*aws: Any, limit: int | None = None, return_exceptions: bool = False) -> Any:
    """asyncio.gather(), and with `limit` at most so many coroutines at a time.

    Without `limit` it is asyncio's. With it a task is returned, whose cancellation cancels all that
    was given. Coroutines run in `limit` tasks, one after another in each, each in the caller's
    context. Without `return_exceptions` the first exception is raised when the coroutines that were
    started have been cancelled and have ended; those that were not started are closed, and tasks
    and futures that were given go on. (asyncio's raises at once and lets all go on.)

    Raises TypeError for what cannot be awaited, ValueError for a limit below 1, RuntimeError with a
    limit when no loop runs.
    """
    if limit is None:
        return asyncio.gather(*aws, return_exceptions=return_exceptions)
    from .fanout._gather import gather as limited

    return limited(aws, limit, return_exceptions=return_exceptions)


@overload
def as_completed(
    fs: Iterable[_Aw[T]], *, limit: None = ..., timeout: float | None = ...
) -> _Iterator[T]: ...
@overload
def as_completed(
    fs: Iterable[_Aw[T]], *, limit: int, timeout: float | None = ...
) -> Completed[T]: ...
def as_completed(fs: Any, *, limit: int | None = None, timeout: float | None = None) -> Any:
    """asyncio.as_completed(), and with `limit` at most so many coroutines at a time.

    Without `limit` it is asyncio's. With it, the result can be iterated both ways on every version
    of Python: `async for future in ...` and `for coroutine in ...`. `timeout` is in seconds, from
    the first one that is awaited; when it is over, TimeoutError is raised, what was started is
    cancelled, and what was not is closed. The same when the loop is left early.
    """
    if limit is None:
        return asyncio.as_completed(fs, timeout=timeout)
    from .fanout._as_completed import Completed

    return Completed(fs, limit, timeout)
