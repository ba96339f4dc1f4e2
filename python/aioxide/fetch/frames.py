"""Messages between processes: a length, and a pickle. Only between a process and its own child."""

from __future__ import annotations

import pickle
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

__all__ = ["pack", "read"]

_LENGTH = struct.Struct(">Q")


def pack(message: Any) -> bytes:
    """A message as bytes."""
    data = pickle.dumps(message, protocol=5)
    return _LENGTH.pack(len(data)) + data


async def read(reader: asyncio.StreamReader) -> Any:
    """The next message. Raises asyncio.IncompleteReadError when there is none."""
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    return pickle.loads(await reader.readexactly(length))
