"""Streams: a response's body as it arrives, and queues of what is no bytes."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Generic, TypeVar

from aioxide.http._stream_buffer import DEFAULT_LIMIT, NO_CAUSE, FlowControl
from aioxide.http._stream_empty import EMPTY_PAYLOAD, EmptyStreamReader
from aioxide.http._stream_iterators import (
    AsyncStreamIterator,
    ChunkTupleAsyncStreamIterator,
    EofStream,
)
from aioxide.http._stream_reader import StreamReader

if TYPE_CHECKING:
    import asyncio

__all__ = [
    "DEFAULT_LIMIT",
    "EMPTY_PAYLOAD",
    "AsyncStreamIterator",
    "ChunkTupleAsyncStreamIterator",
    "DataQueue",
    "EmptyStreamReader",
    "EofStream",
    "FlowControl",
    "FlowControlDataQueue",
    "StreamReader",
]

_T = TypeVar("_T")


class DataQueue(Generic[_T]):
    """What was fed, in order, for one reader. After the end, a read raises EofStream."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._eof = False
        self._waiter: asyncio.Future[None] | None = None
        self._exception: BaseException | None = None
        self._buffer: collections.deque[tuple[_T, int]] = collections.deque()

    def __len__(self) -> int:
        return len(self._buffer)

    def is_eof(self) -> bool:
        """Whether the end or an error was fed."""
        return self._eof

    def at_eof(self) -> bool:
        """Whether it was fed, and all was read."""
        return self._eof and not self._buffer

    def exception(self) -> BaseException | None:
        """The error that was fed."""
        return self._exception

    def set_exception(self, exc: BaseException, exc_cause: BaseException = NO_CAUSE) -> None:
        """End with an error, which reads raise once the rest was read."""
        self._eof = True
        self._exception = exc
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                if exc_cause is not NO_CAUSE and exc_cause is not exc:
                    exc.__cause__ = exc_cause
                waiter.set_exception(exc)

    def feed_data(self, data: _T, size: int = 0) -> None:
        """Add one."""
        self._buffer.append((data, size))
        self._wake()

    def feed_eof(self) -> None:
        """End."""
        self._eof = True
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    async def _wait(self) -> None:
        assert self._waiter is None
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def read(self) -> _T:
        """Take the next one, or wait for it. May be cancelled."""
        if not self._buffer and not self._eof:
            await self._wait()
        if self._buffer:
            data, size = self._buffer.popleft()
            self._taken(size)
            return data
        if self._exception is not None:
            raise self._exception
        raise EofStream

    def _taken(self, size: int) -> None:
        """Hear that one of `size` was taken."""

    def __aiter__(self) -> AsyncStreamIterator[_T]:
        return AsyncStreamIterator(self.read)


class FlowControlDataQueue(DataQueue[_T]):
    """A queue that pauses the protocol above 2 x limit, by the sizes fed, and resumes it below."""

    def __init__(
        self, protocol: FlowControl, limit: int, *, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(loop=loop)
        self._size = 0
        self._paused = False
        self._protocol = protocol
        self._limit = limit * 2

    def feed_data(self, data: _T, size: int = 0) -> None:
        """Add one of `size` bytes."""
        super().feed_data(data, size)
        self._size += size
        if self._size > self._limit and not self._paused:
            self._paused = True
            self._protocol.pause_reading()

    def _taken(self, size: int) -> None:
        self._size -= size
        if self._size < self._limit and self._paused:
            self._paused = False
            self._protocol.resume_reading()
