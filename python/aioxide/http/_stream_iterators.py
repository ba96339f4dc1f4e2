"""Asynchronous iterators over a StreamReader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from aioxide.http._aiohttp import shared

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aioxide.http._stream_reader import StreamReader

__all__ = ["AsyncStreamIterator", "ChunkTupleAsyncStreamIterator", "EofStream"]

_T = TypeVar("_T")


@shared("streams")
class EofStream(Exception):
    """There is nothing more to read."""


class AsyncStreamIterator(Generic[_T]):
    """Calls a function again and again, until it returns b"" or raises EofStream."""

    __slots__ = ("read_func",)

    def __init__(self, read_func: Callable[[], Awaitable[_T]]) -> None:
        self.read_func = read_func

    def __aiter__(self) -> AsyncStreamIterator[_T]:
        return self

    async def __anext__(self) -> _T:
        try:
            value = await self.read_func()
        except EofStream:
            raise StopAsyncIteration from None
        if value == b"":
            raise StopAsyncIteration
        return value


class ChunkTupleAsyncStreamIterator:
    """Calls readchunk() until the end of the body."""

    __slots__ = ("_stream",)

    def __init__(self, stream: StreamReader) -> None:
        self._stream = stream

    def __aiter__(self) -> ChunkTupleAsyncStreamIterator:
        return self

    async def __anext__(self) -> tuple[bytes, bool]:
        chunk = await self._stream.readchunk()
        if chunk == (b"", False):
            raise StopAsyncIteration
        return chunk
