"""Datagram endpoints: asyncio's own way to make them, on native transports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from aioxide import _aioxide
from aioxide._cold import _Socket
from aioxide._inside import SelectorEventLoop
from aioxide._socket_class import DATAGRAMS, has_own

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable

__all__ = ["DatagramLoop"]

_P = TypeVar("_P", bound="asyncio.BaseProtocol")


class DatagramLoop(SelectorEventLoop):
    """The part of the loop that makes datagram endpoints."""

    # Of the native loop.
    _datagram_transport: Callable[..., _aioxide.DatagramTransport | None]
    _know_transports: Callable[[Any], None]

    async def create_datagram_endpoint(
        self,
        protocol_factory: Callable[[], _P],
        local_addr: Any = None,
        remote_addr: Any = None,
        *,
        sock: socket.socket | None = None,
        **options: Any,
    ) -> tuple[asyncio.DatagramTransport, _P]:
        """Make a datagram endpoint: see asyncio's documentation.

        Returns (transport, protocol). Raises OSError when no address can be bound or connected to.
        """
        transport, protocol = await super().create_datagram_endpoint(
            protocol_factory, local_addr, remote_addr, sock=sock, **options
        )
        # A socket of the program's may have other readers.
        if sock is None and isinstance(transport, _aioxide.DatagramTransport):
            transport._receive_coalesced()
        return transport, protocol

    def _make_datagram_transport(
        self,
        sock: socket.socket,
        protocol: asyncio.BaseProtocol,
        address: Any = None,
        waiter: asyncio.Future[Any] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> Any:
        transport = None
        # isinstance() would hold for a mock, too.
        if issubclass(type(sock), _Socket) and not has_own(sock, DATAGRAMS):
            self._ensure_fd_no_transport(sock)
            transport = self._datagram_transport(sock, protocol, address, waiter, extra)
        if transport is None:
            # Another family's, with methods of its own, or an object that only acts as a socket.
            self._know_transports(self._transports)
            return super()._make_datagram_transport(sock, protocol, address, waiter, extra)
        return transport
