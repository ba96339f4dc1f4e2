"""Bodies that are open files.

Files are read in the loop's default executor, CHUNK bytes at a time. What is sent begins where the
file stood when the payload was first used, so a redirect or a retry sends the same again; a file
that cannot go back is consumed by the first time.
"""

from __future__ import annotations

import asyncio
import codecs
import os
from typing import IO, TYPE_CHECKING, Any, Final, TextIO

from aioxide.http._content_disposition import guess_filename
from aioxide.http._payload_base import Payload
from aioxide.http._payload_bytes import text_type

if TYPE_CHECKING:
    import io

    from aioxide.http._payload_base import PayloadWriter

__all__ = ["CHUNK", "BufferedReaderPayload", "BytesIOPayload", "IOBasePayload", "TextIOPayload"]

CHUNK: Final = 2**18
"""How much is read at a time, in bytes, or in characters of text."""

# The files that are being closed: a future that nobody holds may vanish before it is done.
_closing: set[asyncio.Future[None]] = set()


class IOBasePayload(Payload):
    """An open file. With a name, it is sent as an attachment of that name."""

    _value: Any
    _start_position: int | None = None

    def __init__(
        self, value: IO[Any], disposition: str | None = "attachment", *args: Any, **kwargs: Any
    ) -> None:
        """Make one. `filename`, by default the file's own, None for none."""
        if "filename" not in kwargs:
            kwargs["filename"] = guess_filename(value)
        super().__init__(value, *args, **kwargs)
        if (
            self._filename is not None
            and disposition is not None
            and "Content-Disposition" not in self.headers
        ):
            self.set_content_disposition(disposition, filename=self._filename)

    def _set_or_restore_start_position(self) -> None:
        """Go back to where it began. The first time, remember where that is."""
        try:
            if self._start_position is None:
                self._start_position = self._value.tell()
            else:
                self._value.seek(self._start_position)
        except (OSError, AttributeError):
            self._consumed = True

    @property
    def size(self) -> int | None:
        """The bytes from where it began to the file's end, None if that cannot be known."""
        try:
            if self._start_position is None:
                self._start_position = self._value.tell()
            return os.fstat(self._value.fileno()).st_size - self._start_position
        except (OSError, AttributeError):
            return None

    def _encode(self, data: Any) -> bytes:
        read: bytes = data
        return read

    def _read_and_available_len(self, limit: int | None) -> tuple[int | None, bytes]:
        """Read the first piece: (how much there is from here on if that is known, the piece)."""
        self._set_or_restore_start_position()
        return self.size, self._read(limit)

    def _read(self, limit: int | None) -> bytes:
        """Read a further piece."""
        return self._encode(self._value.read(CHUNK if limit is None else min(CHUNK, limit)))

    async def write(self, writer: PayloadWriter) -> None:
        """Write all of it. May be cancelled; a read that has begun ends in its thread."""
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: PayloadWriter, content_length: int | None) -> None:
        """Write up to `content_length` bytes of it, all if that is None. May be cancelled."""
        run = asyncio.get_running_loop().run_in_executor
        left = content_length
        if left is not None and left <= 0:
            return
        available, chunk = await run(None, self._read_and_available_len, left)
        written = 0
        while chunk:
            await writer.write(chunk if left is None else chunk[:left])
            written += len(chunk)
            if left is not None:
                left -= len(chunk)
                if left <= 0:
                    return
            if available is not None and written >= available:
                return
            chunk = await run(None, self._read, left)

    def _close(self) -> None:
        # Closing may wait for a disk; whoever closes may be about to be cancelled.
        if self._consumed:
            return
        self._consumed = True
        closing = asyncio.get_running_loop().run_in_executor(None, self._value.close)
        _closing.add(closing)
        closing.add_done_callback(_closing.discard)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """All of it as text. It reads the file without a thread."""
        return self._read_all().decode(encoding, errors)

    def _read_all(self) -> bytes:
        self._set_or_restore_start_position()
        # Not read(): that of a raw file may give less than all.
        return b"".join(self._value.readlines())

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """All of it. May be cancelled; the read ends in its thread."""
        return await asyncio.get_running_loop().run_in_executor(None, self._read_all)


class TextIOPayload(IOBasePayload):
    """A file open as text. It is encoded as `encoding` or the content type's charset says."""

    _value: io.TextIOBase
    _encoder: codecs.IncrementalEncoder

    def __init__(
        self,
        value: TextIO,
        *args: Any,
        encoding: str | None = None,
        content_type: str | None = None,
        **kwargs: Any,
    ) -> None:
        encoding, content_type = text_type(encoding, content_type)
        super().__init__(value, *args, content_type=content_type, encoding=encoding, **kwargs)

    def _encode(self, data: Any) -> bytes:
        # At the end an encoder may have something left to say. Only one that is kept says what
        # belongs at the beginning once, such as UTF-16's mark.
        text: str = data
        return self._encoder.encode(text, final=not text)

    def _read_and_available_len(self, limit: int | None) -> tuple[int | None, bytes]:
        self._encoder = codecs.getincrementalencoder(self._encoding or "utf-8")()
        # What the file holds in its own encoding, and with its own line ends, is no measure.
        return None, super()._read_and_available_len(limit)[1]

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """All of it. It reads the file without a thread."""
        self._set_or_restore_start_position()
        return self._value.read()

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """All of it, encoded. May be cancelled; the read ends in its thread."""
        encoding = self._encoding or encoding

        def read() -> bytes:
            return self.decode().encode(encoding, errors)

        return await asyncio.get_running_loop().run_in_executor(None, read)


class BytesIOPayload(IOBasePayload):
    """An io.BytesIO, from where it stands. It is in memory, so no thread is used."""

    _value: io.BytesIO
    _size: int
    _autoclose = True

    def __init__(self, value: io.BytesIO, *args: Any, **kwargs: Any) -> None:
        super().__init__(value, *args, **kwargs)
        with value.getbuffer() as buffer:
            self._size = len(buffer) - value.tell()

    @property
    def size(self) -> int:
        """The bytes from where it stood to its end."""
        return self._size

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """All of it as text."""
        self._set_or_restore_start_position()
        return self._value.read().decode(encoding, errors)

    async def write_with_length(self, writer: PayloadWriter, content_length: int | None) -> None:
        """Write up to `content_length` bytes of it, all if that is None. May be cancelled."""
        self._set_or_restore_start_position()
        left = content_length
        first = True
        while (left is None or left > 0) and (chunk := self._read(left)):
            if not first:
                await asyncio.sleep(0)  # a write into a buffer need not let others run
            first = False
            await writer.write(chunk)
            if left is not None:
                left -= len(chunk)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """All of it."""
        self._set_or_restore_start_position()
        return self._value.read()

    async def close(self) -> None:
        """Do nothing: the program may want to read it again."""


class BufferedReaderPayload(IOBasePayload):
    """A file open for reading bytes."""

    _value: io.BufferedIOBase

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """All of it as text. It reads the file without a thread."""
        self._set_or_restore_start_position()
        return self._value.read().decode(encoding, errors)
