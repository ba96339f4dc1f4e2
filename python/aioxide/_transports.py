"""Transports and servers: native ones in the places where asyncio makes its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aioxide import _aioxide
from aioxide._inside import SelectorEventLoop, base_events
from aioxide._socket_class import ACCEPTING, STREAM, has_own

if TYPE_CHECKING:
    import asyncio
    import socket
    import ssl
    from collections.abc import Callable

__all__ = ["TransportLoop"]


class TransportLoop(SelectorEventLoop):
    """The part of the loop that makes transports, and that accepts."""

    _untaken: set[socket.socket]
    _listeners: dict[int, list[_aioxide.Listener]]
    # Of the native loop.
    _know_transports: Any
    _lend: Any
    _listener: Any
    _read_pipe: Callable[..., _aioxide.ReadPipeTransport]
    _refuse_transports: Any
    _stream_transport: Any
    _take_back: Any
    _tls_protocol: Any
    _write_pipe: Callable[..., _aioxide.WritePipeTransport]

    def _ensure_fd_no_transport(self, fd: Any) -> None:
        self._refuse_transports(fd)
        super()._ensure_fd_no_transport(fd)

    def _claim(self, sock: socket.socket) -> None:
        """Refuse a socket that a transport has: that one closes it."""
        try:
            self._ensure_fd_no_transport(sock)
        except RuntimeError:
            self._untaken.discard(sock)
            raise

    def _make_socket_transport(
        self,
        sock: socket.socket,
        protocol: asyncio.BaseProtocol,
        waiter: asyncio.Future[Any] | None = None,
        *,
        extra: dict[str, Any] | None = None,
        server: base_events.Server | None = None,
        **options: Any,
    ) -> Any:
        self._claim(sock)
        if has_own(sock, STREAM):
            self._know_transports(self._transports)
            transport = super()._make_socket_transport(
                sock, protocol, waiter, extra=extra, server=server, **options
            )
        else:
            # Only from 3.15 on there is a context.
            context = options.get("context")
            transport = self._stream_transport(sock, protocol, waiter, extra, server, context)
        self._untaken.discard(sock)
        return transport

    def _make_ssl_transport(
        self,
        rawsock: socket.socket,
        protocol: asyncio.BaseProtocol,
        sslcontext: ssl.SSLContext,
        waiter: asyncio.Future[Any] | None = None,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        extra: dict[str, Any] | None = None,
        server: base_events.Server | None = None,
        context: Any = None,
        **options: Any,
    ) -> Any:
        self._claim(rawsock)
        if has_own(rawsock, STREAM):
            self._know_transports(self._transports)
            options |= {} if context is None else {"context": context}
            options |= {"server_side": server_side, "server_hostname": server_hostname}
            transport = super()._make_ssl_transport(
                rawsock, protocol, sslcontext, waiter, extra=extra, server=server, **options
            )
        else:
            tls = self._tls_protocol(
                protocol, sslcontext, waiter, server_side, server_hostname, **options
            )
            self._stream_transport(rawsock, tls, None, extra, server, context)
            transport = tls._app_transport
        self._untaken.discard(rawsock)
        return transport

    def _start_serving(
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        sock: socket.socket,
        sslcontext: ssl.SSLContext | None = None,
        server: base_events.Server | None = None,
        backlog: int = 100,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        **options: Any,
    ) -> None:
        timeouts = (ssl_handshake_timeout, ssl_shutdown_timeout)
        if has_own(sock, ACCEPTING):
            super()._start_serving(
                protocol_factory, sock, sslcontext, server, backlog, *timeouts, **options
            )
            return
        # Only from 3.15 on a server has a context.
        context = options.get("context")
        listener = self._listener(
            protocol_factory, sock, server, backlog, context, sslcontext, *timeouts
        )
        listener.start()
        self._listeners.setdefault(sock.fileno(), []).append(listener)

    def _stop_serving(self, sock: socket.socket) -> None:
        for listener in self._listeners.pop(sock.fileno(), ()):
            listener.stop()
        super()._stop_serving(sock)

    def _make_read_pipe_transport(
        self,
        pipe: Any,
        protocol: asyncio.BaseProtocol,
        waiter: asyncio.Future[Any] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> _aioxide.ReadPipeTransport:
        return self._read_pipe(pipe, protocol, waiter, extra)

    def _make_write_pipe_transport(
        self,
        pipe: Any,
        protocol: asyncio.BaseProtocol,
        waiter: asyncio.Future[Any] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> _aioxide.WritePipeTransport:
        return self._write_pipe(pipe, protocol, waiter, extra)

    async def _sendfile_native(self, transp: Any, file: Any, offset: int, count: int | None) -> int:
        if not isinstance(transp, _aioxide.StreamTransport):
            return await super()._sendfile_native(transp, file, offset, count)
        resume = transp.is_reading()
        transp.pause_reading()
        await transp._make_empty_waiter()
        sock: Any = transp._sock
        self._lend(transp)
        try:
            return await self.sock_sendfile(sock, file, offset, count, fallback=False)
        finally:
            self._take_back(transp)
            transp._reset_empty_waiter()
            if resume:
                transp.resume_reading()
