"""asyncio's streams, with native reads.

A read makes one native call, which gives the data or the future to wait for, and never comes back
to a frame of `_wait_for_data`. All state stays where asyncio keeps it, in the reader's attributes,
so both kinds of method may be mixed. A read that comes to anything unusual (an end, an error, a
line over the limit, arguments of another kind, methods that a program has replaced) is left to
asyncio's method.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aioxide import _aioxide

if TYPE_CHECKING:
    from collections.abc import Coroutine


class StreamReader(asyncio.StreamReader):
    """What the reader of a connection becomes when the loop feeds it natively."""

    if TYPE_CHECKING:
        _buffer: bytearray
        _eof: bool
        _exception: BaseException | None
        _waiter: asyncio.Future[None] | None

        def _read_now(self, n: int, again: bool, /) -> Any: ...
        def _read_exactly_now(self, n: int, again: bool, /) -> Any: ...
        def _read_until_now(self, separator: Any, offset: int, again: bool, /) -> Any: ...

    async def read(self, n: int = -1) -> bytes:
        again = False
        got = self._read_now(n, again)
        while got.__class__ is not bytes:
            if got is None:
                return await self._by_asyncio(asyncio.StreamReader.read(self, n), again)
            try:
                await got
            finally:
                self._waiter = None
            again = True
            got = self._read_now(n, again)
        return got

    async def readexactly(self, n: int) -> bytes:
        again = False
        got = self._read_exactly_now(n, again)
        while got.__class__ is not bytes:
            if got is None:
                return await self._by_asyncio(asyncio.StreamReader.readexactly(self, n), again)
            try:
                await got
            finally:
                self._waiter = None
            again = True
            got = self._read_exactly_now(n, again)
        return got

    async def readuntil(self, separator: Any = b"\n") -> bytes:
        offset = 0
        again = False
        got = self._read_until_now(separator, offset, again)
        while got.__class__ is not bytes:
            if got is None:
                return await self._by_asyncio(
                    asyncio.StreamReader.readuntil(self, separator), again
                )
            # Nothing before here begins a separator.
            offset = max(0, len(self._buffer) + 1 - len(separator))
            try:
                await got
            finally:
                self._waiter = None
            again = True
            got = self._read_until_now(separator, offset, again)
        return got

    async def readline(self) -> bytes:
        again = False
        got = self._read_until_now(b"\n", 0, again)
        while got.__class__ is not bytes:
            if got is None:
                return await self._by_asyncio(asyncio.StreamReader.readline(self), again)
            offset = len(self._buffer)
            try:
                await got
            finally:
                self._waiter = None
            again = True
            got = self._read_until_now(b"\n", offset, again)
        return got

    async def _by_asyncio(self, read: Coroutine[Any, Any, bytes], again: bool) -> bytes:
        """Begin a read anew with asyncio's method, or end one that has waited.

        A read that has waited does not look for an exception any more: at the end of the stream it
        gives what there is, though the connection was lost by an error.
        """
        exception = self._exception
        if not again or exception is None or not self._eof:
            return await read
        self._exception = None
        try:
            return await read
        finally:
            self._exception = exception


class StreamWriter(asyncio.StreamWriter):
    """What the writer of such a connection becomes, where a server has made it."""

    if TYPE_CHECKING:

        def _is_drained(self) -> bool: ...

    async def drain(self) -> None:
        if not self._is_drained():
            await asyncio.StreamWriter.drain(self)


_aioxide.add_stream_reads(StreamReader)
_aioxide.add_stream_drain(StreamWriter)
