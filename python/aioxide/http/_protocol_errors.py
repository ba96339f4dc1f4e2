"""What is wrong with bytes that a peer sent: errors of HTTP messages and WebSocket frames.

aiohttp keeps them in `aiohttp.http_exceptions`; they are raised through ClientPayloadError's and
ClientResponseError's causes, and programs catch some by name. Each is aiohttp's class where aiohttp
is installed.
"""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

from aioxide.http._aiohttp import shared

if TYPE_CHECKING:
    from multidict import CIMultiDict

__all__ = [
    "BadHttpMessage",
    "BadHttpMethod",
    "BadStatusLine",
    "ContentEncodingError",
    "ContentLengthError",
    "DecompressSizeError",
    "HttpBadRequest",
    "HttpProcessingError",
    "InvalidHeader",
    "InvalidURLError",
    "LineTooLong",
    "PayloadEncodingError",
    "TransferEncodingError",
    "WSHandshakeError",
    "WebSocketError",
]


@shared("http_exceptions")
class HttpProcessingError(Exception):
    """An HTTP message that cannot be used. `code` is the status to answer with, 0 for none."""

    code: int = 0
    message: str = ""
    headers: CIMultiDict[str] | None = None

    def __init__(
        self,
        *,
        code: int | None = None,
        message: str = "",
        headers: CIMultiDict[str] | None = None,
    ) -> None:
        if code is not None:
            self.code = code
        self.headers = headers
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}, message:\n{indent(self.message, '  ')}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.code}, message={self.message!r}>"


@shared("http_exceptions")
class BadHttpMessage(HttpProcessingError):
    """The message breaks HTTP's rules. `args` is the message alone."""

    code = 400
    message = "Bad Request"

    def __init__(self, message: str, *, headers: CIMultiDict[str] | None = None) -> None:
        super().__init__(message=message, headers=headers)
        self.args = (message,)


@shared("http_exceptions")
class HttpBadRequest(BadHttpMessage):
    """A request that a server refuses."""

    code = 400
    message = "Bad Request"


@shared("http_exceptions")
class PayloadEncodingError(BadHttpMessage):
    """A body that does not fit its headers."""


@shared("http_exceptions")
class ContentEncodingError(PayloadEncodingError):
    """A body that its Content-Encoding does not decode, or a coding that is not known."""


@shared("http_exceptions")
class TransferEncodingError(PayloadEncodingError):
    """A body whose chunks are malformed or end too early."""


@shared("http_exceptions")
class ContentLengthError(PayloadEncodingError):
    """A body that is shorter than its Content-Length."""


@shared("http_exceptions")
class DecompressSizeError(PayloadEncodingError):
    """A body that decodes to more than is allowed."""


@shared("http_exceptions")
class LineTooLong(BadHttpMessage):
    """A line longer than the limit in bytes. `args` is (line, limit, actual_size)."""

    def __init__(
        self,
        line: str | bytes,
        limit: str | int = "Unknown",
        actual_size: str = "Unknown",
    ) -> None:
        super().__init__(f"Got more than {limit} bytes when reading: {line!r}.")
        self.args = (line, limit, actual_size)


@shared("http_exceptions")
class InvalidHeader(BadHttpMessage):
    """A header line that is none. `hdr` is the line or the name, as text."""

    def __init__(self, hdr: bytes | str) -> None:
        super().__init__(f"Invalid HTTP header: {hdr!r}")
        self.hdr = hdr if isinstance(hdr, str) else hdr.decode(errors="backslashreplace")
        self.args = (hdr,)


@shared("http_exceptions")
class BadStatusLine(BadHttpMessage):
    """A first line that is none, kept in `line`."""

    def __init__(self, line: str | bytes = "", error: str | None = None) -> None:
        text = line if isinstance(line, str) else repr(line)
        super().__init__(error or f"Bad status line {text!r}")
        self.args = (text,)
        self.line = text


@shared("http_exceptions")
class BadHttpMethod(BadStatusLine):
    """A first line whose method is none."""

    def __init__(self, line: str = "", error: str | None = None) -> None:
        if error is None and line.startswith("\x16\x03"):  # a TLS handshake record
            error = "Received HTTPS traffic on an HTTP port"
        super().__init__(line, error or f"Bad HTTP method in status line {line!r}")


@shared("http_exceptions")
class InvalidURLError(BadHttpMessage):
    """A request target that is no URL."""


@shared("http")
class WebSocketError(Exception):
    """A frame that breaks the protocol. `code` is the close code that says so to the peer."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(code, message)

    def __str__(self) -> str:
        return str(self.args[1])


@shared("_websocket.models")
class WSHandshakeError(Exception):
    """An opening handshake that breaks the protocol."""
