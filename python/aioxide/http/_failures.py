"""The exceptions of the native connection: what `crates/aioxide-py/src/client` calls when it fails.

Each function returns an exception; nothing here is called while all goes well.
"""

from __future__ import annotations

from aioxide.http._errors import (
    BadHttpMessage,
    ClientConnectionError,
    ClientConnectionResetError,
    ClientOSError,
    ClientPayloadError,
    ContentEncodingError,
    ContentLengthError,
    PayloadEncodingError,
    ServerDisconnectedError,
    SocketTimeoutError,
    TransferEncodingError,
    WebSocketError,
)
from aioxide.http._limit import LimitOver
from aioxide.http._websocket_message import WSCloseCode


class NotConnectedError(Exception):
    """None of the addresses of a dial has answered. `refused` says of each, in the order in which
    they failed, which it was, the number of its error, and whether that was known at once."""

    def __init__(self, refused: list[tuple[int, int, bool]]) -> None:
        super().__init__(refused)
        self.refused = refused


def not_connected(refused: list[tuple[int, int, bool]]) -> Exception:
    """There is no connection to any of the addresses."""
    return NotConnectedError(refused)


def limit_over(name: str, seconds: float) -> Exception:
    """There is no connection yet, and a limit of that is over."""
    return LimitOver.of(name, seconds)


def closed_while_connecting() -> Exception:
    """The connector was closed before there was a connection."""
    return ClientConnectionError("Connector is closed.")


def cannot_write() -> Exception:
    """Something is to be sent over a connection that has ended."""
    return ClientConnectionResetError("Cannot write to closing transport")


def connection_lost(exception: BaseException | None) -> Exception:
    """The connection ended while something waited for room to write."""
    if exception is None:
        return ClientConnectionResetError("Connection lost")
    error = ClientConnectionError("Connection lost")
    error.__cause__ = exception
    return error


def lost_before_head(exception: BaseException | None) -> Exception:
    """The connection ended, and no whole head of a response had come."""
    if isinstance(exception, OSError) and not isinstance(exception, ClientOSError):
        error: Exception = ClientOSError(*exception.args)
    elif isinstance(exception, Exception):
        return exception
    else:
        return ServerDisconnectedError()
    error.__cause__ = exception
    return error


def lost_in_body(exception: BaseException | None) -> Exception:
    """The connection failed in the middle of a body."""
    if exception is None:
        return ClientPayloadError("Response payload is not completed")
    error = ClientPayloadError(f"Response payload is not completed: {exception!r}")
    error.__cause__ = exception
    return error


def _not_completed(cause: PayloadEncodingError) -> Exception:
    """Programs look for the cause, or for its name in the text."""
    error = ClientPayloadError(f"Response payload is not completed: {cause!r}")
    error.__cause__ = cause
    return error


def cut_short(text: str, chunked: bool) -> Exception:
    """The peer closed the connection before the body was whole."""
    return _not_completed((TransferEncodingError if chunked else ContentLengthError)(text))


def bad_head(text: str) -> Exception:
    """What came is no head of a response."""
    return BadHttpMessage(text)


def bad_body(text: str) -> Exception:
    """The framing of the body is wrong."""
    return _not_completed(TransferEncodingError(text))


def bad_coding(text: str) -> Exception:
    """The body cannot be decompressed."""
    error = ClientPayloadError(text)
    error.__cause__ = ContentEncodingError(text)
    return error


def body_too_large(limit: int) -> Exception:
    """The body is longer than the program wants to have."""
    return ClientPayloadError(f"The body is larger than max_body_size, {limit} bytes")


class ConnectionClosedError(ClientConnectionError, RuntimeError):
    """What reading a response raises whose connection the program has closed: in aiohttp one or the
    other, depending on who asks."""


def closed_by_program() -> Exception:
    """The program closed the connection of a response that it had not read."""
    return ConnectionClosedError("Connection closed")


def total_timeout() -> Exception:
    """The time for the whole request is over."""
    return TimeoutError("ClientTimeout.total is over")


def read_timeout() -> Exception:
    """Nothing came for too long."""
    return SocketTimeoutError("Timeout on reading data from socket")


def websocket_is_closing() -> Exception:
    """Something is to be sent over a WebSocket that is closing."""
    return ClientConnectionResetError("Cannot write to closing transport")


def websocket_error(code: int, text: str) -> Exception:
    """The server sent what no WebSocket may send."""
    return WebSocketError(WSCloseCode(code), text)
