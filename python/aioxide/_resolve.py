"""Addresses that need no name service: they are resolved without a thread.

The answer is that of the socket module's own function, which does not wait for anything then.
"""

from __future__ import annotations

import socket
from typing import Any

from aioxide._inside import SelectorEventLoop

__all__ = ["ResolvingLoop"]

# A program that replaces these wants its own to be called, in a thread as asyncio does.
_getaddrinfo = socket.getaddrinfo
_getnameinfo = socket.getnameinfo

# Plain numbers: the enumeration's `|` takes as long as the look-up.
_NUMERIC_HOST = int(socket.AI_NUMERICHOST)
_NUMERIC_BOTH = int(socket.AI_NUMERICHOST | socket.AI_NUMERICSERV)
_NUMERIC_NAME = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV


class ResolvingLoop(SelectorEventLoop):
    """The part of the loop that resolves names."""

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: Any = 0,
    ) -> list[Any]:
        """Do as socket.getaddrinfo(), in the default executor unless the address is a literal.

        Raises what that raises; RuntimeError for a name after shutdown_default_executor().
        """
        if not (
            socket.getaddrinfo is _getaddrinfo
            and isinstance(flags, int)
            and is_literal(host)
            and is_number(port)
        ):
            return await super().getaddrinfo(
                host, port, family=family, type=type, proto=proto, flags=flags
            )
        if self._debug:
            # It logs the flags.
            return self._getaddrinfo_debug(host, port, family, type, proto, flags)
        numeric = _NUMERIC_HOST if port is None else _NUMERIC_BOTH
        return _getaddrinfo(host, port, family, type, proto, int(flags) | numeric)

    async def getnameinfo(self, sockaddr: Any, flags: Any = 0) -> tuple[str, str]:
        """Do as socket.getnameinfo(), in the default executor unless only numbers are asked for.

        Raises as getaddrinfo() does.
        """
        if (
            socket.getnameinfo is _getnameinfo
            and isinstance(flags, int)
            and flags & _NUMERIC_NAME == _NUMERIC_NAME
        ):
            return _getnameinfo(sockaddr, flags)
        return await super().getnameinfo(sockaddr, flags)


def is_literal(host: Any) -> bool:
    """Whether the host is an IP address, an IPv6 one with a scope perhaps."""
    if isinstance(host, bytes):
        try:
            host = host.decode("ascii")
        except UnicodeDecodeError:
            return False
    if not isinstance(host, str) or not host:
        return False
    try:
        if ":" in host:
            address, percent, scope = host.partition("%")
            if percent and not scope:
                return False
            socket.inet_pton(socket.AF_INET6, address)
        else:
            socket.inet_pton(socket.AF_INET, host)
    except (OSError, ValueError):  # no address; with a null character, or a lone surrogate
        return False
    return True


def is_number(port: Any) -> bool:
    """Whether the port is absent, an int, or nothing but digits."""
    if port is None or isinstance(port, int):
        return True
    return isinstance(port, str | bytes) and port.isdigit() and port.isascii()
