"""`StreamReader`: the ways to read a body as it arrives (`_stream_buffer.py`)."""

from __future__ import annotations

import asyncio
import logging
import sys
import warnings

from aioxide.http._errors import LineTooLong
from aioxide.http._stream_buffer import StreamBuffer
from aioxide.http._stream_iterators import AsyncStreamIterator, ChunkTupleAsyncStreamIterator

__all__ = ["StreamReader"]

# Smaller pieces are copied out of larger ones: each that is fed is a call of feed_data().
_LEAST_CUT = 16 * 1024
# Reads at the end of the body after which a warning is logged: it looks like an endless loop.
_READS_AT_EOF = 5

_log = logging.getLogger("aiohttp.internal")


class StreamReader(StreamBuffer):
    """The body of a response.

        async for line in reader: ...
        async for piece in reader.iter_chunked(1024): ...
        async for piece in reader.iter_any(): ...
        async for piece, end_of_chunk in reader.iter_chunks(): ...

    Every read raises what set_exception() was given; TimeoutError when the request's limit is over;
    and RuntimeError where another task is waiting in a read, or where it would have to wait for a
    connection that is closed. A read may be cancelled: what arrived is there for the next one.
    """

    __slots__ = ()

    def __aiter__(self) -> AsyncStreamIterator[bytes]:
        """Iterate over lines."""
        return AsyncStreamIterator(self.readline)

    def iter_chunked(self, n: int) -> AsyncStreamIterator[bytes]:
        """Iterate over pieces of up to `n` bytes."""
        self.set_read_chunk_size(n)
        if n >= _LEAST_CUT:
            cut = getattr(self._protocol, "cut", None)
            if cut is not None:
                cut(min(n, sys.maxsize))
        return AsyncStreamIterator(lambda: self.read(n))

    def iter_any(self) -> AsyncStreamIterator[bytes]:
        """Iterate over what has arrived, whatever its size."""
        return AsyncStreamIterator(self.readany)

    def iter_chunks(self) -> ChunkTupleAsyncStreamIterator:
        """Iterate over (data, end of an HTTP chunk), as readchunk() returns them."""
        return ChunkTupleAsyncStreamIterator(self)

    async def read(self, n: int = -1) -> bytes:
        """Read up to `n` bytes, or all of the body if that is negative. b"" at the end."""
        if self._exception is not None:
            raise self._exception
        if self._eof and not self._buffer:
            self._note_read_at_eof()
        if not n:
            return b""
        if n < 0:
            if self._eof:
                return self._take_all()
            return await self._read_to_the_end()
        self.set_read_chunk_size(n)
        while not self._buffer and not self._eof:
            await self._wait("read")
        return self._take(n)

    async def readany(self) -> bytes:
        """Read what has arrived, at least a byte. b"" at the end."""
        if self._exception is not None:
            raise self._exception
        while not self._buffer and not self._eof:
            await self._wait("readany")
        return self._take_all()

    async def readline(self, *, max_line_length: int | None = None) -> bytes:
        """Read a line with its end, or the rest of the body if that has none.

        Raises LineTooLong for one of more than `max_line_length` bytes, by default the upper limit.
        """
        return await self.readuntil(max_size=max_line_length)

    async def readuntil(self, separator: bytes = b"\n", *, max_size: int | None = None) -> bytes:
        """Read up to and with a separator, or the rest of the body if that has none.

        Raises LineTooLong for more than `max_size` bytes, by default the upper limit, and
        ValueError for an empty separator.
        """
        if not separator:
            raise ValueError("Separator should be at least one-byte string")
        if self._exception is not None:
            raise self._exception
        limit = max_size or self._high_water
        found = False
        line = bytearray()
        while not found:
            while self._buffer and not found:
                n = self._end_of_separator(separator, line)
                found = n != -1
                line += self._take_piece(n)
                if len(line) > limit:
                    raise LineTooLong(bytes(line[:100]) + b"...", limit)
            if self._eof:
                break
            if not found:
                await self._wait("readuntil", line)
        return bytes(line)

    def _end_of_separator(self, separator: bytes, before: bytearray) -> int:
        """How many bytes of the first piece there are to the separator's end, -1 if it has none.

        `before` is what was read before it: the separator may begin there.
        """
        piece = self._buffer[0]
        offset = self._buffer_offset
        spread = len(separator) - 1
        if before and spread:
            tail = bytes(before[-spread:])
            at = (tail + piece[offset : offset + spread]).find(separator)
            if at != -1:
                return at + len(separator) - len(tail)
        at = piece.find(separator, offset)
        return -1 if at == -1 else at - offset + len(separator)

    async def readexactly(self, n: int) -> bytes:
        """Read `n` bytes. Raises asyncio.IncompleteReadError with the rest, if that is shorter."""
        if self._exception is not None:
            raise self._exception
        pieces: list[bytes] = []
        missing = n
        while missing > 0:
            try:
                piece = await self.read(missing)
            except BaseException:
                self._unread(b"".join(pieces))
                raise
            if not piece:
                partial = b"".join(pieces)
                raise asyncio.IncompleteReadError(partial, n)
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    async def readchunk(self) -> tuple[bytes, bool]:
        """Read what has arrived of an HTTP chunk: (data, whether the chunk ends with it).

        The second is always False for a body that is not chunked. (b"", False) is the end of the
        body, (b"", True) the end of a chunk whose data was read before.
        """
        while True:
            if self._exception is not None:
                raise self._exception
            while self._http_chunk_splits:
                end = self._http_chunk_splits.popleft()
                if end == self._cursor:
                    return (b"", True)
                if end > self._cursor:
                    return (self._take(end - self._cursor), True)
                _log.warning(
                    "Skipping HTTP chunk end due to data consumption beyond chunk boundary"
                )
            if self._buffer:
                return (self._take_piece(-1), False)
            if self._eof:
                return (b"", False)
            await self._wait("readchunk")

    def read_nowait(self, n: int = -1) -> bytes:
        """Read up to `n` bytes of what has arrived, or all of it. b"" if there is nothing.

        Raises RuntimeError while a task waits in a read.
        """
        if self._exception is not None:
            raise self._exception
        if self._waiter and not self._waiter.done():
            raise RuntimeError("Called while some coroutine is waiting for incoming data.")
        return self._take_all() if n < 0 else self._take(n)

    def unread_data(self, data: bytes) -> None:
        """Put data back in front of what is to be read. Deprecated, and warns."""
        warnings.warn(
            "unread_data() is deprecated and will be removed in future releases (#3260)",
            DeprecationWarning,
            stacklevel=2,
        )
        self._unread(data)

    # How it waits

    async def _wait(self, name: str, taken: bytearray | None = None) -> None:
        """Wait for data or the end; `taken` is put back if that fails."""
        if self._exception is not None:
            raise self._exception
        if not self._protocol.connected:
            raise RuntimeError("Connection closed.")
        if self._waiter is not None:
            raise RuntimeError(
                f"{name}() called while another coroutine is already waiting for incoming data"
            )
        waiter = self._waiter = self._loop.create_future()
        try:
            with self._timer:
                await waiter
        except BaseException:
            if taken:
                self._unread(bytes(taken))
            raise
        finally:
            self._waiter = None

    async def _read_to_the_end(self) -> bytes:
        """read() of a body that is still arriving: woken at its end, not for every piece."""
        self.set_read_chunk_size(sys.maxsize)
        taken: list[bytes] = []
        try:
            while True:
                if self._buffer:
                    taken.append(self._take_all())
                if self._eof and not self._buffer:
                    return taken[0] if len(taken) == 1 else b"".join(taken)
                if self._paused:
                    self._resume()  # which may feed all that is missing
                    continue
                self._to_the_end = True
                try:
                    await self._wait("read")
                finally:
                    self._to_the_end = False
        except BaseException:
            for piece in reversed(taken):
                self._unread(piece)
            raise

    def _note_read_at_eof(self) -> None:
        self._eof_counter += 1
        if self._eof_counter > _READS_AT_EOF:
            _log.warning(
                "Multiple access to StreamReader in eof state, might be infinite loop.",
                stack_info=True,
            )
