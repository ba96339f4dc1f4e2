"""`RequestWriter`: what a payload writes a request's body to."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multidict import CIMultiDict

    from aioxide import _aioxide

#: From this size on a payload waits for room before it goes on.
LIMIT = 64 * 1024

ChunkSent = Callable[[bytes], Awaitable[None]]


class RequestWriter:
    """Frames, and if asked compresses, the body of one request; aiohttp's `AbstractStreamWriter`.

    The head has gone out before, or is given to go out with the first piece, in one system call.
    """

    def __init__(
        self,
        connection: _aioxide.HttpConnection,
        body: _aioxide.RequestBody,
        on_chunk_sent: ChunkSent | None = None,
        compress: str | None = None,
        head: bytes | None = None,
    ) -> None:
        self._connection = connection
        self._body = body
        self._on_chunk_sent = on_chunk_sent
        self._compressor = _compressor(compress)
        self._head = head
        self._since_drain = 0
        self._eof = False
        self.output_size = 0
        self.length: int | None = None
        #: Called with the length of each piece, and what has been sent by then.
        self.on_body_write: Callable[[int, int], None] | None = None

    @property
    def transport(self) -> Any:
        """The connection's transport, None when it is closed."""
        return self._connection.transport

    @property
    def buffer_size(self) -> int:
        """What is written, and has not been drained."""
        return self._since_drain

    def enable_chunking(self) -> None:
        """The framing is decided by the request's headers: nothing is left to do."""

    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None:
        """Compress what is written from now on."""
        self._compressor = _compressor(encoding)

    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None:
        """The head is made with the request: nothing is left to do."""

    def send_headers(self) -> None:
        """The head has gone out: nothing is left to do."""

    def _send(self, pieces: list[Any]) -> None:
        self.output_size += sum(map(len, pieces))
        if self._head is not None:
            pieces = [self._head, *pieces]
            self._head = None
        self._connection.writelines(pieces)

    async def write(
        self,
        chunk: bytes | bytearray | memoryview,
        *,
        drain: bool = True,
        LIMIT: int = LIMIT,  # noqa: N803 - aiohttp's name
    ) -> None:
        """Send a piece of the body, framed.

        Waits for room when much was written. Raises ClientConnectionResetError when the connection
        has ended, ValueError when the body is longer than announced.
        """
        if isinstance(chunk, memoryview) and (chunk.itemsize != 1 or chunk.ndim != 1):
            chunk = chunk.cast("B")
        if self._on_chunk_sent is not None:
            await self._on_chunk_sent(bytes(chunk))
        given = len(chunk)
        if self.length is not None:
            if given > self.length:
                chunk = chunk[: self.length]
            self.length -= len(chunk)
        if self._compressor is not None:
            chunk = self._compressor.compress(chunk)
        if chunk:
            self._send(self._body.frame(chunk))
        self._since_drain += given
        if self.on_body_write is not None and given:
            self.on_body_write(given, self.output_size)
        if drain and self._since_drain > LIMIT:
            self._since_drain = 0
            await self.drain()

    def set_eof(self) -> None:
        """Nothing more is written."""
        self._eof = True

    async def write_eof(self, chunk: bytes = b"") -> None:
        """Send a last piece, and what ends the body."""
        if self._eof:
            return
        if chunk and self._on_chunk_sent is not None:
            await self._on_chunk_sent(chunk)
        data: bytes = chunk
        if self._compressor is not None:
            data = (self._compressor.compress(chunk) if chunk else b"") + self._compressor.flush()
        pieces = self._body.frame(data) if data else []
        end = self._body.finish()
        if end:
            pieces.append(end)
        self._eof = True
        if pieces or self._head is not None:
            self._send(pieces)
        if self.on_body_write is not None and chunk:
            self.on_body_write(len(chunk), self.output_size)
        await self.drain()

    async def drain(self) -> None:
        """Wait until the transport takes more. Raises what ended the connection."""
        waiter = self._connection.drain_waiter()
        if waiter is not None:
            await waiter


def _compressor(encoding: str | None) -> Any:
    if not encoding:
        return None
    if encoding == "gzip":
        return zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    return zlib.compressobj(wbits=zlib.MAX_WBITS)
