"""Classes of sockets that move their data themselves.

A subclass of `socket.socket` may have its own `recv` or `send`: to count, to log, to encrypt, or to
pass the data on by other ways. Native code reads and writes descriptors and would go past them.
"""

from __future__ import annotations

import _socket

from aioxide._cold import _Socket

__all__ = ["ACCEPTING", "DATAGRAMS", "STREAM", "has_own"]

#: What asyncio's transports call of a connected socket.
STREAM = ("recv", "recv_into", "send", "sendmsg", "shutdown")
#: What its datagram transports call.
DATAGRAMS = ("recvfrom", "send", "sendto")
#: What its servers call, in the end.
ACCEPTING = ("accept", "_accept")


def has_own(sock: object, names: tuple[str, ...]) -> bool:
    """Whether a socket's class, or the socket itself, has a method of its own by one of the names.

    False for what is not derived from Python's sockets.
    """
    kind = type(sock)
    if kind is _Socket or not issubclass(kind, _socket.socket):
        return False
    own = getattr(sock, "__dict__", {})
    return any(name in own or getattr(kind, name) is not getattr(_Socket, name) for name in names)
