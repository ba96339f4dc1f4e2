"""How long the parts of a request may take, in seconds.

ClientTimeout has aiohttp's fields and four more. Where aiohttp is installed it is a subclass of
aiohttp's, and equal to one with the same values, so either may be given wherever one is asked for.
"""

from __future__ import annotations

import asyncio
import dataclasses
from math import ceil
from typing import Any, Final, TypeVar, dataclass_transform

from aioxide.http._aiohttp import shared

__all__ = [
    "DEFAULT_TIMEOUT",
    "DEFAULT_WS_CLIENT_TIMEOUT",
    "ClientTimeout",
    "ClientWSTimeout",
    "as_timeout",
    "calculate_timeout_when",
    "ceil_timeout",
]

_C = TypeVar("_C", bound=type)

_OF_AIOHTTP = ("total", "connect", "sock_read", "sock_connect", "ceil_threshold")
_OWN = ("pool", "dns", "tls", "first_byte")


def _has_the_fields(theirs: Any) -> bool:
    of_attrs = tuple(field.name for field in getattr(theirs, "__attrs_attrs__", ()))
    return _OF_AIOHTTP in (of_attrs, tuple(getattr(theirs, "__dataclass_fields__", ())))


@shared("client", name="ClientTimeout", fits=_has_the_fields)
@dataclasses.dataclass(frozen=True, slots=True)
class _ClientTimeout:
    total: float | None = None
    connect: float | None = None
    sock_read: float | None = None
    sock_connect: float | None = None
    ceil_threshold: float = 5


@dataclass_transform(frozen_default=True)
def _frozen(cls: _C) -> _C:
    """Make a data class in the way of the class that it derives from.

    aiohttp's is an attrs class, and its documentation says to change one by attr.evolve(), which
    sees the fields of attrs classes only.
    """
    decorator: Any
    if hasattr(_ClientTimeout, "__attrs_attrs__"):
        import attr

        decorator = attr.s(auto_attribs=True, frozen=True, slots=True, eq=False)
    else:
        decorator = dataclasses.dataclass(frozen=True, slots=True, eq=False)
    decorated: _C = decorator(cls)
    return decorated


@_frozen
class ClientTimeout(_ClientTimeout):
    """The limits of a request, in seconds. None, like 0, is no limit.

    - total: all of it, with redirects and the reading of the body;
    - connect: until there is a connection, be it one from the pool;
    - sock_connect: making a connection to one peer, with TLS;
    - sock_read: the wait for each further piece of the response;
    - ceil_threshold: a limit above it ends on a full second of the loop's clock, so that those of
      many requests end together;
    - pool: the wait until the pool's limits leave room for a connection;
    - dns: one look-up of a name;
    - tls: one TLS handshake;
    - first_byte: from the request's end to the response's beginning.

    An instance cannot be changed; attr.evolve() makes another where aiohttp is installed, as of
    aiohttp's own, dataclasses.replace() where it is not.
    """

    pool: float | None = None
    dns: float | None = None
    tls: float | None = None
    first_byte: float | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _ClientTimeout):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name, None) for name in _OF_AIOHTTP + _OWN)

    def __hash__(self) -> int:
        # aiohttp's hash, since one of aiohttp's may be equal.
        return hash(_ClientTimeout(*(getattr(self, name) for name in _OF_AIOHTTP)))


def as_timeout(timeout: Any) -> ClientTimeout:
    """Convert what a program gave as `timeout`: a ClientTimeout, aiohttp's, a number, or None.

    A number is the limit of all, None is no limit. Raises ValueError for anything else.
    """
    if isinstance(timeout, ClientTimeout):
        return timeout
    if timeout is None or isinstance(timeout, (int, float)):
        return ClientTimeout(total=timeout)
    if not all(hasattr(timeout, name) for name in _OF_AIOHTTP):
        raise ValueError(
            f"timeout parameter cannot be of {type(timeout)} type, "
            "please use 'timeout=ClientTimeout(...)'"
        )
    values: dict[str, Any] = {name: getattr(timeout, name) for name in _OF_AIOHTTP}
    values.update({name: getattr(timeout, name, None) for name in _OWN})
    return ClientTimeout(**values)


DEFAULT_TIMEOUT: Final[ClientTimeout] = ClientTimeout(total=5 * 60, sock_connect=30)
"""What a session uses that is given none."""


@shared("client_ws")
@dataclasses.dataclass(frozen=True, slots=True)
class ClientWSTimeout:
    """The limits of a WebSocket, in seconds. None is no limit.

    - ws_receive: the wait for each message;
    - ws_close: the wait for the peer's answer to a close frame.
    """

    ws_receive: float | None = None
    ws_close: float | None = None


DEFAULT_WS_CLIENT_TIMEOUT: Final[ClientWSTimeout] = ClientWSTimeout(ws_receive=None, ws_close=10.0)
"""What a WebSocket uses that is given none."""


def calculate_timeout_when(
    loop_time: float, timeout: float, timeout_ceiling_threshold: float = 5
) -> float:
    """The time at which a limit ends that begins at `loop_time`, on the loop's clock.

    One above the threshold ends on a full second.
    """
    when = loop_time + timeout
    return ceil(when) if timeout > timeout_ceiling_threshold else when


def ceil_timeout(delay: float | None, ceil_threshold: float = 5) -> asyncio.Timeout:
    """Make an asyncio.timeout() of `delay` seconds that keeps the threshold's rule.

    None, zero or less is no limit. Needs a running loop. Cancellation of the task goes through.
    """
    if delay is None or delay <= 0:
        return asyncio.timeout(None)
    now = asyncio.get_running_loop().time()
    return asyncio.timeout_at(calculate_timeout_when(now, delay, ceil_threshold))
