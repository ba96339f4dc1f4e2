"""TLS sessions that are resumed: a server that knows its client from before does not prove again
who it is, which saves both sides most of a handshake.

Who connects keeps what the last connection to a place has left, and offers it with the next one. A
context variable tells the handshake so, since nothing between the two has an argument for it.
"""

from __future__ import annotations

import contextlib
import weakref
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Hashable, Iterator

__all__ = ["Handshake", "TlsSessions", "begin_handshake"]

#: How many places are remembered. Of more, those are forgotten that were connected to first.
PLACES = 100
#: After so many handshakes in a row that failed with a session, a place is offered no more.
FAILURES = 2

_wanted: ContextVar[tuple[TlsSessions, Hashable] | None] = ContextVar("wanted", default=None)


class TlsSessions:
    """The last session with each place."""

    def __init__(self) -> None:
        self._left: dict[Hashable, _Left] = {}

    @contextlib.contextmanager
    def resumed(self, place: Hashable) -> Iterator[None]:
        """Handshakes that begin in here resume the last session with this place, if they can."""
        token = _wanted.set((self, place))
        try:
            yield
        finally:
            _wanted.reset(token)

    def clear(self) -> None:
        """Forget all."""
        self._left.clear()

    def _of(self, key: Hashable) -> _Left:
        left = self._left.get(key)
        if left is None:
            while len(self._left) >= PLACES:
                del self._left[next(iter(self._left))]
            left = self._left[key] = _Left()
        return left


def begin_handshake(context: ssl.SSLContext, server_hostname: str | None) -> Handshake | None:
    """What a handshake that begins now has to do with others; None for nothing.

    A session is good for its own context only, and for the name that was checked.
    """
    wanted = _wanted.get()
    if wanted is None:
        return None
    sessions, place = wanted
    return Handshake(sessions._of((place, server_hostname, context)))


class _Left:
    """What connections to one place have left."""

    def __init__(self) -> None:
        self.session: ssl.SSLSession | None = None
        self.newest: weakref.ref[ssl.SSLObject] | None = None
        self.failures = 0

    def take(self, connection: ssl.SSLObject) -> None:
        """Keep the session of a connection, if there is one that can be resumed."""
        version = connection.version()
        session = connection.session
        # Until a server of TLS 1.3 has sent a ticket there is nothing to be resumed.
        if session is not None and (session.has_ticket or (session.id and version != "TLSv1.3")):
            self.session = session


class Handshake:
    """What one connection is offered, and what it leaves."""

    def __init__(self, left: _Left) -> None:
        self._left = left
        self._offers = False

    def session(self) -> ssl.SSLSession | None:
        """What the connection is to offer."""
        left = self._left
        if left.failures >= FAILURES:
            return None
        newest = None if left.newest is None else left.newest()
        if newest is not None and newest.version() is not None:
            # It has not ended, and may have been given a session by now.
            left.take(newest)
        self._offers = left.session is not None
        return left.session

    def begin(self, connection: ssl.SSLObject) -> None:
        """The connection is there, and shakes hands."""
        self._left.newest = weakref.ref(connection)

    def end(self, connection: ssl.SSLObject) -> None:
        """The connection is lost."""
        left = self._left
        if connection.version() is not None:
            if self._offers:
                left.failures = 0
            left.take(connection)
        elif self._offers:
            # Perhaps the server cannot bear to be reminded.
            left.failures += 1
            left.session = None
