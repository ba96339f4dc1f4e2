"""The parts of asyncio that its type stubs leave out.

The modules are here as `Any`, the loop's private methods and attributes with the types that this
package relies on. At run time the names are asyncio's own.
"""

from __future__ import annotations

import asyncio
from asyncio import base_events as _base_events
from asyncio import events as _events
from asyncio import format_helpers as _format_helpers
from asyncio import futures as _futures
from asyncio import sslproto as _sslproto
from asyncio import tasks as _tasks
from asyncio import unix_events as _unix_events
from typing import TYPE_CHECKING, Any

base_events: Any = _base_events
events: Any = _events
format_helpers: Any = _format_helpers
futures: Any = _futures
sslproto: Any = _sslproto
tasks: Any = _tasks
unix_events: Any = _unix_events

if TYPE_CHECKING:
    import socket

    class SelectorEventLoop(asyncio.SelectorEventLoop):
        def __init__(self, selector: Any = None) -> None: ...

        _csock: Any
        _debug: bool
        _default_executor: Any
        _executor_shutdown_called: bool
        _internal_fds: int
        _ready: Any
        _scheduled: Any
        _selector: Any
        _signal_handlers: Any
        _ssock: Any
        _transports: Any

        def _add_reader(self, fd: Any, callback: Any, *args: Any) -> Any: ...
        def _asyncgen_finalizer_hook(self, agen: Any) -> None: ...
        def _asyncgen_firstiter_hook(self, agen: Any) -> None: ...
        def _check_closed(self) -> None: ...
        def _check_running(self) -> None: ...
        async def _connect_sock(self, *args: Any) -> socket.socket: ...
        async def _create_connection_transport(
            self, sock: socket.socket, *args: Any, **options: Any
        ) -> tuple[Any, Any]: ...
        def _ensure_fd_no_transport(self, fd: Any) -> None: ...
        def _getaddrinfo_debug(self, *args: Any) -> list[Any]: ...
        def _make_datagram_transport(
            self, sock: socket.socket, protocol: Any, *args: Any
        ) -> Any: ...
        def _make_socket_transport(
            self, sock: socket.socket, protocol: Any, *args: Any, **options: Any
        ) -> Any: ...
        def _make_ssl_transport(
            self, rawsock: socket.socket, protocol: Any, *args: Any, **options: Any
        ) -> Any: ...
        async def _make_subprocess_transport(self, *args: Any, **options: Any) -> Any: ...
        def _read_from_self(self) -> None: ...
        def _remove_reader(self, fd: Any) -> bool: ...
        async def _sendfile_native(
            self, transp: Any, file: Any, offset: int, count: int | None
        ) -> int: ...
        def _set_coroutine_origin_tracking(self, enabled: bool) -> None: ...
        def _start_serving(
            self, protocol_factory: Any, sock: socket.socket, *args: Any, **options: Any
        ) -> None: ...
        def _stop_serving(self, sock: socket.socket) -> None: ...
else:
    SelectorEventLoop = asyncio.SelectorEventLoop
