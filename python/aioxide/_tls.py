"""TLS: the native protocol in the place of asyncio's, on native transports."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

from aioxide import _aioxide
from aioxide._inside import SelectorEventLoop

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EncryptingLoop"]


class EncryptingLoop(SelectorEventLoop):
    """The part of the loop that upgrades connections to TLS."""

    _tls_protocol: Callable[..., _aioxide.TlsProtocol]

    async def start_tls(
        self,
        transport: Any,
        protocol: asyncio.BaseProtocol,
        sslcontext: ssl.SSLContext,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> Any:
        """Upgrade a connection to TLS and return the transport to use from now on.

        Raises TypeError for a transport or context that cannot be used, ssl.SSLError or OSError
        when the handshake fails.
        """
        if not _is_native(self, transport, sslcontext):
            return await super().start_tls(
                transport,
                protocol,
                sslcontext,
                server_side=server_side,
                server_hostname=server_hostname,
                ssl_handshake_timeout=ssl_handshake_timeout,
                ssl_shutdown_timeout=ssl_shutdown_timeout,
            )
        waiter = self.create_future()
        tls = self._tls_protocol(
            protocol,
            sslcontext,
            waiter,
            server_side,
            server_hostname,
            False,
            ssl_handshake_timeout,
            ssl_shutdown_timeout,
        )
        if server_side:
            _move_read(protocol, tls)
        # Nothing is to be read before the handshake has begun.
        transport.pause_reading()
        transport.set_protocol(tls)
        made = self.call_soon(tls.connection_made, transport)
        resumed = self.call_soon(transport.resume_reading)
        try:
            await waiter
        except BaseException:
            transport.close()
            made.cancel()
            resumed.cancel()
            raise
        return tls._app_transport


def _is_native(loop: object, transport: Any, sslcontext: object) -> bool:
    """Whether the native protocol can be used.

    asyncio's own is, on a transport of the program's and for TLS within TLS, or it raises.
    """
    if not isinstance(sslcontext, ssl.SSLContext):
        return False
    return type(transport) is _aioxide.StreamTransport and transport._loop is loop


def _move_read(protocol: asyncio.BaseProtocol, tls: _aioxide.TlsProtocol) -> None:
    """Give TLS what a stream has read of it: a client need not wait before it says hello."""
    if isinstance(protocol, asyncio.StreamReaderProtocol):
        reader: Any = getattr(protocol, "_stream_reader", None)
        if reader is not None and reader._buffer:
            tls._feed(bytes(reader._buffer))
            reader._buffer.clear()
