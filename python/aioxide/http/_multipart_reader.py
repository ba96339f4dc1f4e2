"""Reading a body of several parts. RFC 2046 and, for forms, 7578.

A MultipartReader gives its parts one after the other: a BodyPartReader each, or another
MultipartReader for a part that has parts itself. All read the same content, which lies before them:

    --boundary CRLF  headers CRLF CRLF  data CRLF  --boundary ...  --boundary-- CRLF

next() first reads what is left of the part before. What was read too far goes back to a Source, so
the content need only be read forwards.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeGuard

from aioxide.http._content_disposition import parse_content_disposition
from aioxide.http._errors import BadHttpMessage, LineTooLong
from aioxide.http._headers import parse_headers
from aioxide.http._mimetype import parse_mimetype
from aioxide.http._part_reader import BodyPartReader, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multidict import CIMultiDictProxy

    from aioxide.http._part_reader import Content

__all__ = ["MultipartReader", "MultipartResponseWrapper"]

# RFC 2046, 5.1.1.
_MAX_BOUNDARY = 70
# The longest label of the Encoding Standard has 19 characters.
_MAX_CHARSET = 31


class MultipartResponseWrapper:
    """The parts of a response; with the last one its connection is released."""

    def __init__(self, resp: Any, stream: MultipartReader) -> None:
        """Make one of a ClientResponse and the reader of its content."""
        self.resp = resp
        self.stream = stream

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> MultipartReader | BodyPartReader:
        part = await self.next()
        if part is None:
            raise StopAsyncIteration
        return part

    def at_eof(self) -> bool:
        """Whether all of the response was read."""
        at_eof: bool = self.resp.content.at_eof()
        return at_eof

    async def next(self) -> MultipartReader | BodyPartReader | None:
        """The next part, None after the last."""
        part = await self.stream.next()
        if self.stream.at_eof():
            await self.release()
        return part

    async def release(self) -> None:
        """Release the connection."""
        await self.resp.release()


class MultipartReader:
    """The parts of a body: `async for part in reader`.

    Raises ValueError for a content type without a boundary, or with one of over 70 characters. The
    limits: `client_max_size` bytes of a part, which ends in `max_size_error_cls`; `max_headers`
    lines of headers of a part, each of `max_field_size` bytes.
    """

    response_wrapper_cls: ClassVar[type[MultipartResponseWrapper]] = MultipartResponseWrapper
    """What from_response() makes."""
    multipart_reader_cls: ClassVar[type[MultipartReader] | None] = None
    """The reader of a part that has parts, by default the class itself."""
    part_reader_cls: ClassVar[type[BodyPartReader]] = BodyPartReader
    """The reader of any other part."""

    def __init__(
        self,
        headers: Mapping[str, str],
        content: Content,
        *,
        client_max_size: int = sys.maxsize,
        max_field_size: int = 8190,
        max_headers: int = 128,
        max_size_error_cls: type[Exception] = ValueError,
    ) -> None:
        self._mimetype = parse_mimetype(headers["Content-Type"])
        assert self._mimetype.type == "multipart", "multipart/* content type expected"
        if "boundary" not in self._mimetype.parameters:
            raise ValueError(f"boundary missed for Content-Type: {headers['Content-Type']}")
        self.headers = headers
        self._boundary = b"--" + self._get_boundary().encode()
        # Inside another reader's part, that one skips what is after the last boundary.
        self._is_outermost = not isinstance(content, Source)
        self._content = Source.of(content)
        self._client_max_size = client_max_size
        self._max_field_size = max_field_size
        self._max_headers = max_headers
        self._max_size_error_cls = max_size_error_cls
        self._default_charset: str | None = None
        self._last_part: MultipartReader | BodyPartReader | None = None
        self._at_eof = False
        self._at_bof = True

    def _get_boundary(self) -> str:
        boundary = self._mimetype.parameters["boundary"]
        if len(boundary) > _MAX_BOUNDARY:
            raise ValueError(f"boundary {boundary!r} is too long ({_MAX_BOUNDARY} chars max)")
        return boundary

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> MultipartReader | BodyPartReader:
        part = await self.next()
        if part is None:
            raise StopAsyncIteration
        return part

    @classmethod
    def from_response(cls, response: Any) -> MultipartResponseWrapper:
        """Read the parts of a ClientResponse."""
        return cls.response_wrapper_cls(response, cls(response.headers, response.content))

    def at_eof(self) -> bool:
        """Whether the last boundary was read."""
        return self._at_eof

    async def next(self) -> MultipartReader | BodyPartReader | None:
        """The next part, None after the last. What is left of the one before is read, and dropped.

        Raises ValueError for a body that is not what its boundary says, InvalidHeader, LineTooLong
        and BadHttpMessage for a part's headers. Once it raised or was cancelled, it cannot go on.
        """
        if self._at_eof:
            return None
        last, self._last_part = self._last_part, None
        if last is not None and not last.at_eof():
            await last.release()
        if self._at_bof or isinstance(last, MultipartReader):
            self._at_bof = False
            await self._read_until_boundary()
        else:
            await self._read_boundary()
        if self.at_eof():
            return None
        part = await self.fetch_next_part()
        # RFC 7578, 4.6: the first field of a form may say in which encoding the others are.
        if last is None and self._mimetype.subtype == "form-data" and _is_charset(part):
            charset = await part.read_chunk(_MAX_CHARSET + 1)
            if len(charset) > _MAX_CHARSET:
                raise RuntimeError("Invalid default charset")
            self._default_charset = charset.strip().decode()
            if not part.at_eof():
                await part.release()
            await self._read_boundary()
            if self.at_eof():
                return None
            part = await self.fetch_next_part()
        self._last_part = part
        return part

    async def release(self) -> None:
        """Read all parts, and drop them."""
        while (part := await self.next()) is not None:
            await part.release()

    async def fetch_next_part(self) -> MultipartReader | BodyPartReader:
        """Read a part's headers and make its reader."""
        return self._get_part_reader(await self._read_headers())

    def _get_part_reader(self, headers: CIMultiDictProxy[str]) -> MultipartReader | BodyPartReader:
        if parse_mimetype(headers.get("Content-Type", "")).type == "multipart":
            reader_cls = self.multipart_reader_cls or type(self)
            return reader_cls(
                headers,
                self._content,
                client_max_size=self._client_max_size,
                max_field_size=self._max_field_size,
                max_headers=self._max_headers,
                max_size_error_cls=self._max_size_error_cls,
            )
        return self.part_reader_cls(
            self._boundary,
            headers,
            self._content,
            subtype=self._mimetype.subtype,
            default_charset=self._default_charset,
            client_max_size=self._client_max_size,
            max_size_error_cls=self._max_size_error_cls,
        )

    async def _read_until_boundary(self) -> None:
        """Read past what is before the parts, or after the last boundary of a part's own parts."""
        while True:
            line = await self._content.readline()
            if not line:
                raise ValueError(f"Could not find starting boundary {self._boundary!r}")
            if await self._is_own_boundary(line):
                return

    async def _read_boundary(self) -> None:
        line = await self._content.readline()
        if not await self._is_own_boundary(line):
            raise ValueError(f"Invalid boundary {line.rstrip()!r}, expected {self._boundary!r}")

    async def _is_own_boundary(self, line: bytes) -> bool:
        line = line.rstrip()
        if line == self._boundary:
            return True
        if line != self._boundary + b"--":
            return False
        self._at_eof = True
        # Up to two lines more: most often that is the end, and the connection can be used again.
        if self._is_outermost and await self._content.readline():
            await self._content.readline()
        return True

    async def _read_headers(self) -> CIMultiDictProxy[str]:
        lines: list[bytes] = []
        while True:
            raw = await self._content.readline(max_line_length=self._max_field_size)
            if len(raw) > self._max_field_size:
                raise LineTooLong(raw[:100] + b"...", self._max_field_size)
            line = raw.rstrip(b"\r\n")
            if not line:
                return parse_headers(lines)
            lines.append(line)
            if len(lines) > self._max_headers:
                raise BadHttpMessage("Too many headers received")


def _is_charset(part: object) -> TypeGuard[BodyPartReader]:
    if not isinstance(part, BodyPartReader):
        return False
    _, params = parse_content_disposition(part.headers.get("Content-Disposition"))
    return params.get("name") == "_charset_"
