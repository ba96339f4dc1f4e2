"""What connecting natively leaves out, and whether it is what it was.

A native dial calls neither the loop's methods nor those of a `socket.socket`. Programs replace
these, and a connector's, to see connections or to forbid them: then theirs are called.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from aioxide import _aioxide
from aioxide._loop import EventLoop
from aioxide.http._resolver import DnsCache
from aioxide.http._tcp import TCPConnector

_Socket = socket.socket
_SOCKET = (
    "connect",
    "fileno",
    "getpeername",
    "getsockname",
    "getsockopt",
    "setblocking",
    "setsockopt",
)
_LOOP = (
    "_add_writer",
    "_create_connection_transport",
    "_ensure_resolved",
    "_make_socket_transport",
    "_make_ssl_transport",
    "_sock_connect",
    "_sock_connect_cb",
    "create_connection",
    "sock_connect",
)
_CONNECTOR = (
    "_connect",
    "_convert_hosts_to_addr_infos",
    "_create_connection",
    "_create_direct_connection",
    "_factory",
    "_get",
    "_get_fingerprint",
    "_get_ssl_context",
    "_resolve_host",
    "_wrap_create_connection",
    "connect",
)
_CACHE = ("_fresh", "_next", "resolve")


def _seams(cls: Any, names: tuple[str, ...]) -> list[tuple[Any, str, Any]]:
    return [(cls, name, getattr(cls, name)) for name in names]


# The loop's own method calls asyncio's.
_BEHIND = ("_create_connection_transport", "create_connection")
_ORIGINALS = _seams(EventLoop, _LOOP) + _seams(asyncio.BaseEventLoop, _BEHIND)
_ORIGINALS += _seams(TCPConnector, _CONNECTOR) + _seams(DnsCache, _CACHE)
# The C class underneath, whose methods nobody can replace.
_ORIGINALS += [(_Socket, name, getattr(_Socket.__base__, name)) for name in _SOCKET]


def _as_they_were() -> bool:
    return (
        _Socket.__module__ == "socket"
        and _Socket.__init__.__module__ == "socket"
        and all(getattr(cls, name, None) is original for cls, name, original in _ORIGINALS)
    )


_loop_seams = _aioxide.Untouched([(EventLoop, _LOOP), (_Socket, ())], _as_they_were)
_all_seams = _aioxide.Untouched(
    [(TCPConnector, _CONNECTOR), (EventLoop, _LOOP), (DnsCache, _CACHE), (_Socket, ())],
    _as_they_were,
)


def _is_plain(connector: TCPConnector) -> bool:
    """Whether a connector's sockets are made and bound as they are by default."""
    return (
        connector._local_addr is None
        and connector._socket_factory is None
        and socket.socket is _Socket
        and not connector._loop.get_debug()
    )


def may_dial(connector: TCPConnector) -> bool:
    """Whether a connector's sockets may be connected natively: by its loop, as that does it."""
    return _is_plain(connector) and _loop_seams.holds(connector._loop)


def may_dial_at_once(connector: TCPConnector) -> bool:
    """The same, where the connector's own methods are left out, too."""
    return _is_plain(connector) and _all_seams.holds(
        connector, connector._loop, connector._cached_hosts
    )
