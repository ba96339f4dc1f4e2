"""`Connection`: the connection that a request has for itself, until it gives it back."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from aioxide import _aioxide
    from aioxide.http._connector import BaseConnector
    from aioxide.http._errors import ConnectionKey


class Connection:
    """A connection in use. `release()` gives it back to its connector, `close()` ends it."""

    __slots__ = (
        "__weakref__",
        "_callbacks",
        "_connector",
        "_key",
        "_loop",
        "_permit",
        "_protocol",
        "_slot",
    )

    def __init__(
        self,
        connector: BaseConnector,
        key: ConnectionKey,
        protocol: _aioxide.HttpConnection,
        loop: asyncio.AbstractEventLoop,
        slot: _aioxide.Slot | None = None,
    ) -> None:
        self._connector = connector
        self._key = key
        self._protocol: _aioxide.HttpConnection | None = protocol
        self._loop = loop
        self._slot = slot
        # Of a host that has limits. Dropping it gives it back, too.
        self._permit: _aioxide.HostPermit | None = None
        self._callbacks: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"Connection<{self._key}>"

    def __del__(self) -> None:
        protocol = self._protocol
        if protocol is None:
            return
        warnings.warn(f"Unclosed connection {self!r}", ResourceWarning, stacklevel=2, source=self)
        if self._loop.is_closed():
            return
        self._connector._release(self._key, protocol, should_close=True, slot=self._slot)
        self._loop.call_exception_handler(
            {"client_connection": self, "message": "Unclosed connection"}
        )

    def __bool__(self) -> bool:
        return True

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of the connection."""
        return self._loop

    @property
    def transport(self) -> Any:
        """The transport, None when the connection was given back or lost."""
        protocol = self._protocol
        return None if protocol is None else protocol.transport

    @property
    def protocol(self) -> Any:
        """The native connection, None when it was given back."""
        return self._protocol

    @property
    def closed(self) -> bool:
        """Whether the connection was given back, or is lost."""
        return self._protocol is None or not self._protocol.is_connected()

    def add_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback()` when the connection is given back or closed."""
        self._callbacks.append(callback)

    def _notify_release(self) -> None:
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            with suppress(Exception):
                callback()

    def _give_permit_back(self) -> None:
        permit, self._permit = self._permit, None
        if permit is not None:
            permit.release()

    def close(self) -> None:
        """End the connection."""
        if self._callbacks:
            self._notify_release()
        if self._permit is not None:
            self._give_permit_back()
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            self._connector._release(self._key, protocol, should_close=True, slot=self._slot)

    def release(self) -> None:
        """Give the connection back; it is kept for other requests if its response has ended."""
        if self._callbacks:
            self._notify_release()
        if self._permit is not None:
            self._give_permit_back()
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            self._connector._release(self._key, protocol, slot=self._slot)


class TunnelConnection(Connection):
    """The connection to a proxy while it is asked for a tunnel: it is not given back."""

    __slots__ = ()

    def release(self) -> None:
        """Keep it: TLS goes on over it."""
