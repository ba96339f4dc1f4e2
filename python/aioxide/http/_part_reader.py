"""Reading one part of a body of several parts, up to the next boundary."""

from __future__ import annotations

import functools
import json
import sys
import warnings
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import parse_qsl

from aioxide.http._content_disposition import (
    content_disposition_filename,
    parse_content_disposition,
)
from aioxide.http._mimetype import parse_mimetype
from aioxide.http._part_encoding import Inflater, decode_transfer
from aioxide.http._stream_reader import StreamReader

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

__all__ = ["BodyPartReader", "Content", "Source"]

# How much is asked for at least: what is read too far goes back.
_READ = 8192
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
_NOT_BASE64 = bytes(byte for byte in range(256) if byte not in _BASE64)
_CUT_SHORT = "Reader did not read all the data or it is malformed"


class Content(Protocol):
    """What is read: a StreamReader, of ours or of aiohttp's, or what has these methods."""

    async def read(self, n: int = ..., /) -> bytes:
        """Read up to `n` bytes, b"" at the end."""

    async def readline(self, *, max_line_length: int | None = ...) -> bytes:
        """Read a line with its end."""

    def at_eof(self) -> bool:
        """Whether there is nothing more to read."""


class Source:
    """Content, to which one can give back what was read too far."""

    __slots__ = ("_back", "_content")

    def __init__(self, content: Content) -> None:
        self._content = content
        self._back = b""

    @classmethod
    def of(cls, content: Content) -> Source:
        """The content itself, if it is one: readers of one body share it."""
        return content if isinstance(content, Source) else cls(content)

    async def read(self, n: int = -1, /) -> bytes:
        """Read up to `n` bytes, b"" at the end."""
        if self._back:
            data, self._back = self._back[:n], self._back[n:]
            return data
        return await self._content.read(n)

    async def readline(self, *, max_line_length: int | None = None) -> bytes:
        """Read a line with its end, of up to so many bytes."""
        back = self._back
        end = back.find(b"\n") + 1
        if end:
            self._back = back[end:]
            return back[:end]
        if max_line_length is None:
            rest = await self._content.readline()
        else:
            rest = await self._content.readline(max_line_length=max_line_length)
        self._back = b""
        return back + rest

    def at_eof(self) -> bool:
        """Whether there is nothing more to read."""
        return not self._back and self._content.at_eof()

    def unread_data(self, data: bytes) -> None:
        """Give back what was read last: to the content, if it takes that."""
        content: Any = self._content
        if isinstance(content, StreamReader):
            content._unread(data)
        elif hasattr(content, "unread_data"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                content.unread_data(data)
        else:
            self._back = data + self._back


class BodyPartReader:
    """A part that is no multipart itself.

    Reads raise ValueError for a part that does not end as it should. Once one raised or was
    cancelled, the reader cannot go on.
    """

    chunk_size = 8192

    def __init__(
        self,
        boundary: bytes,
        headers: Mapping[str, str],
        content: Content,
        *,
        subtype: str = "mixed",
        default_charset: str | None = None,
        max_decompress_size: int = 2**18,
        client_max_size: int = sys.maxsize,
        max_size_error_cls: type[Exception] = ValueError,
    ) -> None:
        """Make one of what comes after the headers of a part.

        `boundary` has its two dashes; `max_decompress_size` bytes are decoded at once;
        `client_max_size` bytes are what read() gives before it raises `max_size_error_cls`. Raises
        ValueError for a Content-Length that is no number.
        """
        self.headers = headers
        self._boundary = boundary
        self._content = Source.of(content)
        self._default_charset = default_charset
        self._is_form_data = subtype == "form-data"
        self._max_decompress_size = max_decompress_size
        self._client_max_size = client_max_size
        self._max_size_error_cls = max_size_error_cls
        # RFC 7578, 4.8: a form's part has no length of its own.
        length = None if self._is_form_data else headers.get("Content-Length")
        if length is not None and not (length.isascii() and length.isdigit()):
            raise ValueError(f"invalid Content-Length: {length!r}")
        self._length = None if length is None else int(length)
        self._read_bytes = 0
        self._at_eof = False
        # The end of a base64 chunk that is not a multiple of four characters.
        self._b64_carry = b""
        # The line that readline() looked ahead at.
        self._line: bytes | None = None
        self._reset_window()

    def _reset_window(self) -> None:
        # The line end before the part's first byte is that of the headers: with it in front, an
        # empty part ends as any other. It is not given to the caller.
        self._window = b"\r\n"
        self._next = 2
        self._is_first = True
        # Where in the window the line end before the boundary is, -1 if that was not seen yet.
        self._end = -1

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        part = await self.next()
        if part is None:
            raise StopAsyncIteration
        return part

    async def next(self) -> bytes | None:
        """All that is left, None if nothing is."""
        return await self.read() or None

    def at_eof(self) -> bool:
        """Whether all of the part was read."""
        return self._at_eof

    async def read(self, *, decode: bool = False) -> bytes:
        """Read all that is left. With `decode`, undo the encodings that the headers name."""
        pieces: list[bytes] = []
        size = 0
        while not self._at_eof:
            pieces.append(await self.read_chunk(self.chunk_size))
            size = self._checked(size + len(pieces[-1]))
        data = b"".join(pieces)
        if not decode or not data:
            return data
        pieces = []
        size = 0
        async with aclosing(self.decode_iter(data)) as decoded:
            async for piece in decoded:
                pieces.append(piece)
                size = self._checked(size + len(piece))
        return b"".join(pieces)

    def _checked(self, size: int) -> int:
        if size > self._client_max_size:
            raise self._max_size_error_cls(self._client_max_size)
        return size

    async def read_chunk(self, size: int = chunk_size) -> bytes:
        """Read up to `size` bytes. b"" is not the end: at_eof() tells.

        Of a base64 part, a chunk ends with a whole group of four characters, so each can be decoded
        on its own, unless `size` bytes hold none.
        """
        if self._at_eof:
            return b""
        if self._line is not None:
            self._content.unread_data(self._line)
            self._line = None
        is_base64 = self.headers.get("Content-Transfer-Encoding", "").lower() == "base64"
        while True:
            want = max(size - len(self._b64_carry), 1)
            if self._length is None:
                fresh = await self._read_to_boundary(want)
            else:
                fresh = await self._read_of_length(want, self._length)
            chunk = self._b64_carry + fresh
            self._b64_carry = b""
            if is_base64 and not self._at_eof:
                chunk = self._whole_groups(chunk, size)
                if not chunk:
                    continue
            return chunk

    def _whole_groups(self, chunk: bytes, size: int) -> bytes:
        """Cut off what is after the last whole group of four, for the next chunk."""
        odd = len(chunk.translate(None, _NOT_BASE64)) % 4
        cut = len(chunk)
        while odd:
            cut -= 1
            odd -= chunk[cut] in _BASE64
        if not cut and len(chunk) >= size:
            return chunk
        self._b64_carry = chunk[cut:]
        return chunk[:cut]

    async def _read_of_length(self, want: int, length: int) -> bytes:
        chunk = await self._content.read(min(want, length - self._read_bytes))
        self._read_bytes += len(chunk)
        if self._read_bytes < length:
            if not chunk or self._content.at_eof():
                self._at_eof = True
                raise ValueError(_CUT_SHORT)
            return chunk
        self._at_eof = True
        if await self._content.readline() != b"\r\n":
            raise ValueError(_CUT_SHORT)
        return chunk

    async def _read_to_boundary(self, want: int) -> bytes:
        delimiter = b"\r\n" + self._boundary
        while True:
            # Without the boundary in sight, what may be its beginning is held back.
            end = self._end
            ready = end if end >= 0 else len(self._window) - len(delimiter) + 1
            if ready > self._next:
                start, self._next = self._next, min(ready, self._next + want)
                self._is_first = False
                if self._next == end:
                    self._finish()
                return self._window[start : self._next]
            if end >= 0:
                self._finish()
                return b""
            fresh = await self._content.read(max(want, _READ))
            if not fresh:
                rest, self._window = self._window[self._next :], b""
                self._next = 0
                if rest:
                    return rest
                raise ValueError("Reading after EOF")
            if not self._is_first:
                self._window = self._window[self._next :]
                self._next = 0
            self._window += fresh
            self._end = self._window.find(delimiter)

    def _finish(self) -> None:
        self._at_eof = True
        self._content.unread_data(self._window[self._end + 2 :])

    async def readline(self) -> bytes:
        """Read a line with its end. b"" after the last, whose end is the boundary's."""
        if self._at_eof:
            return b""
        if not self._is_first:
            self._content.unread_data(self._window[self._next :])
            self._reset_window()
        line = await self._content.readline() if self._line is None else self._line
        if self._is_boundary(line):
            self._line = None
            self._at_eof = True
            self._content.unread_data(line)
            return b""
        self._line = following = await self._content.readline()
        if self._is_boundary(following):
            line = line.removesuffix(b"\n").removesuffix(b"\r")
        return line

    def _is_boundary(self, line: bytes) -> bool:
        return line.rstrip(b"\r\n") in (self._boundary, self._boundary + b"--")

    async def release(self) -> None:
        """Read all that is left, and drop it."""
        while not self._at_eof:
            await self.read_chunk(self.chunk_size)

    async def text(self, *, encoding: str | None = None) -> str:
        """Read it as text: decoded by `encoding`, else the part's charset, else UTF-8."""
        data = await self.read(decode=True)
        return data.decode(encoding or self.get_charset(default="utf-8"))

    async def json(self, *, encoding: str | None = None) -> Any:
        """Read it as JSON, None if it is empty."""
        data = await self.read(decode=True)
        if not data:
            return None
        return json.loads(data.decode(encoding or self.get_charset(default="utf-8")))

    async def form(self, *, encoding: str | None = None) -> list[tuple[str, str]]:
        """Read it as an urlencoded form: its fields' names and values."""
        data = await self.read(decode=True)
        if not data:
            return []
        encoding = encoding or self.get_charset(default="utf-8")
        try:
            text = data.rstrip().decode(encoding)
        except UnicodeDecodeError:
            raise ValueError(f"data cannot be decoded with {encoding} encoding") from None
        return parse_qsl(text, keep_blank_values=True, encoding=encoding)

    def decode(self, data: bytes) -> bytes:
        """Undo the encodings that the headers name, of all of the part's data.

        No more than `max_decompress_size` bytes come out of compressed data: decode_iter() gives
        all. Raises RuntimeError for an encoding that is not known.
        """
        data = self._decode_transfer(data)
        encoding = self._content_encoding()
        if encoding is None:
            return data
        return Inflater(encoding, self._max_decompress_size).first(data)

    async def decode_iter(self, data: bytes) -> AsyncGenerator[bytes, None]:
        """Undo the encodings, piece by piece, in a thread where there is much."""
        data = self._decode_transfer(data)
        encoding = self._content_encoding()
        if encoding is None:
            yield data
            return
        async with aclosing(Inflater(encoding, self._max_decompress_size).decode(data)) as pieces:
            async for piece in pieces:
                yield piece

    def _decode_transfer(self, data: bytes) -> bytes:
        if "Content-Transfer-Encoding" not in self.headers:
            return data
        return decode_transfer(self.headers["Content-Transfer-Encoding"].lower(), data)

    def _content_encoding(self) -> str | None:
        """deflate, gzip, or None for none. A form's part has none: RFC 7578, 4.8."""
        if self._is_form_data or "Content-Encoding" not in self.headers:
            return None
        encoding = self.headers["Content-Encoding"].lower()
        if encoding == "identity":
            return None
        if encoding not in ("deflate", "gzip"):
            raise RuntimeError(f"unknown content encoding: {encoding}")
        return encoding

    def get_charset(self, default: str) -> str:
        """The charset of the Content-Type, or of the form, or `default`."""
        mimetype = parse_mimetype(self.headers.get("Content-Type", ""))
        return mimetype.parameters.get("charset", self._default_charset or default)

    @functools.cached_property
    def name(self) -> str | None:
        """The field's name, None if there is none that can be read."""
        return self._parameter("name")

    @functools.cached_property
    def filename(self) -> str | None:
        """The file's name, None if there is none that can be read."""
        return self._parameter("filename")

    def _parameter(self, name: str) -> str | None:
        _, params = parse_content_disposition(self.headers.get("Content-Disposition"))
        return content_disposition_filename(params, name)
