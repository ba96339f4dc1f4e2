"""The shortest way of a request that asks for nothing out of the ordinary.

Most requests of most programs are alike: a method and a URL, some headers, a body that lies in
memory, with what the session adds; no proxy, no middleware, nobody who traces. For these the head
is filled into a template, an idle connection is taken without waiting, and what a response needs is
filled in directly. Whatever is different goes the long way, `step_by_step()`; so does what would
raise, which is why nothing here says what is wrong.
"""

from __future__ import annotations

import sys
import time
import traceback
from socket import AF_INET, AF_INET6, IPPROTO_TCP, SOCK_STREAM
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict, getversion

from aioxide.diagnostics.sites import caller
from aioxide.http._connection import Connection
from aioxide.http._connector import GET, BaseConnector
from aioxide.http._cookies import CookieJar, cookie_target
from aioxide.http._dialled import Dialled
from aioxide.http._errors import ClientConnectionResetError, ConnectionKey
from aioxide.http._payload import (
    PAYLOAD_REGISTRY,
    BytesPayload,
    JsonBytesPayload,
    JsonPayload,
    StringPayload,
)
from aioxide.http._request import TOGETHER, ClientRequest
from aioxide.http._resolver import is_canonical_ipv4_address, is_ip_address
from aioxide.http._response import ClientResponse
from aioxide.http._retry import RetryPolicy
from aioxide.http._ssl import chosen, fingerprint_of
from aioxide.http._steps import step_by_step
from aioxide.http._tcp import TCPConnector
from aioxide.http._template import Template
from aioxide.http._timeout import ClientTimeout
from aioxide.http._timer import TimerNoop
from aioxide.http._untouched import may_dial_at_once

if TYPE_CHECKING:
    from yarl import URL

    from aioxide.http._addresses import Addresses
    from aioxide.http._payload import Payload
    from aioxide.http._session import ClientSession
    from aioxide.http._tracing import Trace

#: What of a session is asked for once, by serves() or for what is kept.
DECIDING = frozenset(
    {
        "_base_url",
        "_connector",
        "_cookie_jar",
        "_default_auth",
        "_default_headers",
        "_default_proxy",
        "_max_error_body",
        "_middlewares",
        "_request_class",
        "_response_class",
        "_retry",
        "_skip_auto_headers",
        "_timeout",
        "_trace_configs",
        "_trust_env",
        "_version",
    }
)
#: URLs, and templates, that are kept for one session.
KEPT = 1024

CONNECT = BaseConnector.connect
SEND = ClientRequest.send
START = ClientResponse.start
FOLLOWING = {"allow_redirects": True}
NO_TIMER = TimerNoop()
NO_TRACES: list[Trace] = []
#: Options that say nothing if they are None.
NONE_BY_DEFAULT = frozenset(
    name for name, default in (step_by_step.__kwdefaults__ or {}).items() if default is None
)
#: Data that lies in memory, and the payload that is made of it: of a payload none.
IN_MEMORY: dict[type, type[Payload] | None] = {
    bytes: BytesPayload,
    bytearray: BytesPayload,
    str: StringPayload,
    JsonPayload: None,
    JsonBytesPayload: None,
}


def _version_of(session: ClientSession) -> int:
    """Changes whenever somebody changes the session's headers."""
    headers: Any = session._default_headers
    return getversion(headers)


class Place:
    """Where the requests for one URL go."""

    __slots__ = (
        "addresses",
        "cookies",
        "host",
        "key",
        "number",
        "ready",
        "target",
        "url",
        "whole_url",
    )

    def __init__(self, url: URL, connector: BaseConnector) -> None:
        #: For each method what is sent where nothing is to be filled in.
        self.ready: dict[str, tuple[Template, list[Any]]] = {}
        self.whole_url = url
        self.url = url.with_fragment(None) if url.raw_fragment else url
        self.target = url.raw_path_qs
        self.host = url.host_port_subcomponent
        self.cookies = cookie_target(url)
        self.key = ConnectionKey(
            url.raw_host or "", url.port, url.scheme == "https", True, None, None, None, None
        )
        self.number = connector._number_of(self.key)
        #: Where the host is one address.
        self.addresses = _literal(url)


def _literal(url: URL) -> Addresses | None:
    """The address that a host is, None for a name, and for what the long way refuses."""
    host, port = url.raw_host, url.port
    if not host or port is None:
        return None
    if ":" in host:
        return [(AF_INET6, SOCK_STREAM, IPPROTO_TCP, "", (host, port, 0, 0))]
    if is_canonical_ipv4_address(host):
        return [(AF_INET, SOCK_STREAM, IPPROTO_TCP, "", (host, port))]
    return None


class Shortcut:
    """The short way of one session.

    It is told the session with each request, and does not hold it: a session that is forgotten ends
    at once, and says so if it is not closed.
    """

    __slots__ = ("_kinds", "_kinds_as_of", "_places", "_templates", "_version")

    def __init__(self) -> None:
        #: The kind of payload for data of a type, and when that was looked up.
        self._kinds: dict[type, type[Payload]] = {}
        self._kinds_as_of = -1
        self._places: dict[Any, Place | None] = {}
        self._templates: dict[Any, Template | None] = {}
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
            and type(session._default_headers) is CIMultiDict
            and type(connector) is TCPConnector
            and connector._host_limits is None
            and "connect" not in vars(connector)
        )

    def begin(
        self, session: ClientSession, method: str, url: Any, options: dict[str, Any]
    ) -> ClientResponse | None:
        """Send a request over an idle connection; None where the long way is to be taken.

        The response awaits its head. `json` is made text here, and not again: after this,
        `long_way()` says what step_by_step() is to be told. Raises what making it raises.
        """
        connector = session._connector
        if connector is None or connector._closed:
            return None
        if session._trace_configs or session._middlewares or "connect" in connector.__dict__:
            # The program has put something there since.
            return None
        limits: ClientTimeout | None = session._timeout
        assert limits is not None
        total, read = limits.total, limits.sock_read
        params: Any = None
        kind: type[Payload] | None = None
        body: Any = None
        headers: dict[str, str] | None = None
        if options == FOLLOWING:
            # session.get(url)
            return self._send(session, method, url, None, None, None, None, total, read, limits)
        for name, value in options.items():
            if value is None and name in NONE_BY_DEFAULT:
                continue
            if name == "json":
                if kind is not None:
                    return None
                kind = self._kind_of(
                    JsonPayload if session._json_serialize_bytes is None else JsonBytesPayload
                )
                if kind is None:
                    return None
            elif name == "data":
                if kind is not None:
                    return None
                kind = self._kind_of(type(value))
                if kind is None:
                    return None
                body = value
            elif name == "headers":
                if type(value) is not dict:
                    return None
                headers = value
            elif name == "params":
                if type(value) is not dict:
                    return None
                params = value
            elif name == "allow_redirects" or name == "raise_for_status":
                if value is not True and value is not False:
                    return None
            elif name == "timeout":
                if type(value) is ClientTimeout:
                    if value.first_byte:
                        return None
                    limits, total, read = value, value.total, value.sock_read
                elif value is None or type(value) is float or type(value) is int:
                    limits, total, read = None, value, None
                else:
                    return None
            else:
                return None
        if kind is not None:
            if kind is StringPayload:
                try:
                    body = body.encode("utf-8")
                except UnicodeEncodeError:
                    return None
            elif body is None:
                as_bytes = session._json_serialize_bytes
                dumps: Any = session._json_serialize if as_bytes is None else as_bytes
                options["json"] = body = dumps(options["json"])
                if as_bytes is None:
                    body = body.encode("utf-8")
            if type(body) not in (bytes, bytearray) or len(body) > TOGETHER:
                if kind is not StringPayload and kind is not BytesPayload:
                    self._make_payload(session, options)
                return None
        response = self._send(
            session, method, url, params, headers, kind, body, total, read, limits
        )
        if response is None:
            self.long_way(session, options)
        return response

    def _kind_of(self, given: type) -> type[Payload] | None:
        """The payload that is made of data of a type; None where the long way is to be taken."""
        if self._kinds_as_of != PAYLOAD_REGISTRY.changes:
            # A program may have payloads of its own.
            self._kinds_as_of = PAYLOAD_REGISTRY.changes
            self._kinds = {
                kind: payload or kind
                for kind, payload in IN_MEMORY.items()
                if PAYLOAD_REGISTRY.gives_to(kind, payload)
            }
        return self._kinds.get(given)

    def long_way(self, session: ClientSession, options: dict[str, Any]) -> dict[str, Any]:
        """The options, with a payload in the place of `json` that is text by now."""
        if options.get("json") is not None:
            self._make_payload(session, options)
        return options

    def _make_payload(self, session: ClientSession, options: dict[str, Any]) -> None:
        text = options.pop("json")
        if session._json_serialize_bytes is None:
            options["data"] = JsonPayload(text, dumps=_same)
        else:
            options["data"] = JsonBytesPayload(text, dumps=_same)

    def _send(
        self,
        session: ClientSession,
        method: str,
        url: Any,
        params: Any,
        headers: dict[str, str] | None,
        kind: type[Payload] | None,
        body: bytes | bytearray | None,
        total: float | None,
        read: float | None,
        limits: ClientTimeout | None,
    ) -> ClientResponse | None:
        connector: Any = session._connector
        jar = session._cookie_jar
        if type(method) is not str or type(jar) is not CookieJar or connector is None:
            return None
        if TCPConnector._get is not GET or TCPConnector.connect is not CONNECT:
            # A package has replaced it since, to answer in the place of servers.
            return None
        if ClientRequest.send is not SEND or ClientResponse.start is not START:
            return None  # as above
        version = _version_of(session), connector._forgotten
        if version != self._version:
            self._version = version
            self._places.clear()
            self._templates.clear()
        try:
            place = self._places[url]
        except KeyError:
            place = self._place_of(session, url)
        except TypeError:
            return None
        if place is None:
            return None
        shown, whole_url = place.url, place.whole_url
        values: tuple[str, ...] = ()
        cookies = jar._jar.header(time.time(), place.cookies) if len(jar._jar) else None
        plain = kind is None and not headers and not params and not cookies
        ready = place.ready.get(method) if plain else None
        if ready is not None:
            template, pieces = ready
        else:
            names: tuple[str, ...] = ()
            if headers:
                names, values = tuple(headers), tuple(headers.values())
            if cookies:
                values = (*values, cookies)
            known = self._template_of(session, method, place, kind, names, values)
            if known is None:
                return None
            template, target = known, place.target
            if params:
                try:
                    whole_url = whole_url.extend_query(params)
                except (TypeError, ValueError):
                    return None
                shown = whole_url.with_fragment(None) if whole_url.raw_fragment else whole_url
                target = shown.raw_path_qs
            filled = template.native.pieces(target, values, body)
            if filled is None:
                return None
            pieces = filled
            if plain:
                place.ready[method] = template, pieces
        loop = session._loop
        now = loop.time()
        slot = connector._pool.take_idle(place.number, now)
        dialled: Dialled | None = None
        protocol: Any
        if slot is None:
            dialled = self._dialled(connector, place, limits, now)
            slot = None if dialled is None else connector._pool.take_new(place.number)
            if dialled is None or slot is None:
                return None
            try:
                protocol = dialled.connection(now)
            except Exception:  # noqa: BLE001 - the long way raises it in its place
                protocol = None
            if protocol is None:
                slot.discard()
                return None
            slot.adopt(protocol)
            dialled.remember(pieces, total, read)
        else:
            protocol = slot.connection
        try:
            exchange = protocol.begin(template.method, pieces, session._settings)
        except ClientConnectionResetError:
            # It has ended just now: the long way makes another one.
            slot.discard()
            protocol.close()
            return None
        connection = Connection(connector, place.key, protocol, loop, slot)
        connector._acquired.add(protocol)
        response = ClientResponse.__new__(ClientResponse)
        response.method = template.method
        response._real_url = whole_url
        response._url = shown
        response._filled = template, values, 0 if body is None else len(body)
        response._timer = NO_TIMER
        response._traces = NO_TRACES
        response._loop = loop
        response._session = session
        response._resolve_charset = session._resolve_charset
        response._connection = connection
        response._protocol = protocol
        response._exchange = exchange
        response._dialled = dialled
        # Above _request().
        response._made_at = caller(3)
        if loop.get_debug():
            response._source_traceback = traceback.extract_stack(sys._getframe(2))
        if total and total > 0:
            response._began_at = now
            exchange.set_timeout(total)
        if read:
            exchange.set_read_timeout(read)
        return response

    def _dialled(
        self, connector: TCPConnector, place: Place, limits: ClientTimeout | None, now: float
    ) -> Dialled | None:
        """How to connect to a place; None where the long way is to be taken: where the host has to
        be looked up, too."""
        if not may_dial_at_once(connector):
            return None
        ssl: Any = None
        if place.key.is_ssl:
            if (limits is not None and limits.tls) or fingerprint_of(connector._ssl) is not None:
                return None
            ssl = chosen(connector._ssl)
        addresses = place.addresses
        if addresses is None:
            host, port = place.key.host, place.key.port
            if (
                not connector._use_dns_cache
                or port is None
                or is_ip_address(host)
                or host.endswith("..")
            ):
                return None
            found = connector._cached_hosts._fresh((host, port))
            addresses = [] if found is None else connector._convert_hosts_to_addr_infos(list(found))
        elif connector._family and connector._family != addresses[0][0]:
            return None
        return Dialled(connector, place.key, addresses, limits, now, ssl) if addresses else None

    def _place_of(self, session: ClientSession, url: Any) -> Place | None:
        """Where requests for a URL go; None where the long way is to be taken."""
        places = self._places
        if len(places) >= KEPT:
            places.clear()
        places[url] = None
        try:
            target = session._build_url(url)
        except (TypeError, ValueError):
            return None
        if (
            target.scheme not in ("http", "https")
            or not target.raw_host
            or target.raw_user is not None
            or target.raw_password is not None
        ):
            return None
        connector = session._connector
        assert connector is not None
        place = places[url] = Place(target, connector)
        return place

    def _template_of(
        self,
        session: ClientSession,
        method: str,
        place: Place,
        kind: type[Payload] | None,
        names: tuple[str, ...],
        values: tuple[str, ...],
    ) -> Template | None:
        """The template of requests that are alike; None where the long way is to be taken."""
        templates = self._templates
        # Behind the values of the headers are the cookies, if there are any.
        alike = method, place.host, kind, names, len(values)
        try:
            return templates[alike]
        except KeyError:
            pass
        if len(templates) >= KEPT:
            templates.clear()
        with_cookies = len(values) > len(names)
        try:
            template = Template.of(session, method, place.whole_url, kind, names, with_cookies)
        except Exception:  # noqa: BLE001 - whatever is wrong, the long way says so
            template = None
        templates[alike] = template
        return template


def _same(given: Any) -> Any:
    return given
