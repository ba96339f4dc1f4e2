"""The encodings of a multipart's parts: deflate and gzip, base64 and quoted-printable."""

from __future__ import annotations

import asyncio
import base64
import binascii
import zlib
from typing import TYPE_CHECKING, Final

from aioxide.http._errors import ContentEncodingError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aioxide.http._payload_base import PayloadWriter

__all__ = ["Inflater", "MultipartPayloadWriter", "decode_transfer"]

# Above this many bytes a thread does it, so that the loop is not held up.
_IN_THREAD: Final = 4096
# More members than any real file has: each costs a new state, whatever its size.
_MAX_MEMBERS: Final = 1024


def _window_bits(encoding: str) -> int:
    # A part's "deflate" has no zlib header.
    return 16 + zlib.MAX_WBITS if encoding == "gzip" else -zlib.MAX_WBITS


class Inflater:
    """Decodes a part that is deflate or gzip, a bounded piece at a time."""

    def __init__(self, encoding: str, max_length: int) -> None:
        """Make one that gives up to `max_length` bytes at once."""
        self._bits = _window_bits(encoding)
        self._decoder = zlib.decompressobj(wbits=self._bits)
        self._max_length = max_length
        self._members = 1

    def _step(self, data: bytes, limit: int) -> tuple[bytes, bytes]:
        """Decode once: (up to `limit` bytes that come out, what is left to decode)."""
        if self._decoder.eof:
            self._members += 1
            if self._members > _MAX_MEMBERS:
                raise ContentEncodingError(f"More than {_MAX_MEMBERS} compressed members in a part")
            self._decoder = zlib.decompressobj(wbits=self._bits)
        out = self._decoder.decompress(data, limit)
        return out, self._decoder.unconsumed_tail or self._decoder.unused_data

    def first(self, data: bytes) -> bytes:
        """Decode, and drop what is more than `max_length` bytes."""
        pieces: list[bytes] = []
        room = self._max_length
        while room:
            piece, data = self._step(data, room)
            pieces.append(piece)
            if not data and (self._decoder.eof or len(piece) < room):
                break
            room -= len(piece)
        return b"".join(pieces)

    async def decode(self, data: bytes) -> AsyncGenerator[bytes, None]:
        """Decode all, piece by piece. Raises zlib.error, and ContentEncodingError for too many
        members. May be cancelled.
        """
        left = data
        while True:
            if len(left) > _IN_THREAD:
                loop = asyncio.get_running_loop()
                out, left = await loop.run_in_executor(None, self._step, left, self._max_length)
            else:
                out, left = self._step(left, self._max_length)
            if out:
                yield out
            # A full piece may leave output inside, with no input.
            if not left and (self._decoder.eof or len(out) < self._max_length):
                return


def decode_transfer(encoding: str, data: bytes) -> bytes:
    """Undo a Content-Transfer-Encoding, in lower case. Raises RuntimeError for an unknown one."""
    if encoding == "base64":
        return base64.b64decode(data)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(data)
    if encoding in ("binary", "8bit", "7bit"):
        return data
    raise RuntimeError(f"unknown content transfer encoding: {encoding}")


class MultipartPayloadWriter:
    """Encodes what a part's payload writes, and writes it on."""

    def __init__(self, writer: PayloadWriter) -> None:
        self._writer = writer
        self._encoding: str | None = None
        self._compress: zlib._Compress | None = None
        # base64 encodes 3 bytes at a time; these are those that are left.
        self._encoding_buffer = b""

    def enable_encoding(self, encoding: str) -> None:
        """Encode as base64 or quoted-printable; do nothing for another encoding."""
        if encoding in ("base64", "quoted-printable"):
            self._encoding = encoding

    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None:
        """Compress as deflate, without a header, or gzip, before it is encoded."""
        self._compress = zlib.compressobj(
            wbits=_window_bits(encoding),
            strategy=zlib.Z_DEFAULT_STRATEGY if strategy is None else strategy,
        )

    async def write(self, chunk: bytes | bytearray | memoryview, /) -> None:
        """Write. Once cancelled, no more may be written."""
        compress = self._compress
        if compress is not None and chunk:
            if len(chunk) > _IN_THREAD:
                loop = asyncio.get_running_loop()
                chunk = await loop.run_in_executor(None, compress.compress, chunk)
            else:
                chunk = compress.compress(chunk)
        if not chunk:
            return
        if self._encoding == "base64":
            data = self._encoding_buffer + chunk
            whole = len(data) - len(data) % 3
            self._encoding_buffer = data[whole:]
            if whole:
                await self._writer.write(base64.b64encode(data[:whole]))
        elif self._encoding == "quoted-printable":
            await self._writer.write(binascii.b2a_qp(chunk))
        else:
            await self._writer.write(chunk)

    async def write_eof(self) -> None:
        """Write what was held back."""
        compress, self._compress = self._compress, None
        if compress is not None:
            await self.write(compress.flush())
        if self._encoding_buffer:
            left, self._encoding_buffer = self._encoding_buffer, b""
            await self._writer.write(base64.b64encode(left))
