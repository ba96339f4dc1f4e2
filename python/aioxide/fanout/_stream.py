"""`stream()`: a function over many items, so many at a time, and each result as it comes."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from ._call import call_of, label_of
from ._engine import Engine
from ._options import DEFAULT_LIMIT, Options
from ._progress import reporter
from ._result import Result
from ._source import Source

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
    from concurrent.futures import Executor
    from types import TracebackType

    from ._limiter import Limiter
    from ._options import LimitLike, OnError
    from ._progress import ProgressLike
    from ._rate import RateLike
    from ._retry import Retry

__all__ = ["Buffer", "Stream", "stream"]

T = TypeVar("T")
R = TypeVar("R")

# Results that may wait to be taken, for each call that may be under way.
_WAITING = 1


@overload
def stream(
    fn: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: LimitLike = ...,
    rate: RateLike | Limiter | Callable[[T], Limiter] | None = ...,
    retry: Retry | int | None = ...,
    timeout: float | None = ...,
    on_error: OnError = ...,
    max_errors: int | None = ...,
    progress: ProgressLike = ...,
    ordered: bool = ...,
    executor: None = ...,
) -> Stream[T, R]: ...
@overload
def stream(
    fn: Callable[[T], R],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: LimitLike = ...,
    rate: RateLike | Limiter | Callable[[T], Limiter] | None = ...,
    retry: Retry | int | None = ...,
    timeout: float | None = ...,
    on_error: OnError = ...,
    max_errors: int | None = ...,
    progress: ProgressLike = ...,
    ordered: bool = ...,
    executor: Executor | Any,
) -> Stream[T, R]: ...
def stream(
    fn: Callable[[T], Any],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: LimitLike = DEFAULT_LIMIT,
    rate: RateLike | Limiter | Callable[[T], Limiter] | None = None,
    retry: Retry | int | None = None,
    timeout: float | None = None,
    on_error: OnError = "collect",
    max_errors: int | None = None,
    progress: ProgressLike = None,
    ordered: bool = False,
    executor: Executor | Any | None = None,
) -> Stream[T, Any]:
    """Await fn(item) for every item, at most `limit` at a time, and give each Result as it comes.

        async for result in aioxide.stream(fetch, urls, limit=20):
            print(result.item, result.error or result.value)

    The arguments are those of `amap()`, but `on_error` is "collect" unless it is given: a call that
    fails gives a Result with an error. "skip" gives none for it. With "raise" the results that came
    before are given, and then FanOutError is raised.

    Nothing begins before the first result is asked for. The source is asked for an item only when
    there is room: `limit` calls may be under way, and as many results wait to be taken. With
    `ordered` the results are in the order of the items.

    Leaving `async with stream(...) as results` ends what is under way and waits for it, and so does
    `await results.aclose()`. A loop that is left by `break` without either cancels it when the
    stream is dropped, at once in CPython if nothing else holds it; it then ends by itself.

    Raises TypeError and ValueError for arguments that make no sense.
    """
    options = Options(limit, rate, retry, timeout, on_error, max_errors)
    call = call_of(fn, executor)
    source = Source(items)
    throttle = options.throttle()
    attempts = options.attempts(call, throttle)
    buffer = Buffer(ordered=ordered)
    label = f"stream({label_of(fn)})"
    engine = Engine(call, source, buffer, options, label, attempts, throttle, _WAITING)
    engine.reporter = reporter(progress, engine)
    return Stream(engine, buffer)


class Buffer:
    """Results that wait to be taken. The workers know it, and it knows nobody."""

    __slots__ = ("_apart", "_arrival", "_closed", "_next", "_ready", "finished")

    def __init__(self, *, ordered: bool) -> None:
        self._ready: deque[Result[Any, Any]] = deque()
        #: Those that came before their turn, by index; None where the order does not matter.
        self._apart: dict[int, Result[Any, Any] | None] | None = {} if ordered else None
        self._next = 0
        #: Whoever waits for a result.
        self._arrival: asyncio.Future[None] | None = None
        #: There will be no more.
        self.finished = False
        self._closed = False

    def begin(self, index: int) -> None:
        pass

    def keep(self, index: int, item: Any, value: Any, attempts: int) -> None:
        self._put(index, Result(index, item, value, None, attempts))

    def fail(self, failure: Result[Any, Any]) -> None:
        self._put(failure.index, failure)

    def skip(self, index: int) -> None:
        self._put(index, None)

    def _put(self, index: int, result: Result[Any, Any] | None) -> None:
        apart = self._apart
        if apart is None:
            self._add(result)
            return
        apart[index] = result
        while self._next in apart:
            self._add(apart.pop(self._next))
            self._next += 1

    def _add(self, result: Result[Any, Any] | None) -> None:
        if result is not None and not self._closed:
            self._ready.append(result)
            self._tell()

    def close(self) -> None:
        """Nobody will take anything any more. What there is is dropped, and what comes."""
        self._closed = True
        # The traceback of an error has a worker's frame, which has the engine and so this buffer.
        self._ready.clear()

    def finish(self) -> None:
        self.finished = True
        # After a failure there are gaps.
        for index in sorted(self._apart or ()):
            assert self._apart is not None
            self._add(self._apart.pop(index))
        self._tell()

    def _tell(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    async def get(self) -> Result[Any, Any] | None:
        """The next result; None if there will be no more. Cancelling it loses no result.

        Raises RuntimeError while another task waits.
        """
        if self._arrival is not None:
            raise RuntimeError("another task waits for the next result already")
        while not self._ready:
            if self.finished:
                return None
            self._arrival = asyncio.get_running_loop().create_future()
            try:
                await self._arrival
            finally:
                self._arrival = None
        return self._ready.popleft()

    def results(self) -> dict[int, Any]:
        return {one.index: one for one in self._ready}


class Stream(Generic[T, R]):
    """The results of `stream()`: an asynchronous iterator, to be used once, by one task."""

    __slots__ = ("__weakref__", "_buffer", "_checked", "_engine", "_loop")

    def __init__(self, engine: Engine, buffer: Buffer) -> None:
        self._engine = engine
        self._buffer = buffer
        self._checked = False
        #: Where it runs; None before it does.
        self._loop: asyncio.AbstractEventLoop | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Result[T, R]:
        """The next result. Raises FanOutError where a failure ends the stream.

        Cancelling it loses no result.
        """
        if self._loop is None and not self._checked:
            self._start()
        result = await self._buffer.get()
        if result is not None:
            self._engine.take()
            return result
        if not self._checked:
            self._checked = True
            await self._engine.join()
            self._engine.check()
        raise StopAsyncIteration

    def _start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._engine.start()

    async def aclose(self) -> None:
        """End what is under way and wait for it. Results that were not taken are lost.

        If this is cancelled, it waits all the same.
        """
        self._checked = True
        self._buffer.close()
        if self._loop is None:
            self._buffer.finish()
        else:
            self._engine.halt()
            await self._engine.join()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        loop = self._loop
        if loop is None:
            return
        self._buffer.close()
        if not self._buffer.finished:
            # The loop is closed, and so is what it ran.
            with contextlib.suppress(RuntimeError):
                # It may be another thread that collects, or a worker that drops the last reference.
                loop.call_soon_threadsafe(self._engine.abandon)
