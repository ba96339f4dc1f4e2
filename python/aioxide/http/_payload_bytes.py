"""Bodies that are in memory: bytes, text, JSON."""

from __future__ import annotations

import json
import warnings
from typing import IO, TYPE_CHECKING, Any, Final

from aioxide.http._mimetype import parse_mimetype
from aioxide.http._payload_base import Payload

if TYPE_CHECKING:
    from collections.abc import Callable

    from aioxide.http._payload_base import PayloadWriter

__all__ = [
    "BytesPayload",
    "JsonBytesPayload",
    "JsonPayload",
    "StringIOPayload",
    "StringPayload",
    "text_type",
]

TOO_LARGE_BYTES_BODY: Final = 2**20
"""Above this many bytes a warning says that an open file or a BytesIO is better."""


def text_type(encoding: str | None, content_type: str | None) -> tuple[str, str]:
    """(the encoding, the Content-Type) of text of which one, both or none is given."""
    if content_type is None:
        encoding = encoding or "utf-8"
        return encoding, f"text/plain; charset={encoding}"
    if encoding is None:
        encoding = parse_mimetype(content_type).parameters.get("charset", "utf-8")
    return encoding, content_type


class BytesPayload(Payload):
    """Bytes. Raises TypeError for what is no bytes, bytearray or memoryview."""

    _value: bytes | bytearray | memoryview
    _size: int
    _autoclose = True

    def __init__(self, value: bytes | bytearray | memoryview, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("content_type", "application/octet-stream")
        super().__init__(value, *args, **kwargs)
        if isinstance(value, memoryview):
            self._size = value.nbytes
        elif isinstance(value, (bytes, bytearray)):
            self._size = len(value)
        else:
            raise TypeError(f"value argument must be byte-ish, not {type(value)!r}")
        if self._size > TOO_LARGE_BYTES_BODY:
            warnings.warn(
                "Sending a large body directly with raw bytes might"
                " lock the event loop. You should probably pass an "
                "io.BytesIO object instead",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The bytes as text."""
        return str(self._value, encoding, errors)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The bytes, whatever the encoding."""
        value = self._value
        return value if isinstance(value, bytes) else bytes(value)

    async def write(self, writer: PayloadWriter) -> None:
        """Write all of it."""
        await writer.write(self._value)

    async def write_with_length(self, writer: PayloadWriter, content_length: int | None) -> None:
        """Write up to `content_length` bytes of it, all if that is None."""
        value = self._value
        if content_length is not None and content_length < self._size:
            value = memoryview(value).cast("B")[:content_length]
            if isinstance(self._value, bytes):
                value = bytes(value)
        await writer.write(value)


class StringPayload(BytesPayload):
    """Text, encoded as `encoding` or the content type's charset says, in UTF-8 else."""

    def __init__(
        self,
        value: str,
        *args: Any,
        encoding: str | None = None,
        content_type: str | None = None,
        **kwargs: Any,
    ) -> None:
        encoding, content_type = text_type(encoding, content_type)
        super().__init__(
            value.encode(encoding), *args, encoding=encoding, content_type=content_type, **kwargs
        )


class StringIOPayload(StringPayload):
    """What is left to read of an io.StringIO."""

    def __init__(self, value: IO[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(value.read(), *args, **kwargs)


class JsonPayload(BytesPayload):
    """Data as JSON, by a function that makes text of it."""

    def __init__(
        self,
        value: Any,
        encoding: str = "utf-8",
        content_type: str = "application/json",
        dumps: Callable[[Any], str] = json.dumps,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            dumps(value).encode(encoding),
            *args,
            content_type=content_type,
            encoding=encoding,
            **kwargs,
        )


class JsonBytesPayload(BytesPayload):
    """Data as JSON, by a function that makes bytes of it, as orjson's does."""

    def __init__(
        self,
        value: Any,
        dumps: Callable[[Any], bytes],
        content_type: str = "application/json",
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(dumps(value), *args, content_type=content_type, **kwargs)
