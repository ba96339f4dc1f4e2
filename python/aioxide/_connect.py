"""Outgoing connections: CPython's own code, and who closes their sockets until a transport does."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any, TypeVar

from aioxide._inside import SelectorEventLoop

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable

__all__ = ["ConnectingLoop"]

_P = TypeVar("_P", bound="asyncio.BaseProtocol")

# The connected sockets of the happy eyeballs race that runs in this context.
_race: contextvars.ContextVar[list[socket.socket] | None] = contextvars.ContextVar(
    "aioxide._connect", default=None
)


class ConnectingLoop(SelectorEventLoop):
    """The part of the loop that connects.

    A socket that is connected, and that no transport has taken when its connecting fails or is
    cancelled, is closed. Not all releases of asyncio do that.
    """

    # Sockets on their way to a transport; it takes its own out.
    _untaken: set[socket.socket]

    async def create_connection(
        self,
        protocol_factory: Callable[[], _P],
        host: Any = None,
        port: Any = None,
        *,
        happy_eyeballs_delay: float | None = None,
        **options: Any,
    ) -> tuple[asyncio.Transport, _P]:
        """Connect to host and port, or use a connected `sock`: see asyncio's documentation.

        Returns (transport, protocol). Raises OSError when no address can be reached.
        """
        if happy_eyeballs_delay is None:
            return await super().create_connection(protocol_factory, host, port, **options)
        winners: list[socket.socket] = []
        before = _race.set(winners)
        try:
            return await super().create_connection(
                protocol_factory, host, port, happy_eyeballs_delay=happy_eyeballs_delay, **options
            )
        finally:
            _race.reset(before)
            # The race may be cancelled when it is won, and forgets its winner then.
            for sock in winners:
                if sock in self._untaken:
                    self._untaken.discard(sock)
                    sock.close()

    async def _connect_sock(self, *args: Any) -> socket.socket:
        connecting = super()._connect_sock(*args)
        # One of them is the list that the exception goes to, whose traceback has this frame.
        del args
        sock = await connecting
        winners = _race.get()
        if winners is not None:
            winners.append(sock)
            self._untaken.add(sock)
        return sock

    async def _create_connection_transport(
        self, sock: socket.socket, *args: Any, **options: Any
    ) -> tuple[Any, Any]:
        if _race.get() is not None:
            # It is over. The transport's callbacks run in this context, and may connect, too.
            _race.set(None)
        self._untaken.add(sock)
        try:
            return await super()._create_connection_transport(sock, *args, **options)
        except BaseException:
            if sock in self._untaken:
                sock.close()
            raise
        finally:
            self._untaken.discard(sock)
