"""Bodies that come piece by piece: asynchronous iterators, and another body as it arrives."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Any

from aioxide.http._payload_base import Payload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aioxide.http._payload_base import PayloadWriter

__all__ = ["AsyncIterablePayload", "StreamReaderPayload"]


class AsyncIterablePayload(Payload):
    """What an asynchronous iterable of bytes gives. Raises TypeError for what is none.

    It can be written once; after as_bytes(), which keeps the pieces, again and again.
    """

    _iter: AsyncIterator[bytes] | None = None
    _value: AsyncIterable[bytes]
    _cached_chunks: list[bytes] | None = None
    _autoclose = True

    def __init__(self, value: AsyncIterable[bytes], *args: Any, **kwargs: Any) -> None:
        # What a caller without types can give.
        given: object = value
        if not isinstance(given, AsyncIterable):
            raise TypeError(
                "value argument must support collections.abc.AsyncIterable interface, "
                f"got {type(value)!r}"
            )
        kwargs.setdefault("content_type", "application/octet-stream")
        super().__init__(value, *args, **kwargs)
        self._iter = value.__aiter__()

    async def write(self, writer: PayloadWriter) -> None:
        """Write all of it. May be cancelled; it is consumed then."""
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: PayloadWriter, content_length: int | None) -> None:
        """Write up to `content_length` bytes of it, all if that is None.

        The iterator is run to its end all the same: it may hold something that its end closes. May
        be cancelled; it is consumed then.
        """
        left = content_length
        if self._cached_chunks is not None:
            for chunk in self._cached_chunks:
                left = await _write_part(writer, chunk, left)
            return
        iterator = self._iter
        if iterator is None:
            return
        # From the first step on, what is left of it is not what it was.
        self._consumed = True
        async for chunk in iterator:
            left = await _write_part(writer, chunk, left)
        self._iter = None

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """What as_bytes() kept, as text. Raises TypeError before that."""
        if self._cached_chunks is None:
            raise TypeError("Unable to decode - content not cached. Call as_bytes() first.")
        return b"".join(self._cached_chunks).decode(encoding, errors)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """All of it, which is kept. b"" if it was written before."""
        if self._cached_chunks is None:
            iterator = self._iter
            if iterator is None:
                return b""
            chunks = [chunk async for chunk in iterator]
            self._iter = None
            self._cached_chunks = chunks
        return b"".join(self._cached_chunks)


async def _write_part(writer: PayloadWriter, chunk: bytes, left: int | None) -> int | None:
    """Write up to `left` bytes of it, and return what is left of that."""
    if left is None:
        await writer.write(chunk)
        return None
    if left > 0:
        await writer.write(chunk[:left])
    return left - len(chunk)


class StreamReaderPayload(AsyncIterablePayload):
    """The rest of a body that is being received, as its pieces arrive."""

    def __init__(self, value: Any, *args: Any, **kwargs: Any) -> None:
        """Make one of a StreamReader."""
        super().__init__(value.iter_any(), *args, **kwargs)
