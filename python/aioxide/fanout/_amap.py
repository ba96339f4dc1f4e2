"""`amap()`: a function over many items, so many at a time, and all results at the end."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from ._call import call_of, label_of
from ._engine import Engine
from ._options import DEFAULT_LIMIT, Options
from ._progress import reporter
from ._result import Result
from ._source import Source

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
    from concurrent.futures import Executor

    from ._limiter import Limiter
    from ._options import LimitLike, OnError
    from ._progress import ProgressLike
    from ._rate import RateLike
    from ._retry import Retry

__all__ = ["amap"]

T = TypeVar("T")
R = TypeVar("R")

_MISSING: Any = object()


@overload
async def amap(
    fn: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: LimitLike = ...,
    rate: RateLike | Limiter | Callable[[T], Limiter] | None = ...,
    retry: Retry | int | None = ...,
    timeout: float | None = ...,
    on_error: Literal["raise", "skip"] = ...,
    max_errors: int | None = ...,
    progress: ProgressLike = ...,
    ordered: bool = ...,
    executor: None = ...,
) -> list[R]: ...
@overload
async def amap(
    fn: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: LimitLike = ...,
    rate: RateLike | Limiter | Callable[[T], Limiter] | None = ...,
    retry: Retry | int | None = ...,
    timeout: float | None = ...,
    on_error: Literal["collect"],
    max_errors: int | None = ...,
    progress: ProgressLike = ...,
    ordered: bool = ...,
    executor: None = ...,
) -> list[Result[T, R]]: ...
@overload
async def amap(
    fn: Callable[[T], R],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: LimitLike = ...,
    rate: RateLike | Limiter | Callable[[T], Limiter] | None = ...,
    retry: Retry | int | None = ...,
    timeout: float | None = ...,
    on_error: Literal["raise", "skip"] = ...,
    max_errors: int | None = ...,
    progress: ProgressLike = ...,
    ordered: bool = ...,
    executor: Executor | Any,
) -> list[R]: ...
@overload
async def amap(
    fn: Callable[[T], R],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: LimitLike = ...,
    rate: RateLike | Limiter | Callable[[T], Limiter] | None = ...,
    retry: Retry | int | None = ...,
    timeout: float | None = ...,
    on_error: Literal["collect"],
    max_errors: int | None = ...,
    progress: ProgressLike = ...,
    ordered: bool = ...,
    executor: Executor | Any,
) -> list[Result[T, R]]: ...
async def amap(
    fn: Callable[[T], Any],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: LimitLike = DEFAULT_LIMIT,
    rate: RateLike | Limiter | Callable[[T], Limiter] | None = None,
    retry: Retry | int | None = None,
    timeout: float | None = None,
    on_error: OnError = "raise",
    max_errors: int | None = None,
    progress: ProgressLike = None,
    ordered: bool = True,
    executor: Executor | Any | None = None,
) -> list[Any]:
    """Await fn(item) for every item, at most `limit` at a time, and return the results.

    - `fn`: an async function of one item; a plain one if `executor` is given, which then runs it:
      a concurrent.futures.Executor or a distributed.Client.
    - `items`: an iterable or an asynchronous one. It is asked for an item only when there is room,
      so it may be endless or larger than the memory. An asynchronous generator that is not needed
      to its end is closed.
    - `limit`: a number; or "auto" (or an AutoLimit), which follows errors, the time that calls take
      and the lag of the loop.
    - `rate`: how many calls may begin in which time, as "100/min", (100, 60) or a number a second;
      or a Limiter, which may be shared; or a function from the item to a Limiter.
    - `retry`: a Retry, or a number of attempts. Each attempt takes a turn of the limiter.
    - `timeout`: the seconds that one attempt may take, without the wait for its turn; then it is
      cancelled, and fails with TimeoutError.
    - `on_error`: what happens when a call fails, after its last attempt. "raise": nothing new
      begins, what is under way is cancelled, and FanOutError is raised. "skip": its result is left
      out. "collect": the list has a Result for each item, with value or error.
    - `max_errors`: with "skip" and "collect", so many calls may fail; one more is as "raise".
    - `progress`: True for a bar on standard error, or a line every ten seconds if that is no
      terminal; or a function of a Progress, called ten times a second at most. An exception of it
      goes to the loop's exception handler, and the calls go on without.
    - `ordered`: the results are in the order of the items, else in that in which they came.

    Raises FanOutError, an ExceptionGroup, with the results so far in `results`; the same when
    `items` fails, with "skip" and "collect" after what is under way. Raises TypeError and
    ValueError for arguments that make no sense. When it is cancelled, so is everything that it
    started, and it ends when that has ended.

    The calls of one of the `limit` workers run one after another in the same task, each in the
    context of the caller.
    """
    options = Options(limit, rate, retry, timeout, on_error, max_errors)
    call = call_of(fn, executor)
    source = Source(items)
    throttle = options.throttle()
    attempts = options.attempts(call, throttle)
    kind: type[Collected] = Collected if on_error == "collect" else Values
    sink = kind(ordered=ordered)
    engine = Engine(call, source, sink, options, f"amap({label_of(fn)})", attempts, throttle)
    engine.reporter = reporter(progress, engine)
    try:
        engine.start()
        await engine.join()
        engine.check()
        return sink.list()
    finally:
        # A traceback that holds this frame would hold the engine, and that the traceback.
        del engine


class Collected:
    """A Result for each item."""

    __slots__ = ("_gaps", "_kept", "_order", "_ordered")

    def __init__(self, *, ordered: bool) -> None:
        self._ordered = ordered
        self._kept: list[Any] = []
        # Some have no result.
        self._gaps = False
        # The indices of what is kept in the order in which it came.
        self._order = array("q")

    def begin(self, index: int) -> None:
        if self._ordered:
            self._kept.append(_MISSING)

    def keep(self, index: int, item: Any, value: Any, attempts: int) -> None:
        self._put(index, Result(index, item, value, None, attempts))

    def fail(self, failure: Result[Any, Any]) -> None:
        self._put(failure.index, failure)

    def _put(self, index: int, value: Any) -> None:
        if self._ordered:
            self._kept[index] = value
        else:
            self._kept.append(value)
            self._order.append(index)

    def skip(self, index: int) -> None:
        self._gaps = True

    def finish(self) -> None:
        pass

    def list(self) -> list[Any]:
        """What there is in the end. It is forgotten here."""
        kept, self._kept = self._kept, []
        # A copy takes as much memory again.
        return [one for one in kept if one is not _MISSING] if self._gaps else kept

    def results(self) -> dict[int, Any]:
        kept, self._kept = self._kept, []
        pairs: Any = enumerate(kept) if self._ordered else zip(self._order, kept, strict=True)
        return {index: value for index, value in pairs if value is not _MISSING}


class Values(Collected):
    """The values of the calls that succeed."""

    __slots__ = ()

    def keep(self, index: int, item: Any, value: Any, attempts: int) -> None:
        self._put(index, value)
