"""Payloads: the bodies that can be sent, and which data makes which."""

from __future__ import annotations

import io
from collections.abc import AsyncIterable

from aioxide.http._aiohttp import lookup
from aioxide.http._payload_base import (
    PAYLOAD_REGISTRY,
    Order,
    Payload,
    PayloadLookupError,
    PayloadRegistry,
    PayloadWriter,
    get_payload,
    is_payload,
    payload_type,
    register_payload,
)
from aioxide.http._payload_bytes import (
    BytesPayload,
    JsonBytesPayload,
    JsonPayload,
    StringIOPayload,
    StringPayload,
)
from aioxide.http._payload_file import (
    BufferedReaderPayload,
    BytesIOPayload,
    IOBasePayload,
    TextIOPayload,
)
from aioxide.http._payload_iterable import AsyncIterablePayload, StreamReaderPayload
from aioxide.http._streams import StreamReader

__all__ = [
    "PAYLOAD_REGISTRY",
    "AsyncIterablePayload",
    "BufferedReaderPayload",
    "BytesIOPayload",
    "BytesPayload",
    "IOBasePayload",
    "JsonBytesPayload",
    "JsonPayload",
    "Order",
    "Payload",
    "PayloadLookupError",
    "PayloadRegistry",
    "PayloadWriter",
    "StreamReaderPayload",
    "StringIOPayload",
    "StringPayload",
    "TextIOPayload",
    "get_payload",
    "is_payload",
    "payload_type",
    "register_payload",
]

register_payload(BytesPayload, (bytes, bytearray, memoryview))
register_payload(StringPayload, str)
register_payload(StringIOPayload, io.StringIO)
register_payload(TextIOPayload, io.TextIOBase)
register_payload(BytesIOPayload, io.BytesIO)
register_payload(BufferedReaderPayload, (io.BufferedReader, io.BufferedRandom))
register_payload(IOBasePayload, io.IOBase)
# aiohttp's, too: it is what a server of aiohttp's receives, and may pass on.
register_payload(StreamReaderPayload, lookup("streams", "StreamReader") or StreamReader)
register_payload(StreamReaderPayload, StreamReader)
register_payload(AsyncIterablePayload, AsyncIterable, order=Order.try_last)
