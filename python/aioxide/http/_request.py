"""`ClientRequest`: one request, as it is about to be sent.

Middlewares see it and may change it: its headers, its body, its URL.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from http.cookies import Morsel, SimpleCookie
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy, istr
from yarl import URL

from aioxide import _aioxide
from aioxide.http._aiohttp import lookup
from aioxide.http._auth import BasicAuth, make_basic_auth
from aioxide.http._cookie_text import morsel_as_sent, parse_cookie_header
from aioxide.http._errors import (
    ClientConnectionError,
    ClientConnectionResetError,
    ClientOSError,
    ConnectionKey,
    InvalidURL,
    RequestInfo,
)
from aioxide.http._form import FormData
from aioxide.http._payload import (
    PAYLOAD_REGISTRY,
    BytesPayload,
    JsonBytesPayload,
    JsonPayload,
    Payload,
    PayloadLookupError,
    StringPayload,
)
from aioxide.http._response import ClientResponse
from aioxide.http._timer import TimerNoop
from aioxide.http._version import SERVER_SOFTWARE, HttpVersion, HttpVersion10, HttpVersion11
from aioxide.http._writer import RequestWriter

if TYPE_CHECKING:
    from aioxide.http._connection import Connection
    from aioxide.http._session import ClientSession
    from aioxide.http._tracing import Trace

#: Proxies that are asked in SOCKS5: with socks5h the proxy looks names up.
SOCKS = frozenset({"socks5", "socks5h"})
NOT_IN_METHOD = re.compile(r"[\x00-\x20\x7f-\x9f()<>@,;:\[\]={} \t\"\\\\/?]")
HOST = istr("Host")
ACCEPT = istr("Accept")
ACCEPT_ENCODING = istr("Accept-Encoding")
USER_AGENT = istr("User-Agent")
AUTHORIZATION = istr("Authorization")
CONNECTION = istr("Connection")
CONTENT_ENCODING = istr("Content-Encoding")
CONTENT_LENGTH = istr("Content-Length")
CONTENT_TYPE = istr("Content-Type")
COOKIE = istr("Cookie")
EXPECT = istr("Expect")
TRANSFER_ENCODING = istr("Transfer-Encoding")


#: A program may have aiohttp's, too.
FORMS = (FormData, lookup("formdata", "FormData") or FormData)
#: Payloads whose whole value lies in memory.
WHOLE_PAYLOADS = frozenset({BytesPayload, JsonBytesPayload, JsonPayload, StringPayload})
#: How responses are read that nobody says more of.
DEFAULT_SETTINGS = _aioxide.ResponseSettings()
#: A body up to this many bytes goes out with its head.
TOGETHER = 2**20


class ClientRequest:
    """A request to be sent over one connection."""

    GET_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
    POST_METHODS = frozenset({"PATCH", "POST", "PUT"})
    ALL_METHODS = GET_METHODS | POST_METHODS | {"DELETE"}
    DEFAULT_HEADERS: Mapping[istr, str] = {
        ACCEPT: "*/*",
        ACCEPT_ENCODING: "gzip, deflate, br, zstd",
    }

    auth: BasicAuth | None = None
    response: ClientResponse | None = None
    url: URL = URL()
    method: str = "GET"
    _body: Payload | None = None
    _expects: bool = False
    _skip_auto_headers: frozenset[str] | None = None
    _writer_task: asyncio.Task[None] | None = None
    _upload_tracker: Any = None
    _upload_attempt = 0
    _read_timeout: float | None = None
    _settings: _aioxide.ResponseSettings = DEFAULT_SETTINGS

    def __init__(
        self,
        method: str,
        url: URL,
        *,
        params: Any = None,
        headers: Any = None,
        skip_auto_headers: Iterable[str] | None = None,
        data: Any = None,
        cookies: Any = None,
        auth: BasicAuth | None = None,
        version: HttpVersion | str = HttpVersion11,
        compress: str | bool | None = None,
        chunked: bool | None = None,
        expect100: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
        response_class: type[ClientResponse] | None = None,
        proxy: URL | None = None,
        proxy_auth: BasicAuth | None = None,
        timer: Any = None,
        session: ClientSession | None = None,
        ssl: Any = True,
        proxy_headers: Any = None,
        traces: list[Trace] | None = None,
        trust_env: bool = False,
        server_hostname: str | None = None,
    ) -> None:
        if match := NOT_IN_METHOD.search(method):
            raise ValueError(
                f"Method cannot contain non-token characters {method!r} "
                f"(found at least {match.group()!r})"
            )
        if params:
            url = url.extend_query(params)
        self.original_url = url
        self.url = url.with_fragment(None) if url.raw_fragment else url
        self.method = method.upper()
        self.chunked = chunked
        self.compress: Any = compress
        self.loop = loop or asyncio.get_running_loop()
        self.length: int | None = None
        self.session = session
        self._session = session
        self.response_class = response_class or ClientResponse
        self.server_hostname = server_hostname
        self._timer = TimerNoop() if timer is None else timer
        self._ssl = True if ssl is None else ssl
        self._traces = traces or []
        self.update_version(version)
        self.update_host(self.url)
        self.update_headers(headers)
        self.update_auto_headers(skip_auto_headers)
        if cookies:
            self.update_cookies(cookies)
        if data is not None or compress is not None:
            self.update_content_encoding(data)
        self.update_auth(auth)
        self.update_proxy(proxy, proxy_auth, proxy_headers)
        self.update_body_from_data(data)
        if data is not None or self.method not in self.GET_METHODS:
            self.update_transfer_encoding()
        self.update_expect_continue(expect100)

    # What the request says.

    @property
    def ssl(self) -> Any:
        """The ssl argument of the request: an SSLContext, a bool or a Fingerprint."""
        return self._ssl

    def is_ssl(self) -> bool:
        """Whether the connection is encrypted."""
        return self.url.scheme in ("https", "wss")

    @property
    def host(self) -> str:
        """The host of the URL, as it is shown."""
        return self.url.host or ""

    @property
    def port(self) -> int | None:
        """The port of the URL, or its scheme's."""
        return self.url.port

    @property
    def skip_auto_headers(self) -> CIMultiDict[None]:
        """Which headers are not added by themselves."""
        return CIMultiDict((name, None) for name in self._skip_auto_headers or ())

    @property
    def connection_key(self) -> ConnectionKey:
        """What connections are told apart by in the pool."""
        if proxy_headers := self.proxy_headers:
            hashed: int | None = hash(tuple((k, v) for k, v in proxy_headers.items()))
        else:
            hashed = None
        url = self.url
        return ConnectionKey(
            url.raw_host or "",
            url.port,
            url.scheme in ("https", "wss"),
            self._ssl,
            self.proxy,
            self.proxy_auth,
            hashed,
            self.server_hostname,
        )

    @property
    def request_info(self) -> RequestInfo:
        """What is told of the request in a response and in errors."""
        headers: CIMultiDictProxy[str] = CIMultiDictProxy(self.headers)
        return RequestInfo(self.url, self.method, headers, self.original_url)

    @property
    def body(self) -> Payload | bytes:
        """The body; b"" where there is none."""
        return b"" if self._body is None else self._body

    @body.setter
    def body(self, value: Any) -> None:
        self._update_body(value)

    # How it is put together.

    def update_host(self, url: URL) -> None:
        """Check the host, and take what the URL says of the user."""
        if not url.raw_host:
            raise InvalidURL(url)
        if url.raw_user or url.raw_password:
            self.auth = make_basic_auth(url.user or "", url.password or "")

    def update_version(self, version: HttpVersion | str) -> None:
        """Take the version, as a pair or as text."""
        if isinstance(version, str):
            parts = [part.strip() for part in version.split(".", 1)]
            try:
                version = HttpVersion(int(parts[0]), int(parts[1]))
            except (ValueError, IndexError):
                raise ValueError(f"Can not parse http version number: {version}") from None
        self.version = version

    def update_headers(self, headers: Any) -> None:
        """Begin the headers: Host, and what the program gives."""
        host = self.url.host_port_subcomponent
        self.headers: CIMultiDict[str] = CIMultiDict()
        self.headers[HOST] = host or ""
        if not headers:
            return
        if isinstance(headers, (dict, MultiDictProxy, MultiDict)):
            headers = headers.items()
        for name, value in headers:
            if name.lower() == "host":
                self.headers[name] = value
            else:
                self.headers.add(name, value)

    def update_auto_headers(self, skip_auto_headers: Iterable[str] | None) -> None:
        """Add what every request says, unless the program says it or wants it left out."""
        headers = self.headers
        skip: frozenset[str] = frozenset()
        if skip_auto_headers is not None:
            skip = frozenset(name.lower() for name in skip_auto_headers)
            self._skip_auto_headers = skip
        for name, value in self.DEFAULT_HEADERS.items():
            if name not in headers and name.lower() not in skip:
                headers[name] = value
        if USER_AGENT not in headers and "user-agent" not in skip:
            headers[USER_AGENT] = SERVER_SOFTWARE

    def update_cookies(self, cookies: Any) -> None:
        """Join cookies with those that the headers name. Text is a header that is ready."""
        if not cookies:
            return
        if isinstance(cookies, str):
            self.headers[COOKIE] = cookies
            return
        joined: SimpleCookie = SimpleCookie()
        given = self.headers.popall(COOKIE, None)
        if given:
            joined.update(parse_cookie_header(given[0]))
        items = cookies.items() if isinstance(cookies, Mapping) else cookies
        for name, value in items:
            if isinstance(value, Morsel):
                joined[name] = morsel_as_sent(value)
            else:
                joined[name] = value
        self.headers[COOKIE] = joined.output(header="", sep=";").strip()

    def update_content_encoding(self, data: Any) -> None:
        """Say that the body is compressed, if it is to be."""
        if not data:
            self.compress = None
            return
        if self.headers.get(CONTENT_ENCODING):
            if self.compress:
                raise ValueError("compress can not be set if Content-Encoding header is set")
        elif self.compress:
            if not isinstance(self.compress, str):
                self.compress = "deflate"
            self.headers[CONTENT_ENCODING] = self.compress
            self.chunked = True

    def update_transfer_encoding(self) -> None:
        """Say how the body is framed."""
        if "chunked" in self.headers.get(TRANSFER_ENCODING, "").lower():
            if self.chunked:
                raise ValueError(
                    'chunked can not be set if "Transfer-Encoding: chunked" header is set'
                )
        elif self.chunked:
            if CONTENT_LENGTH in self.headers:
                raise ValueError("chunked can not be set if Content-Length header is set")
            self.headers[TRANSFER_ENCODING] = "chunked"

    def update_auth(self, auth: BasicAuth | None, trust_env: bool = False) -> None:
        """Add Basic credentials, those of the URL if no others are given."""
        if auth is None:
            auth = self.auth
        if auth is None:
            return
        if not isinstance(auth, BasicAuth):
            raise TypeError("BasicAuth() tuple is required instead")
        self.headers[AUTHORIZATION] = auth.encode()

    def update_proxy(self, proxy: URL | None, proxy_auth: Any, proxy_headers: Any) -> None:
        """Take the proxy, with what it is told."""
        self.proxy = proxy
        self.proxy_auth: BasicAuth | None = None
        self.proxy_headers: Any = None
        if proxy is None:
            return
        if proxy.scheme.startswith("socks") and proxy.scheme not in SOCKS:
            raise ValueError(
                f"There is no way through proxies of {proxy.scheme}: of http, https, socks5 and "
                "socks5h there is"
            )
        if proxy_auth and not isinstance(proxy_auth, BasicAuth):
            raise ValueError("proxy_auth must be None or BasicAuth() tuple")
        self.proxy_auth = proxy_auth
        if proxy_headers is not None and not isinstance(proxy_headers, (MultiDict, MultiDictProxy)):
            proxy_headers = CIMultiDict(proxy_headers)
        self.proxy_headers = proxy_headers

    def update_body_from_data(self, body: Any, _stacklevel: int = 3) -> None:
        """Make the payload, and say its length and type."""
        headers = self.headers
        if body is None:
            self._body = None
            if (
                self.method not in self.GET_METHODS
                and not self.chunked
                and CONTENT_LENGTH not in headers
            ):
                headers[CONTENT_LENGTH] = "0"
            return
        given: Any = body() if isinstance(body, FORMS) else body
        try:
            payload = PAYLOAD_REGISTRY.get(given, disposition=None)
        except PayloadLookupError:
            payload = FormData(given)()
        self._body = payload
        if not self.chunked and CONTENT_LENGTH not in headers:
            size = payload.size
            if size is None:
                self.chunked = True
            else:
                headers[CONTENT_LENGTH] = str(size)
        skip = self._skip_auto_headers
        for name, value in payload.headers.items():
            if name not in headers and (skip is None or name.lower() not in skip):
                headers[name] = value

    def _update_body(self, body: Any) -> None:
        self.headers.popall(CONTENT_LENGTH, None)
        if self.chunked:
            self.headers.popall(TRANSFER_ENCODING, None)
        self.update_body_from_data(body, _stacklevel=4)
        if body is not None or self.method not in self.GET_METHODS:
            self.update_transfer_encoding()

    async def update_body(self, body: Any) -> None:
        """Send another body (whatever `data=` takes, None for none) in place of this one."""
        if self._body is not None:
            await self._body.close()
        self._update_body(body)

    def update_expect_continue(self, expect: bool = False) -> None:
        """Ask the server before the body is sent."""
        if expect:
            self.headers[EXPECT] = "100-continue"
        self._expects = expect or self.headers.get(EXPECT, "").lower() == "100-continue"

    # How it is sent.

    def _target(self) -> str:
        url = self.url
        if self.method == "CONNECT":
            return f"{url.host_subcomponent}:{url.port}"
        if self.proxy is not None and not self.is_ssl() and self.proxy.scheme not in SOCKS:
            return str(url)
        return url.raw_path_qs

    def _complete_headers(self, force_close: bool) -> None:
        headers = self.headers
        if CONTENT_LENGTH in headers:
            # Two readers could take the request's end for two places.
            if TRANSFER_ENCODING in headers:
                raise ValueError("Content-Length and Transfer-Encoding exclude each other")
            if len(headers.getall(CONTENT_LENGTH)) > 1:
                raise ValueError("Content-Length is given more than once")
        if (
            self.method in self.POST_METHODS
            and CONTENT_TYPE not in headers
            and (self._skip_auto_headers is None or "content-type" not in self._skip_auto_headers)
        ):
            headers[CONTENT_TYPE] = "application/octet-stream"
        if CONNECTION not in headers:
            if force_close:
                if self.version == HttpVersion11:
                    headers[CONNECTION] = "close"
            elif self.version == HttpVersion10:
                headers[CONNECTION] = "keep-alive"

    def _request_body(self) -> _aioxide.RequestBody:
        """The framing that the headers announce."""
        if self.chunked or "chunked" in self.headers.get(TRANSFER_ENCODING, "").lower():
            return _aioxide.RequestBody.chunked()
        if self._body is None:
            return _aioxide.RequestBody.empty()
        length = self._content_length()
        if length is not None:
            return _aioxide.RequestBody.length(length)
        return _aioxide.RequestBody.chunked()

    def _content_length(self) -> int | None:
        text = self.headers.get(CONTENT_LENGTH)
        if text is None:
            return None
        try:
            return int(text)
        except ValueError:
            raise ValueError(f"Invalid Content-Length header: {text}") from None

    async def send(self, conn: Connection) -> ClientResponse:
        """Send the request over a connection, and make the response that awaits its head.

        A body that is not sent at once goes on in a task. Raises ClientConnectionResetError when
        the connection has ended, ValueError for headers that cannot be sent.
        """
        protocol = conn.protocol
        assert protocol is not None
        self._complete_headers(conn._connector.force_close)
        head = _aioxide.encode_request_head(
            self.method, self._target(), self.headers, self.version.minor
        )
        traces = self._traces
        for trace in traces:
            await trace.send_request_headers(self.method, self.url, self.headers)
        body = self._body
        pieces = [head]
        whole = body is None and not self._expects
        first: bytes | None = None
        if whole and "chunked" in self.headers.get(TRANSFER_ENCODING, "").lower():
            # An end is announced, and waited for.
            pieces.append(_aioxide.RequestBody.chunked().finish())
        if body is not None and not self._expects and not traces and not self.compress:
            # Bytes that are there go out with the head, in one system call.
            value = body._value if type(body) in WHOLE_PAYLOADS else None
            if value is not None and len(value) > TOGETHER:
                if type(self).write_bytes is WRITE_BYTES:
                    # The writer sends both, and waits for room.
                    first = head
                    pieces = []
            elif value is not None and self._upload_tracker is None:
                length = self._content_length()
                if length is not None and length < len(value):
                    # What is announced is what is sent, as with aiohttp.
                    value = memoryview(value)[:length]
                framing = self._request_body()
                pieces += framing.frame(value) if value else []
                end = framing.finish()
                if end:
                    pieces.append(end)
                whole = True
        exchange = protocol.begin(self.method, pieces, self._settings)
        task: asyncio.Task[None] | None = None
        writer: RequestWriter | None = None
        if whole:
            if self._read_timeout:
                exchange.set_read_timeout(self._read_timeout)
            if self._upload_tracker is not None:
                self._upload_tracker._attempt_finished(self._upload_attempt)
        else:
            writer = RequestWriter(
                protocol,
                self._request_body(),
                self._on_chunk_sent if traces else None,
                self.compress or None,
                first,
            )
            coroutine = self._write(writer, conn, exchange)
            if sys.version_info >= (3, 12):
                task = asyncio.Task(coroutine, loop=self.loop, eager_start=True)
            else:
                task = asyncio.create_task(coroutine)
            if task.done():
                task = None
            self._writer_task = task
        self.response = self.response_class(
            self.method,
            self.original_url,
            writer=task,
            continue100=None,
            timer=self._timer,
            request_info=self.request_info,
            traces=traces,
            loop=self.loop,
            session=self._session,
            stream_writer=writer,
        )
        self.response._exchange = exchange
        return self.response

    async def _write(self, writer: RequestWriter, conn: Connection, exchange: Any) -> None:
        """Send the body. What fails ends the exchange, and whoever awaits the response sees it."""
        tracker, attempt = self._upload_tracker, self._upload_attempt
        if tracker is not None:
            writer.on_body_write = partial(tracker._add, attempt)
            tracker._attempt_writing(attempt, writer)
        failure: BaseException | None = None
        try:
            if self._expects:
                waiter = exchange.continue_waiter()
                if waiter is not None:
                    await waiter
                if not exchange.went_on:
                    # The server has answered without wanting the body; it may still wait for it.
                    conn.protocol.force_close()
                    return
            try:
                await self.write_bytes(writer, conn, self._content_length())
            except OSError as error:
                failure = error
                if error.errno is not None or not isinstance(error, asyncio.TimeoutError):
                    text = f"Can not write request body for {self.url!s}"
                    failure = ClientOSError(error.errno, text)
                    failure.__cause__ = error
                exchange.abandon(failure)
            except Exception as error:  # noqa: BLE001 - whatever a payload raises
                failure = ClientConnectionError(
                    f"Failed to send bytes into the underlying connection {conn!s}: {error!r}"
                )
                failure.__cause__ = error
                exchange.abandon(failure)
            else:
                await writer.write_eof()
                if tracker is not None:
                    tracker._attempt_finished(attempt)
                if self._read_timeout:
                    exchange.set_read_timeout(self._read_timeout)
        except BaseException as error:
            if isinstance(error, ClientConnectionResetError) and exchange.ended:
                # The server has answered, and closed the connection, without waiting for the rest.
                return
            if not isinstance(error, asyncio.CancelledError):
                failure = error
            conn.close()
            raise
        finally:
            if tracker is not None:
                tracker._attempt_failed(attempt, failure)

    async def write_bytes(
        self, writer: RequestWriter, conn: Connection, content_length: int | None = None
    ) -> None:
        """Write the body to a writer. Subclasses may send something else."""
        if self._body is not None:
            await self._body.write_with_length(writer, content_length)

    async def close(self) -> None:
        """Wait until the body is sent, or sending it has failed."""
        task = self._writer_task
        if task is None:
            return
        try:
            await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise

    def terminate(self) -> None:
        """Send no more of the body."""
        task, self._writer_task = self._writer_task, None
        if task is not None and not self.loop.is_closed():
            task.cancel()

    async def _on_chunk_sent(self, chunk: bytes) -> None:
        for trace in self._traces:
            await trace.send_request_chunk_sent(self.method, self.url, chunk)


WRITE_BYTES = ClientRequest.write_bytes
