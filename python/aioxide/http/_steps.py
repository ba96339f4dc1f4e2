"""A request step by step: redirects, retries, middlewares, traces, proxies and the rest."""

from __future__ import annotations

import asyncio
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from multidict import istr
from yarl import URL

from aioxide import _aioxide
from aioxide.diagnostics.sites import caller
from aioxide.http import _ssl
from aioxide.http._auth import BasicAuth, strip_auth_from_url
from aioxide.http._connector import BaseConnector, sentinel
from aioxide.http._cookies import cookies_of_request
from aioxide.http._environment import environment_proxy
from aioxide.http._errors import (
    ClientError,
    ClientOSError,
    ConnectionTimeoutError,
    InvalidURL,
    InvalidUrlClientError,
    InvalidUrlRedirectClientError,
    NonHttpUrlClientError,
    SocketTimeoutError,
    TooManyRedirects,
)
from aioxide.http._header_names import AUTHORIZATION, COOKIE
from aioxide.http._middleware import build_client_middlewares
from aioxide.http._redirect import Redirect
from aioxide.http._request import ClientRequest
from aioxide.http._retry import IDEMPOTENT, Retries, check_retry
from aioxide.http._timeout import ClientTimeout, as_timeout
from aioxide.http._timer import TimeoutHandle
from aioxide.http._tracing import Trace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from multidict import CIMultiDict

    from aioxide.http._connection import Connection
    from aioxide.http._response import ClientResponse
    from aioxide.http._session import ClientSession

REDIRECTS = frozenset({301, 302, 303, 307, 308})


async def step_by_step(
    session: ClientSession,
    method: str,
    str_or_url: str | URL,
    *,
    first: ClientResponse | None = None,
    began_at: float | None = None,
    may_retry: bool = True,
    params: Any = None,
    data: Any = None,
    json: Any = None,
    cookies: Any = None,
    headers: Any = None,
    skip_auto_headers: Iterable[str] | None = None,
    auth: BasicAuth | None = None,
    allow_redirects: bool = True,
    max_redirects: int = 10,
    compress: str | bool | None = None,
    chunked: Any = None,
    expect100: bool = False,
    raise_for_status: bool | Callable[[ClientResponse], Awaitable[None]] | None = None,
    read_until_eof: bool = True,
    proxy: str | URL | None = None,
    proxy_auth: BasicAuth | None = None,
    timeout: Any = sentinel,
    verify_ssl: bool | None = None,
    fingerprint: bytes | None = None,
    ssl_context: Any = None,
    ssl: Any = True,
    server_hostname: str | None = None,
    proxy_headers: Any = None,
    trace_request_ctx: Any = None,
    read_bufsize: int | None = None,
    auto_decompress: bool | None = None,
    max_line_size: int | None = None,
    max_field_size: int | None = None,
    max_headers: int | None = None,
    middlewares: Sequence[Any] | None = None,
    upload_tracker: Any = None,
    max_body_size: int | None = None,
    max_decompressed_size: int | None = None,
    retry: Any = sentinel,
    max_error_body: int | None = None,
) -> ClientResponse:
    # Above ClientSession._request().
    made_at = caller(2)
    steps = _Steps(session, method, upload_tracker)
    if upload_tracker is not None:
        upload_tracker._bind()
    try:
        steps.check_open()
        steps.ssl = _ssl.merged(ssl, verify_ssl, ssl_context, fingerprint)
        if auth is not None:
            warn_of_auth("auth", 4)
        if proxy_auth is not None:
            warn_of_auth("proxy_auth", 4)
        if json is not None:
            if data is not None:
                raise ValueError("data and json parameters can not be used at the same time")
            data = session._json_payload(json)
        if chunked is not None and not isinstance(chunked, bool):
            warnings.warn("Chunk size is deprecated #1615", DeprecationWarning, stacklevel=3)
        if retry is sentinel:
            retry = session._retry
        retry = check_retry(retry)
        steps.auth, steps.params, steps.data, steps.cookies = auth, params, data, cookies
        steps.set_headers(headers, skip_auto_headers)
        steps.set_url(str_or_url)
        steps.set_proxy(proxy, proxy_auth, proxy_headers)
        steps.server_hostname = server_hostname
        steps.framing = {"compress": compress, "chunked": chunked, "expect100": expect100}
        steps.begin_time(timeout, began_at)
        steps.set_reading(
            {
                "read_until_eof": None if read_until_eof else False,
                "auto_decompress": None if auto_decompress is None else bool(auto_decompress),
                "read_bufsize": read_bufsize,
                "max_line_size": max_line_size,
                "max_field_size": max_field_size,
                "max_headers": max_headers,
                "max_body_size": max_body_size,
                "max_decompressed_size": max_decompressed_size,
            }
        )
        steps.middlewares = session._middlewares if middlewares is None else middlewares
        steps.max_redirects = max_redirects
        steps.follows = allow_redirects
        steps.retries = Retries(
            retry,
            session._loop,
            silently=may_retry and session._retry_connection and steps.method in IDEMPOTENT,
            may_begin_again=session._retry_connection,
        )
        await steps.begin_traces(trace_request_ctx)
        response = await steps.go(first)
        response._made_at = made_at
        if max_error_body is None:
            max_error_body = session._max_error_body
        if max_error_body and response.status >= 400:
            await response._keep_error_body(max_error_body)
        if raise_for_status is None:
            raise_for_status = session._raise_for_status
        if callable(raise_for_status):
            await raise_for_status(response)
        elif raise_for_status:
            response.raise_for_status()
        await steps.end()
        return response
    except BaseException as error:
        await steps.fail(error)
        raise


# What it says of an argument that it does not know.
step_by_step.__qualname__ = "ClientSession._request"


class _Steps:
    """A request on its way to its response: what it asks for by now, and what came of it."""

    auth: BasicAuth | None = None
    cookies: Any = None
    data: Any = None
    follows = True
    framing: dict[str, Any]
    handle: asyncio.TimerHandle | None = None
    headers: CIMultiDict[str]
    limits: ClientTimeout
    max_redirects = 10
    middlewares: Sequence[Any] = ()
    params: Any = None
    proxy: URL | None = None
    proxy_auth: BasicAuth | None = None
    proxy_headers: Any = None
    request: ClientRequest | None = None
    response: ClientResponse | None = None
    retries: Retries
    server_hostname: str | None = None
    settings: _aioxide.ResponseSettings
    skip: Iterable[str] | None = None
    ssl: Any = True
    timer: TimeoutHandle | None = None
    url: URL

    def __init__(self, session: ClientSession, method: str, tracker: Any) -> None:
        self.session = session
        self.method = method.upper()
        self.tracker = tracker
        self.history: list[ClientResponse] = []
        self.traces: list[Trace] = []

    # What is asked for.

    def check_open(self) -> None:
        if self.session.closed:
            raise RuntimeError("Session is closed")
        assert self.session._connector is not None
        self.connector = self.session._connector

    def set_headers(self, headers: Any, skip_auto_headers: Iterable[str] | None) -> None:
        session = self.session
        self.headers = session._prepare_headers(headers)
        self.skip = session._skip_auto_headers or None
        if skip_auto_headers is not None:
            self.skip = {istr(name) for name in skip_auto_headers} | session._skip_auto_headers

    def set_url(self, str_or_url: str | URL) -> None:
        try:
            url = self.session._build_url(str_or_url)
        except ValueError as error:
            raise InvalidUrlClientError(str_or_url) from error
        if url.scheme not in self.connector.allowed_protocol_schema_set:
            raise NonHttpUrlClientError(url)
        self.url = url

    def set_proxy(self, proxy: str | URL | None, auth: Any, headers: Any) -> None:
        session = self.session
        if proxy is None:
            proxy = session._default_proxy
        self.proxy_auth = session._default_proxy_auth if auth is None else auth
        if proxy is None:
            return
        self.proxy_headers = session._prepare_headers(headers)
        try:
            self.proxy = URL(proxy)
        except ValueError as error:
            raise InvalidURL(proxy) from error

    def begin_time(self, timeout: Any, began_at: float | None) -> None:
        """From now on the total counts; from `began_at` on, where that is known."""
        session = self.session
        self.limits = session._timeout if timeout is sentinel else as_timeout(timeout)
        total = self.limits.total
        if total and began_at is not None:
            total = max(total + began_at - session._loop.time(), 0.001)
        self.timer = TimeoutHandle(session._loop, total, ceil_threshold=self.limits.ceil_threshold)
        self.handle = self.timer.start()

    def set_reading(self, reading: dict[str, Any]) -> None:
        changed = {name: value for name, value in reading.items() if value is not None}
        self.settings = self.session._settings
        if changed:
            self.settings = _aioxide.ResponseSettings(**{**self.session._reading, **changed})

    # Its way.

    async def go(self, first: ClientResponse | None) -> ClientResponse:
        """Make the request, again where that helps, and follow where it is sent on to. `first` is
        a response that is there already."""
        assert self.timer is not None
        context = self.timer.timer()
        with context:
            while True:
                auth = await self._credentials()
                request = self.request = await self._new_request(auth, context)
                try:
                    if first is not None:
                        response, first = first, None
                    else:
                        response = await self._handler()(request)
                    self.response = response
                except ClientError as error:
                    if not await self.retries.after_error(error, request):
                        raise
                    self._keep_body()
                    continue
                except OSError as error:
                    if error.errno is None and isinstance(error, asyncio.TimeoutError):
                        raise
                    raise ClientOSError(*error.args) from error
                if response._raw_cookie_headers:
                    self.session._cookie_jar.update_cookies_from_headers(
                        response._raw_cookie_headers, response.url
                    )
                if await self.retries.after_response(response, request):
                    self._keep_body()
                    continue
                if not self.follows or response.status not in REDIRECTS:
                    break
                if not await self._redirect(response, request):
                    break
        if request._body is not None:
            await request._body.close()
        return response

    def _keep_body(self) -> None:
        """The next attempt sends the payload that this one has made."""
        if self.data is not None:
            assert self.request is not None
            self.data = self.request._body

    async def _credentials(self) -> BasicAuth | None:
        """Who asks for the URL, which is told by it itself, by the program, or by netrc."""
        self.url, from_url = strip_auth_from_url(self.url)
        if not self.url.raw_host:
            if self.history:
                raise InvalidUrlRedirectClientError(self.url)
            raise InvalidUrlClientError(self.url)
        if self.auth is not None and from_url is not None and not self.history:
            raise ValueError("Cannot combine AUTH argument with credentials encoded in URL")
        if self.auth is None or (self.history and from_url is not None):
            self.auth = from_url
        if self.auth is None:
            self.auth = await self.session._own_auth(self.url)
        if self.auth is not None and AUTHORIZATION in self.headers:
            raise ValueError(
                "Cannot combine AUTHORIZATION header with AUTH argument or "
                "credentials encoded in URL"
            )
        return self.auth

    async def _new_request(self, auth: BasicAuth | None, context: Any) -> ClientRequest:
        session = self.session
        proxy = self.proxy
        if proxy is None and session._trust_env:
            with suppress(LookupError):
                proxy, self.proxy_auth = await asyncio.to_thread(environment_proxy, self.url)
        request = session._request_class(
            self.method,
            self.url,
            params=self.params,
            headers=self.headers,
            skip_auto_headers=self.skip,
            data=self.data,
            cookies=cookies_of_request(
                session._cookie_jar,
                self.url,
                self.cookies,
                # What the headers say, or a request's own class does, needs Morsels.
                ready=COOKIE not in self.headers and session._request_class is ClientRequest,
            ),
            auth=auth,
            version=session._version,
            **self.framing,
            loop=session._loop,
            response_class=session._response_class,
            proxy=proxy,
            proxy_auth=self.proxy_auth,
            timer=context,
            session=session,
            ssl=self.ssl,
            server_hostname=self.server_hostname,
            proxy_headers=self.proxy_headers,
            traces=self.traces,
            trust_env=session._trust_env,
        )
        request._upload_tracker = self.tracker
        return request

    def _handler(self) -> Any:
        handler: Any = _Attempt(self.connector, self.traces, self.limits, self.settings)
        if self.middlewares:
            handler = build_client_middlewares(handler, self.middlewares)
        return handler

    async def _redirect(self, response: ClientResponse, request: ClientRequest) -> bool:
        """Turn to where a response sends us on to; False where it does not say."""
        for trace in self.traces:
            await trace.send_request_redirect(self.method, self._told_url(), self.headers, response)
        self.history.append(response)
        if self.max_redirects and len(self.history) >= self.max_redirects:
            raise TooManyRedirects(self.history[0].request_info, tuple(self.history))
        redirect = Redirect.of(
            response, request, self.url, requote=self.session._requote_redirect_url
        )
        if redirect is None:
            return False
        self.method, self.data = redirect.method, redirect.data
        redirect.change(self.headers)
        if redirect.other_origin:
            self.auth = self.cookies = None
        self.url, self.params = redirect.url, {}
        response.release()
        return True

    # Who watches, and the end.

    def _told_url(self) -> URL:
        """The URL as traces are told of it."""
        return self.url.update_query(self.params or {})

    async def begin_traces(self, context: Any) -> None:
        for config in self.session._trace_configs:
            trace = Trace(self.session, config, config.trace_config_ctx(trace_request_ctx=context))
            await trace.send_request_start(self.method, self._told_url(), self.headers)
            self.traces.append(trace)

    async def end(self) -> None:
        """The response is the program's from now on."""
        response = self.response
        assert response is not None
        if self.handle is not None:
            if response.connection is not None:
                response.connection.add_callback(self.handle.cancel)
            else:
                self.handle.cancel()
        response._history = tuple(self.history)
        for trace in self.traces:
            await trace.send_request_end(self.method, self._told_url(), self.headers, response)
        if self.tracker is not None:
            self.tracker._finalize()

    async def fail(self, error: BaseException) -> None:
        """There is no response for the program."""
        if self.timer is not None:
            self.timer.close()
        if self.handle is not None:
            self.handle.cancel()
        if self.tracker is not None:
            self.tracker._finalize()
        if self.response is not None:
            self.response.close()
        if self.request is not None and self.request._body is not None:
            await self.request._body.close()
        for trace in self.traces:
            await trace.send_request_exception(self.method, self._told_url(), self.headers, error)


class _Attempt:
    """One try to get a response: connect, send, await the head."""

    __slots__ = ("_connector", "_limits", "_settings", "_traces")

    def __init__(
        self,
        connector: BaseConnector,
        traces: list[Trace],
        limits: ClientTimeout,
        settings: _aioxide.ResponseSettings,
    ) -> None:
        self._connector = connector
        self._traces = traces
        self._limits = limits
        self._settings = settings

    async def __call__(self, request: ClientRequest) -> ClientResponse:
        tracker = request._upload_tracker
        if tracker is not None:
            request._upload_attempt = tracker._attempt_started()
        try:
            connection: Connection = await self._connector.connect(
                request, self._traces, self._limits
            )
        except TimeoutError as error:
            text = f"Connection timeout to host {request.url}"
            if error.args:
                text += f": {error}"
            raise ConnectionTimeoutError(text) from error
        try:
            request._read_timeout = self._limits.sock_read
            request._settings = self._settings
            # Programs have a send() of their own, with this one argument.
            response = await request.send(connection)
            try:
                if self._limits.first_byte:
                    await self._start_in_time(response, connection)
                else:
                    await response.start(connection)
            except BaseException:
                response.close()
                raise
        except BaseException:
            connection.close()
            raise
        return response

    async def _start_in_time(self, response: ClientResponse, connection: Connection) -> None:
        """Await the head, which is to come in time once the request is sent."""
        seconds = self._limits.first_byte
        assert seconds is not None
        loop = response._loop
        writer = response._writer
        limit = asyncio.timeout(seconds if writer is None else None)

        def sent(_task: object) -> None:
            limit.reschedule(loop.time() + seconds)

        try:
            async with limit:
                if writer is not None:
                    writer.add_done_callback(sent)
                try:
                    await response.start(connection)
                finally:
                    if writer is not None:
                        writer.remove_done_callback(sent)
        except TimeoutError as error:
            if not limit.expired():
                raise
            text = f"ClientTimeout.first_byte of {seconds:g} s is over"
            raise SocketTimeoutError(text) from error


def warn_of_auth(name: str, stacklevel: int) -> None:
    if name == "auth":
        instead = "headers={'Authorization': "
    else:
        instead = "proxy_headers={'Proxy-Authorization': "
    warnings.warn(
        f"The '{name}' parameter is deprecated and will be removed in v4; pass {instead}"
        "aiohttp.encode_basic_auth(login, password)} instead",
        DeprecationWarning,
        stacklevel=stacklevel,
    )
