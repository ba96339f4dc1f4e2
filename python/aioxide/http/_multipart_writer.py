"""A body of several parts. RFC 2046 and, for forms, 7578."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from aioxide.http._headers import header_block, safe_header
from aioxide.http._part_encoding import MultipartPayloadWriter
from aioxide.http._payload import (
    JsonPayload,
    Payload,
    PayloadLookupError,
    StringPayload,
    get_payload,
    is_payload,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from aioxide.http._payload import PayloadWriter

__all__ = ["MultipartWriter"]

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NOT_QUOTABLE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# What a form's part must not say: RFC 7578, 4.7 and 4.8.
_NOT_IN_FORMS = ("Content-Encoding", "Content-Length", "Content-Transfer-Encoding")

_log = logging.getLogger("aiohttp.internal")


class MultipartWriter(Payload):
    """A payload of parts, each a payload: `with MultipartWriter() as writer: writer.append(...)`.

    A part's Content-Encoding (deflate, gzip) and Content-Transfer-Encoding (base64,
    quoted-printable) headers are done as they say; a form's part may have none.
    """

    _value: None
    _autoclose = True

    def __init__(self, subtype: str = "mixed", boundary: str | None = None) -> None:
        """Make one of `multipart/subtype`. The boundary is a random one by default.

        Raises ValueError for a boundary with characters other than ASCII, or with control
        characters.
        """
        boundary = uuid.uuid4().hex if boundary is None else boundary
        try:
            self._boundary = boundary.encode("ascii")
        except UnicodeEncodeError:
            raise ValueError("boundary should contain ASCII only chars") from None
        content_type = f"multipart/{subtype}; boundary={self._boundary_value}"
        super().__init__(None, content_type=safe_header(content_type))
        # Each part, with its encoding and its transfer encoding where they change it.
        self._parts: list[tuple[Payload, str | None, str | None]] = []
        self._is_form_data = subtype == "form-data"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        pass

    def __iter__(self) -> Iterator[tuple[Payload, str | None, str | None]]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __bool__(self) -> bool:
        return True

    @property
    def consumed(self) -> bool:
        """Whether it, or a part of it, cannot be sent again."""
        return self._consumed or any(part.consumed for part, _, _ in self._parts)

    @property
    def boundary(self) -> str:
        """What separates the parts, without the dashes."""
        return self._boundary.decode("ascii")

    @property
    def _boundary_value(self) -> str:
        """The boundary as a header's parameter: in quotes unless it is a token."""
        value = self._boundary
        if _TOKEN.fullmatch(value) is not None:
            return value.decode("ascii")
        if _NOT_QUOTABLE.search(value) is not None:
            raise ValueError("boundary value contains invalid characters")
        escaped = value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        return f'"{escaped.decode("ascii")}"'

    def append(self, obj: Any, headers: Mapping[str, str] | None = None) -> Payload:
        """Add a part of whatever a payload can be made of. Raises TypeError for anything else."""
        if is_payload(obj):
            if headers:
                obj.headers.update(headers)
            return self.append_payload(obj)
        try:
            payload = get_payload(obj, headers=headers)
        except PayloadLookupError:
            raise TypeError(f"Cannot create payload from {obj!r}") from None
        return self.append_payload(payload)

    def append_payload(self, payload: Payload) -> Payload:
        """Add a part. Raises RuntimeError for an encoding that is not known."""
        headers = payload.headers
        encoding = te_encoding = None
        if self._is_form_data:
            forbidden = [name for name in _NOT_IN_FORMS if name in headers]
            assert not forbidden, f"a form's part with {forbidden}"
            if "Content-Disposition" not in headers:
                name = f"section-{len(self._parts)}"
                payload.set_content_disposition("form-data", name=name)
        else:
            encoding = headers.get("Content-Encoding", "").lower()
            if encoding not in ("", "deflate", "gzip", "identity"):
                raise RuntimeError(f"unknown content encoding: {encoding}")
            te_encoding = headers.get("Content-Transfer-Encoding", "").lower()
            if te_encoding not in ("", "base64", "quoted-printable", "binary"):
                raise RuntimeError(f"unknown content transfer encoding: {te_encoding}")
            encoding = None if encoding == "identity" else encoding
            te_encoding = None if te_encoding == "binary" else te_encoding
            if payload.size is not None and not (encoding or te_encoding):
                headers["Content-Length"] = str(payload.size)
        self._parts.append((payload, encoding, te_encoding))
        return payload

    def append_json(self, obj: Any, headers: Mapping[str, str] | None = None) -> Payload:
        """Add a part that is `obj` as JSON."""
        return self.append_payload(JsonPayload(obj, headers=headers))

    def append_form(
        self,
        obj: Sequence[tuple[str, str]] | Mapping[str, str],
        headers: Mapping[str, str] | None = None,
    ) -> Payload:
        """Add a part that is a form, urlencoded."""
        assert isinstance(obj, (Sequence, Mapping))
        pairs = list(obj.items()) if isinstance(obj, Mapping) else obj
        return self.append_payload(
            StringPayload(
                urlencode(pairs, doseq=True),
                headers=headers,
                content_type="application/x-www-form-urlencoded",
            )
        )

    @property
    def size(self) -> int | None:
        """The bytes of all parts and what is between them, None if one's size is not known."""
        separator = len(self._boundary) + 4  # two dashes, a line end
        total = separator + 2  # the last has two more dashes
        for part, encoding, te_encoding in self._parts:
            size = part.size
            if encoding or te_encoding or size is None:
                return None
            total += separator + len(header_block(part.headers)) + size + 2
        return total

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The parts as text, without the last boundary. It may read files, without a thread."""
        return "".join(
            f"--{self.boundary}\r\n"
            + header_block(part.headers).decode(encoding, errors)
            + part.decode()
            for part, _, _ in self._parts
        )

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """All of it; parts' encodings are not done. May be cancelled."""
        pieces: list[bytes] = []
        for part, _, _ in self._parts:
            pieces += [b"--", self._boundary, b"\r\n", header_block(part.headers)]
            pieces += [await part.as_bytes(encoding, errors), b"\r\n"]
        pieces += [b"--", self._boundary, b"--\r\n"]
        return b"".join(pieces)

    async def write(self, writer: PayloadWriter, close_boundary: bool = True) -> None:
        """Write all of it, the last boundary only with `close_boundary`.

        Raises ValueError for a part's header with a control character. May be cancelled.
        """
        for part, encoding, te_encoding in self._parts:
            if self._is_form_data:
                assert "name=" in part.headers["Content-Disposition"]
            await writer.write(b"--" + self._boundary + b"\r\n")
            await writer.write(header_block(part.headers))
            if encoding or te_encoding:
                encoder = MultipartPayloadWriter(writer)
                if encoding:
                    encoder.enable_compression(encoding)
                if te_encoding:
                    encoder.enable_encoding(te_encoding)
                await part.write(encoder)
                await encoder.write_eof()
            else:
                await part.write(writer)
            await writer.write(b"\r\n")
        if close_boundary:
            await writer.write(b"--" + self._boundary + b"--\r\n")

    async def close(self) -> None:
        """Close the parts that need it, all of them even if one fails, which is logged."""
        if self._consumed:
            return
        self._consumed = True
        for index, (part, _, _) in enumerate(self._parts):
            if part.autoclose or part.consumed:
                continue
            try:
                await part.close()
            except Exception as error:  # noqa: BLE001 - whatever a part of the program's raises
                _log.error("Failed to close multipart part %d: %s", index, error, exc_info=True)
