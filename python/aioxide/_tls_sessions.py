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

__all__ = ["Leftover", "TlsSessions", "leftover_for"]

#: How many places are remembered. Of more, those are forgotten that were connected to first.
PLACES = 100

_wanted: ContextVar[tuple[TlsSessions, Hashable] | None] = ContextVar("wanted", default=None)


class TlsSessions:
    """The last session with each place."""

    def __init__(self) -> None:
        self._left: dict[Hashable, Leftover] = {}

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

    def _of(self, key: Hashable) -> Leftover:
        left = self._left.get(key)
        if left is None:
            while len(self._left) >= PLACES:
                del self._left[next(iter(self._left))]
            left = self._left[key] = Leftover()
        return left


def leftover_for(context: ssl.SSLContext, server_hostname: str | None) -> Leftover | None:
    """Where the session of a handshake that begins now is to come from, and to go to.

    A session is good for its own context only, and for the name that was checked.
    """
    wanted = _wanted.get()
    if wanted is None:
        return None
    sessions, place = wanted
    return sessions._of((place, server_hostname, context))


class Leftover:
    """What connections to one place have left."""

    def __init__(self) -> None:
        self._session: ssl.SSLSession | None = None
        self._newest: weakref.ref[ssl.SSLObject] | None = None

    def session(self) -> ssl.SSLSession | None:
        """What a new connection may offer."""
        newest = None if self._newest is None else self._newest()
        if newest is not None:
            # It has not ended, and may have been given a session by now.
            self._take(newest)
        return self._session

    def begin(self, newest: ssl.SSLObject) -> None:
        """A connection begins its handshake."""
        self._newest = weakref.ref(newest)

    def end(self, connection: ssl.SSLObject) -> None:
        """A connection is lost."""
        if connection.version() is None:
            # Its handshake has failed. Perhaps the server cannot bear to be reminded.
            self._session = None
        else:
            self._take(connection)

    def _take(self, connection: ssl.SSLObject) -> None:
        version = connection.version()
        if version is None:
            return
        session = connection.session
        # Until a server of TLS 1.3 has sent a ticket there is nothing to be resumed.
        if session is not None and (session.has_ticket or (session.id and version != "TLSv1.3")):
            self._session = session
