"""The shortest way of a request that asks for nothing out of the ordinary.

Most requests of most programs are alike: a method and a URL, with what the session adds; no body,
no proxy, no middleware, nobody who traces. For these the head is made once for each URL and kept,
an idle connection is taken without waiting, and what a response needs is filled in directly.
Whatever is different goes the long way, `step_by_step()`.
"""

from __future__ import annotations

import time
from copy import copy
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict, getversion

from aioxide import _aioxide
from aioxide.diagnostics.sites import caller
from aioxide.http._connection import Connection
from aioxide.http._connector import BaseConnector
from aioxide.http._cookies import CookieJar, cookie_target
from aioxide.http._errors import ClientConnectionResetError
from aioxide.http._request import COOKIE, ClientRequest
from aioxide.http._response import ClientResponse
from aioxide.http._retry import RetryPolicy
from aioxide.http._tcp import TCPConnector
from aioxide.http._timer import TimerNoop

if TYPE_CHECKING:
    from yarl import URL

    from aioxide.http._session import ClientSession
    from aioxide.http._tracing import Trace

#: Heads that are kept for one session.
KEPT = 1024

NO_TIMER = TimerNoop()
NO_TRACES: list[Trace] = []


def _version_of(session: ClientSession) -> int:
    """Changes whenever somebody changes the session's headers."""
    headers: Any = session._default_headers
    return getversion(headers)


class Head:
    """What is known of requests for one URL."""

    __slots__ = ("bytes", "cookies", "key", "number", "request", "target", "url", "with_cookies")

    def __init__(self, url: URL, key: Any, number: int, head: bytes, request: ClientRequest):
        self.url = url
        self.key = key
        self.number = number
        self.bytes = head
        self.request = request
        self.target = cookie_target(url)
        #: The cookies that were sent last, and the head that has them.
        self.cookies: str | None = None
        self.with_cookies: Head | None = None

    def carrying(self, cookies: str) -> Head | None:
        """The same head with cookies; None where the program's headers have some, too."""
        if cookies != self.cookies:
            request = self.request
            if COOKIE in request.headers:
                return None
            changed = copy(request)
            changed.headers = CIMultiDict(request.headers)
            changed.headers[COOKIE] = cookies
            self.with_cookies = Head(self.url, self.key, self.number, encoded(changed), changed)
            self.cookies = cookies
        return self.with_cookies


def encoded(request: ClientRequest) -> bytes:
    """The bytes of a request's head."""
    return _aioxide.encode_request_head(
        request.method, request._target(), request.headers, request.version.minor
    )


class Shortcut:
    """The short way of one session."""

    __slots__ = ("_heads", "_session", "_version")

    def __init__(self, session: ClientSession) -> None:
        self._session = session
        self._heads: dict[tuple[str, Any], Head | None] = {}
        self._version: Any = None

    @staticmethod
    def serves(session: ClientSession) -> bool:
        """Whether requests of a session may go this way at all."""
        connector = session._connector
        return (
            not session._middlewares
            and not session._trace_configs
            and session._request_class is ClientRequest
            and session._response_class is ClientResponse
            and session._default_auth is None
            and session._default_proxy is None
            and not session._trust_env
            and not session._timeout.first_byte
            and not session._max_error_body
            and not isinstance(session._retry, RetryPolicy)
            and type(session._cookie_jar) is CookieJar
            and type(connector) is TCPConnector
            and connector._host_limits is None
            and connector.connect.__func__ is BaseConnector.connect  # type: ignore[attr-defined]
        )

    def _head_for(self, method: str, url: Any) -> Head | None:
        """Make the head for a URL; None where the long way is to be taken."""
        session = self._session
        heads = self._heads
        if len(heads) >= KEPT:
            heads.clear()
        heads[method, url] = None
        try:
            target = session._build_url(url)
        except ValueError:
            return None
        if (
            target.scheme not in ("http", "https")
            or not target.raw_host
            or target.raw_user is not None
            or target.raw_password is not None
        ):
            return None
        request = ClientRequest(
            method,
            target,
            headers=session._prepare_headers(None),
            skip_auto_headers=session._skip_auto_headers or None,
            version=session._version,
            loop=session._loop,
            response_class=ClientResponse,
            session=session,
        )
        connector = session._connector
        assert connector is not None
        request._complete_headers(connector.force_close)
        if request._expects:
            return None
        key = request.connection_key
        made = Head(target, key, connector._number_of(key), encoded(request), request)
        heads[method, url] = made
        return made

    def begin(self, method: str, url: Any) -> ClientResponse | None:
        """Send a request over an idle connection; None where the long way is to be taken.

        The response awaits its head.
        """
        session = self._session
        connector = session._connector
        if connector is None or connector._closed:
            return None
        version = _version_of(session), connector._forgotten
        if version != self._version:
            self._version = version
            self._heads.clear()
        try:
            head = self._heads[method, url]
        except KeyError:
            head = self._head_for(method, url)
        except TypeError:
            return None
        if head is None:
            return None
        jar = session._cookie_jar
        if type(jar) is not CookieJar:
            return None
        if len(jar._jar):
            cookies = jar._jar.header(time.time(), head.target)
            if cookies is not None:
                head = head.carrying(cookies)
                if head is None:
                    return None
        loop = session._loop
        now = loop.time()
        slot = connector._pool.take_idle(head.number, now)
        if slot is None:
            return None
        protocol: Any = slot.connection
        try:
            exchange = protocol.begin(head.request.method, [head.bytes], session._settings)
        except ClientConnectionResetError:
            # It has ended just now: the long way makes another one.
            slot.discard()
            protocol.close()
            return None
        connection = Connection(connector, head.key, protocol, loop, slot)
        connector._acquired.add(protocol)
        response = ClientResponse.__new__(ClientResponse)
        response.method = head.request.method
        response._real_url = response._url = head.url
        response._request = head.request
        response._timer = NO_TIMER
        response._traces = NO_TRACES
        response._loop = loop
        response._session = session
        response._resolve_charset = session._resolve_charset
        response._connection = connection
        response._protocol = protocol
        response._exchange = exchange
        # Above _request().
        response._made_at = caller(2)
        total = session._timeout.total
        if total:
            response._began_at = now
            exchange.set_timeout(total)
        read = session._timeout.sock_read
        if read:
            exchange.set_read_timeout(read)
        return response
