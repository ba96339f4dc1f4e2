"""What comes over a WebSocket."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aioxide.http._aiohttp import lookup

if TYPE_CHECKING:
    from collections.abc import Callable


class _WSMsgType(IntEnum):
    """What kind of message it is."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    PING = 0x9
    PONG = 0xA
    CLOSE = 0x8
    CLOSING = 0x100
    CLOSED = 0x101
    ERROR = 0x102

    text = TEXT
    binary = BINARY
    ping = PING
    pong = PONG
    close = CLOSE
    closing = CLOSING
    closed = CLOSED
    error = ERROR


class _WSCloseCode(IntEnum):
    """Why a WebSocket is closed."""

    OK = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    ABNORMAL_CLOSURE = 1006
    INVALID_TEXT = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014


class _WSMessage(NamedTuple):
    """A message: its type, its data, and for a close the reason as `extra`."""

    type: Any
    data: Any
    extra: str | None

    def json(self, *, loads: Callable[[Any], Any] = json.loads) -> Any:
        """The data of a text message, taken as JSON."""
        return loads(self.data)


# Programs compare with aiohttp's, so they are aiohttp's where it is installed.
WSMsgType: Any = lookup("http", "WSMsgType") or _WSMsgType
WSCloseCode: Any = lookup("http", "WSCloseCode") or _WSCloseCode
WSMessage: Any = lookup("http", "WSMessage") or _WSMessage

#: By the number that the native codec gives.
TYPES: Final[dict[int, Any]] = {int(kind): kind for kind in WSMsgType}

CLOSING_MESSAGE: Final = WSMessage(WSMsgType.CLOSING, None, None)
CLOSED_MESSAGE: Final = WSMessage(WSMsgType.CLOSED, None, None)
