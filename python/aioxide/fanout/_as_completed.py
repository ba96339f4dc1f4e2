"""`as_completed(..., limit=N)`."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from ._awaitables import Awaitables, call
from ._engine import Engine
from ._gather import exception_of
from ._options import Options
from ._source import Source
from ._stream import Buffer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Iterable

__all__ = ["Completed"]

T = TypeVar("T")


class Completed(Generic[T]):
    """What `aioxide.as_completed(..., limit=N)` returns, to be used once, by one task.

    `async for future in ...` gives futures that are done, those that were given as they are; `for
    coroutine in ...` gives coroutines, each of which waits for the next result. The first one that
    is awaited starts the first `limit` coroutines.

    Leaving the loop early, dropping it, `aclose()` and the timeout cancel the coroutines that were
    started, and close the others; tasks and futures that were given go on.
    """

    __slots__ = ("__weakref__", "_buffer", "_deadline", "_engine", "_given", "_left", "_loop")

    def __init__(self, aws: Iterable[Awaitable[T]], limit: int, timeout: float | None) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._given = given = Awaitables(aws, limit)
        self._buffer = Buffer(ordered=False)
        # Results are few: each is an awaitable that is there already.
        self._engine = Engine(
            call,
            Source(given.distinct),
            self._buffer,
            Options(limit, on_error="collect"),
            "as_completed",
        )
        self._left = len(given.distinct)
        self._deadline = timeout

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Coroutine[Any, Any, T]:
        if self._left <= 0:
            raise StopIteration
        self._left -= 1
        return self._result()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> asyncio.Future[T]:
        """The next one that is done. Raises TimeoutError when the time is over."""
        if self._left <= 0:
            raise StopAsyncIteration
        self._left -= 1
        return await self._future()

    async def _result(self) -> T:
        return await (await self._future())

    async def _future(self) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
            if self._deadline is not None:
                self._deadline += loop.time()
            self._engine.start()
        try:
            async with asyncio.timeout_at(self._deadline):
                result = await self._buffer.get()
        except TimeoutError:
            self._left = 0
            await self.aclose()
            raise
        if result is None:
            # It was closed meanwhile.
            raise asyncio.CancelledError
        self._engine.take()
        if asyncio.isfuture(result.item):
            return result.item
        future: asyncio.Future[T] = loop.create_future()
        if result.error is None:
            future.set_result(result.unwrap())
        elif isinstance(error := exception_of(result.error), asyncio.CancelledError):
            future.cancel()
        else:
            future.set_exception(error)
        return future

    async def aclose(self) -> None:
        """Cancel what was started, wait for it, and close the rest."""
        self._left = 0
        self._buffer.close()
        try:
            if self._loop is None:
                self._buffer.finish()
            else:
                self._engine.halt()
                await self._engine.join()
        finally:
            self._given.close()

    def __del__(self) -> None:
        loop = self._loop
        if loop is None:
            # It may have been refused, and then there is nothing.
            if (given := getattr(self, "_given", None)) is not None:
                given.close()
            return
        self._buffer.close()
        if not self._buffer.finished:
            # The loop is closed, and so is what it ran.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(abandon, self._engine, self._given)


def abandon(engine: Engine, given: Awaitables) -> None:
    """Cancel what was started, and close the rest."""
    engine.halt()
    given.close()
