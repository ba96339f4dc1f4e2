"""The body of a response that has none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aioxide.http._stream_buffer import NO_CAUSE, call_at_eof
from aioxide.http._stream_reader import StreamReader

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EMPTY_PAYLOAD", "EmptyStreamReader"]


class EmptyStreamReader(StreamReader):
    """The body of a response that has none. It belongs to no loop."""

    __slots__ = ()

    def __init__(self) -> None:
        """Make one; all that is needed is that nothing was fed."""
        self.total_bytes = 0
        self.total_compressed_bytes = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def feed_data(self, data: bytes, n: int = 0) -> bool:
        """Do nothing."""
        return False

    def feed_eof(self) -> None:
        """Do nothing."""

    def set_exception(self, exc: BaseException, exc_cause: BaseException = NO_CAUSE) -> None:
        """Do nothing."""

    def exception(self) -> BaseException | None:
        """None."""
        return None

    def is_eof(self) -> bool:
        """True."""
        return True

    def at_eof(self) -> bool:
        """True."""
        return True

    def on_eof(self, callback: Callable[[], object]) -> None:
        """Call it at once. Its exceptions are logged."""
        call_at_eof(callback)

    async def wait_eof(self) -> None:
        """Return at once."""

    def get_read_buffer_limits(self) -> tuple[int, int]:
        """Nothing is held."""
        return (0, 0)

    def set_read_chunk_size(self, n: int) -> None:
        """Do nothing."""

    def unread_data(self, data: bytes) -> None:
        """Raise RuntimeError for any data: nothing was read here, and the reader is everybody's."""
        if data:
            raise RuntimeError("Nothing was read from the body that is empty")

    async def read(self, n: int = -1) -> bytes:
        """Return b""."""
        return b""

    async def readany(self) -> bytes:
        """Return b""."""
        return b""

    async def readline(self, *, max_line_length: int | None = None) -> bytes:
        """Return b""."""
        return b""

    async def readuntil(self, separator: bytes = b"\n", *, max_size: int | None = None) -> bytes:
        """Return b""."""
        return b""

    async def readexactly(self, n: int) -> bytes:
        """Raise asyncio.IncompleteReadError."""
        raise asyncio.IncompleteReadError(b"", n)

    async def readchunk(self) -> tuple[bytes, bool]:
        """Return (b"", False), the end."""
        return (b"", False)

    def read_nowait(self, n: int = -1) -> bytes:
        """Return b""."""
        return b""


EMPTY_PAYLOAD: Final[StreamReader] = EmptyStreamReader()
"""The body of every response that has none."""
