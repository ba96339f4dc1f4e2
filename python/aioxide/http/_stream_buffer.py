"""The body of a response as it arrives.

The protocol of a connection feeds a StreamReader: feed_data() with bytes that are decoded already,
feed_eof() or set_exception() at the end, and, for a chunked body, begin_http_chunk_receiving()
before and end_http_chunk_receiving() after the data of each chunk. One task at a time reads.

    feed_data() --> _buffer, a queue of pieces --> read()
      over 2 x limit bytes: protocol.pause_reading()
      below limit bytes:    protocol.resume_reading()

The protocol is asked to resume only where it was asked to pause, and may feed again while it is
being asked: what is read changes before that call.

`total_bytes` counts what was fed; `_cursor` what was read; `_http_chunk_splits`, None for a body
that is not chunked, holds the ends of chunks as such counts, those that are not read past.
"""

from __future__ import annotations

import asyncio
import collections
import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

from aioxide.http._aiohttp import lookup
from aioxide.http._timer import TimerNoop

if TYPE_CHECKING:
    from collections.abc import Callable

    from aioxide.http._timer import BaseTimerContext

__all__ = [
    "DEFAULT_LIMIT",
    "NO_CAUSE",
    "FlowControl",
    "StreamBuffer",
    "call_at_eof",
]

DEFAULT_LIMIT: Final = 2**18
"""How much a response holds before it slows the peer down, in bytes: half of what makes it."""

# Pieces that read() joins at a time: a peer that sends bytes one by one must not make each of them
# an object of its own until the end.
_JOIN = 1024

NO_CAUSE: Any = BaseException()

_log = logging.getLogger("aiohttp.internal")


class FlowControl(Protocol):
    """What a StreamReader wants of the protocol that feeds it."""

    @property
    def connected(self) -> bool:
        """Whether more data can come. A read that would have to wait for it fails else."""

    def pause_reading(self) -> None:
        """Feed no more for now: what is there has not been read."""

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Feed again; `resume_parser` is False at the end of the body, where nothing is left."""


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


if TYPE_CHECKING:
    _Base = object
else:
    # Programs ask isinstance(body, aiohttp.StreamReader), and aiohttp itself does.
    _Base = lookup("streams", "StreamReader") or object

_SLOTS = (
    "_buffer",
    "_buffer_offset",
    "_cursor",
    "_eof",
    "_eof_callbacks",
    "_eof_counter",
    "_eof_waiter",
    "_exception",
    "_high_water",
    "_high_water_chunks",
    "_http_chunk_splits",
    "_loop",
    "_low_water",
    "_low_water_chunks",
    "_paused",
    "_protocol",
    "_size",
    "_timer",
    "_to_the_end",
    "_waiter",
    "total_bytes",
    "total_compressed_bytes",
)


class StreamBuffer(_Base):
    """What has arrived and was not read. A StreamReader is one, with the ways to read it."""

    __slots__ = tuple(name for name in _SLOTS if not hasattr(_Base, name))

    total_bytes: int
    """Bytes that were fed so far, after decoding."""

    total_compressed_bytes: int | None
    """Bytes of the body as they were sent, None where they are not encoded."""

    def __init__(
        self,
        protocol: FlowControl,
        limit: int,
        *,
        timer: BaseTimerContext | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Make one that holds up to about twice `limit` bytes; `timer` is the request's limit."""
        self._protocol = protocol
        self._loop = asyncio.get_event_loop() if loop is None else loop
        self._low_water = limit
        self._high_water = limit * 2
        # A chunk costs more than its bytes. At least 2 may be left over, or it would never resume.
        self._high_water_chunks = max(4, limit // 16)
        self._low_water_chunks = self._high_water_chunks // 2
        self._size = 0
        self._cursor = 0
        self._http_chunk_splits: collections.deque[int] | None = None
        self._buffer: collections.deque[bytes] = collections.deque()
        # How much of the first piece was read.
        self._buffer_offset = 0
        self._eof = False
        self._paused = False
        # Whether the waiter is read() and wants to know of the end only.
        self._to_the_end = False
        self._waiter: asyncio.Future[None] | None = None
        self._eof_waiter: asyncio.Future[None] | None = None
        self._exception: BaseException | None = None
        self._timer = TimerNoop() if timer is None else timer
        self._eof_callbacks: list[Callable[[], object]] = []
        self._eof_counter = 0
        self.total_bytes = 0
        self.total_compressed_bytes = None

    def __repr__(self) -> str:
        shown = [type(self).__name__]
        if self._size:
            shown.append(f"{self._size} bytes")
        if self._eof:
            shown.append("eof")
        if self._low_water != DEFAULT_LIMIT:
            shown.append(f"low={self._low_water} high={self._high_water}")
        if self._waiter:
            shown.append(f"w={self._waiter!r}")
        if self._exception:
            shown.append(f"e={self._exception!r}")
        return f"<{' '.join(shown)}>"

    # What feeds it

    def feed_data(self, data: bytes, size: int = 0) -> bool:
        """Add a piece of the body, not after the end. Returns False; `size` is not used."""
        assert not self._eof, "feed_data after feed_eof"
        if not data:
            return False
        length = len(data)
        self._size += length
        self.total_bytes += length
        self._buffer.append(data)
        waiter = self._waiter
        if waiter is not None and (not self._to_the_end or len(self._buffer) > _JOIN):
            self._waiter = None
            _wake(waiter)
        if self._size > self._high_water and not self._paused:
            self._pause()
        return False

    def feed_eof(self) -> None:
        """End the body: wake who waits, call what on_eof() was given, let the protocol go on."""
        self._eof = True
        for waiter in (self._waiter, self._eof_waiter):
            if waiter is not None:
                _wake(waiter)
        self._waiter = self._eof_waiter = None
        if self._paused:
            self._paused = False
            self._protocol.resume_reading(resume_parser=False)
        callbacks = self._eof_callbacks[:]
        self._eof_callbacks.clear()
        for callback in callbacks:
            call_at_eof(callback)

    def begin_http_chunk_receiving(self) -> None:
        """Tell that a chunk begins. Raises RuntimeError if data came before the first one."""
        if self._http_chunk_splits is None:
            if self.total_bytes:
                raise RuntimeError(
                    "Called begin_http_chunk_receiving when some data was already fed"
                )
            self._http_chunk_splits = collections.deque()

    def end_http_chunk_receiving(self) -> None:
        """Tell that the chunk is complete. Raises RuntimeError if none began."""
        splits = self._http_chunk_splits
        if splits is None:
            raise RuntimeError(
                "Called end_chunk_receiving without calling begin_chunk_receiving first"
            )
        # The data of a chunk may still be inside the decoder: then it ends nothing here.
        if self.total_bytes == (splits[-1] if splits else 0):
            return
        if self._to_the_end:
            # They will be read past.
            splits.clear()
            splits.append(self.total_bytes)
            return
        splits.append(self.total_bytes)
        if len(splits) > self._high_water_chunks and not self._paused:
            self._pause()
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            _wake(waiter)

    def set_exception(self, exc: BaseException, exc_cause: BaseException = NO_CAUSE) -> None:
        """End the body by an error, which every read raises from now on.

        `exc_cause` becomes its cause.
        """
        self._exception = exc
        self._eof_callbacks.clear()
        for waiter in (self._waiter, self._eof_waiter):
            if waiter is not None and not waiter.done():
                if exc_cause is not NO_CAUSE and exc_cause is not exc:
                    exc.__cause__ = exc_cause
                waiter.set_exception(exc)
        self._waiter = self._eof_waiter = None

    # What is known of it

    def exception(self) -> BaseException | None:
        """The error that ended the body."""
        return self._exception

    def is_eof(self) -> bool:
        """Whether all of the body has arrived."""
        return self._eof

    def at_eof(self) -> bool:
        """Whether all of the body has arrived and was read."""
        return self._eof and not self._buffer

    def on_eof(self, callback: Callable[[], object]) -> None:
        """Have a function called when all has arrived, at once if it has.

        Its exceptions are logged. An error ends the body without the call.
        """
        if self._eof:
            call_at_eof(callback)
        else:
            self._eof_callbacks.append(callback)

    async def wait_eof(self) -> None:
        """Wait until all has arrived, in one task at a time. Nothing is read."""
        if self._eof:
            return
        assert self._eof_waiter is None
        self._eof_waiter = self._loop.create_future()
        try:
            await self._eof_waiter
        finally:
            self._eof_waiter = None

    @property
    def total_raw_bytes(self) -> int:
        """Bytes of the body that arrived so far, as they were sent."""
        compressed = self.total_compressed_bytes
        return self.total_bytes if compressed is None else compressed

    def get_read_buffer_limits(self) -> tuple[int, int]:
        """(below how many bytes the peer is let go on, above how many it is slowed down)."""
        return (self._low_water, self._high_water)

    def set_read_chunk_size(self, n: int) -> None:
        """Hold at least `n` bytes: the size in which they are going to be read."""
        if n > self._low_water:
            self._low_water = n
            self._high_water = n * 2

    # How what has arrived is taken

    def _take_all(self) -> bytes:
        self._timer.assert_timeout()
        buffer = self._buffer
        if not buffer:
            return b""
        if self._buffer_offset:
            buffer[0] = buffer[0][self._buffer_offset :]
            self._buffer_offset = 0
        data = buffer[0] if len(buffer) == 1 else b"".join(buffer)
        buffer.clear()
        self._taken(len(data))
        return data

    def _take(self, n: int) -> bytes:
        self._timer.assert_timeout()
        pieces = []
        while self._buffer and n:
            piece = self._take_piece(n)
            pieces.append(piece)
            n -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _take_piece(self, n: int) -> bytes:
        """Take the first piece, or its first `n` bytes unless that is -1."""
        first = self._buffer[0]
        offset = self._buffer_offset
        if n != -1 and len(first) - offset > n:
            data = first[offset : offset + n]
            self._buffer_offset = offset + n
        else:
            self._buffer.popleft()
            data = first[offset:] if offset else first
            self._buffer_offset = 0
        self._taken(len(data))
        return data

    def _taken(self, n: int) -> None:
        self._size -= n
        self._cursor += n
        splits = self._http_chunk_splits
        if splits:
            cursor = self._cursor
            while splits and splits[0] < cursor:
                splits.popleft()
        if (
            self._paused
            and self._size < self._low_water
            and (splits is None or len(splits) < self._low_water_chunks)
        ):
            self._resume()

    def _pause(self) -> None:
        self._paused = True
        self._protocol.pause_reading()

    def _resume(self) -> None:
        self._paused = False
        self._protocol.resume_reading()

    def _unread(self, data: bytes) -> None:
        if not data:
            return
        if self._buffer_offset:
            self._buffer[0] = self._buffer[0][self._buffer_offset :]
            self._buffer_offset = 0
        self._size += len(data)
        self._cursor -= len(data)
        self._buffer.appendleft(data)
        self._eof_counter = 0


def call_at_eof(callback: Callable[[], object]) -> None:
    try:
        callback()
    except Exception:  # noqa: BLE001 - a mistake of the program's, which is logged
        _log.exception("Exception in eof callback")
