"""A protocol of a program's own behind an upgrade, as aiohttp takes it: a parser that is fed.

aiodocker reads what `docker exec` and `docker attach` stream in this way.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from aioxide import _aioxide

__all__ = ["Parsed", "drained"]


class Parsed:
    """The successor of an HttpConnection that feeds a parser.

    A parser has `feed_data(data)`, which returns a pair whose first tells whether it has ended, and
    `feed_eof()`. When it has ended it is given nothing more; what still comes belongs to nobody.
    """

    def __init__(self, parser: Any, data_received_cb: Callable[[], object] | None) -> None:
        self._parser = parser
        self._data_received_cb = data_received_cb

    def data_received(self, data: bytes) -> None:
        """Feed it. What the parser raises ends the connection."""
        if self._parser is None:
            return
        if self._data_received_cb is not None:
            self._data_received_cb()
        ended, _ = self._parser.feed_data(data)
        if ended:
            self._parser = None

    def eof_received(self) -> None:
        """The peer sends no more: the connection is closed, as aiohttp closes it."""

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell the parser, whose errors are its own."""
        parser, self._parser = self._parser, None
        if parser is not None:
            with contextlib.suppress(Exception):
                parser.feed_eof()


async def drained(connection: _aioxide.HttpConnection) -> None:
    """Wait until the transport takes more. May be cancelled.

    Raises ClientConnectionResetError when the connection has ended.
    """
    waiter = connection.drain_waiter()
    if waiter is not None:
        await waiter
