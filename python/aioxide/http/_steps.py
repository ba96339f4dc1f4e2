"""A request step by step: redirects, retries, middlewares, traces, proxies and the rest."""

from __future__ import annotations

import asyncio
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from multidict import istr
from yarl import URL

from aioxide import _aioxide
from aioxide.http import _ssl
from aioxide.http._auth import BasicAuth, strip_auth_from_url
from aioxide.http._connector import BaseConnector, sentinel
from aioxide.http._cookies import cookies_of_request
from aioxide.http._environment import environment_proxy
from aioxide.http._errors import (
    ClientConnectionResetError,
    ClientConnectorError,
    ClientError,
    ClientOSError,
    ConnectionTimeoutError,
    InvalidURL,
    InvalidUrlClientError,
    InvalidUrlRedirectClientError,
    NonHttpUrlClientError,
    ServerDisconnectedError,
    SocketTimeoutError,
    TooManyRedirects,
)
from aioxide.http._middleware import build_client_middlewares
from aioxide.http._redirect import Redirect
from aioxide.http._request import AUTHORIZATION, COOKIE, ClientRequest
from aioxide.http._timeout import ClientTimeout, as_timeout
from aioxide.http._timer import TimeoutHandle
from aioxide.http._tracing import Trace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from aioxide.http._connection import Connection
    from aioxide.http._response import ClientResponse
    from aioxide.http._session import ClientSession

#: Requests that may be made again.
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
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
) -> ClientResponse:
    if upload_tracker is not None:
        upload_tracker._bind()
    timer: TimeoutHandle | None = None
    handle: asyncio.TimerHandle | None = None
    traces: list[Trace] = []
    request: ClientRequest | None = None
    response: ClientResponse | None = None
    try:
        if session.closed:
            raise RuntimeError("Session is closed")
        connector = session._connector
        assert connector is not None
        method = method.upper()
        ssl = _ssl.merged(ssl, verify_ssl, ssl_context, fingerprint)
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
        headers = session._prepare_headers(headers)
        try:
            url = session._build_url(str_or_url)
        except ValueError as error:
            raise InvalidUrlClientError(str_or_url) from error
        if url.scheme not in connector.allowed_protocol_schema_set:
            raise NonHttpUrlClientError(url)
        skip: Iterable[str] | None = session._skip_auto_headers or None
        if skip_auto_headers is not None:
            skip = {istr(name) for name in skip_auto_headers} | session._skip_auto_headers
        if proxy is None:
            proxy = session._default_proxy
        if proxy_auth is None:
            proxy_auth = session._default_proxy_auth
        if proxy is None:
            proxy_headers = None
        else:
            proxy_headers = session._prepare_headers(proxy_headers)
            try:
                proxy = URL(proxy)
            except ValueError as error:
                raise InvalidURL(proxy) from error
        limits = session._timeout
        if timeout is not sentinel:
            limits = as_timeout(timeout)
        total = limits.total
        if total and began_at is not None:
            total = max(total + began_at - session._loop.time(), 0.001)
        timer = TimeoutHandle(session._loop, total, ceil_threshold=limits.ceil_threshold)
        handle = timer.start()
        settings = session._settings
        changed = {
            "read_until_eof": None if read_until_eof else False,
            "auto_decompress": auto_decompress,
            "read_bufsize": read_bufsize,
            "max_line_size": max_line_size,
            "max_field_size": max_field_size,
            "max_headers": max_headers,
            "max_body_size": max_body_size,
            "max_decompressed_size": max_decompressed_size,
        }
        changed = {name: value for name, value in changed.items() if value is not None}
        if changed:
            settings = _aioxide.ResponseSettings(**{**session._reading, **changed})
        for config in session._trace_configs:
            trace = Trace(
                session, config, config.trace_config_ctx(trace_request_ctx=trace_request_ctx)
            )
            await trace.send_request_start(method, url.update_query(params or {}), headers)
            traces.append(trace)
        context = timer.timer()
        history: list[ClientResponse] = []
        with context:
            may_retry = may_retry and session._retry_connection and method in IDEMPOTENT
            may_begin_again = session._retry_connection
            while True:
                url, auth_from_url = strip_auth_from_url(url)
                if not url.raw_host:
                    if history:
                        raise InvalidUrlRedirectClientError(url)
                    raise InvalidUrlClientError(url)
                if auth is not None and auth_from_url is not None and not history:
                    raise ValueError("Cannot combine AUTH argument with credentials encoded in URL")
                if auth is None or (history and auth_from_url is not None):
                    auth = auth_from_url
                if auth is None:
                    auth = await session._own_auth(url)
                if auth is not None and AUTHORIZATION in headers:
                    raise ValueError(
                        "Cannot combine AUTHORIZATION header with AUTH argument or "
                        "credentials encoded in URL"
                    )
                proxy_ = proxy
                if proxy is None and session._trust_env:
                    with suppress(LookupError):
                        proxy_, proxy_auth = await asyncio.to_thread(environment_proxy, url)
                request = session._request_class(
                    method,
                    url,
                    params=params,
                    headers=headers,
                    skip_auto_headers=skip,
                    data=data,
                    cookies=cookies_of_request(
                        session._cookie_jar,
                        url,
                        cookies,
                        # What the headers say, or a request's own class does, needs Morsels.
                        ready=COOKIE not in headers and session._request_class is ClientRequest,
                    ),
                    auth=auth,
                    version=session._version,
                    compress=compress,
                    chunked=chunked,
                    expect100=expect100,
                    loop=session._loop,
                    response_class=session._response_class,
                    proxy=proxy_,
                    proxy_auth=proxy_auth,
                    timer=context,
                    session=session,
                    ssl=ssl,
                    server_hostname=server_hostname,
                    proxy_headers=proxy_headers,
                    traces=traces,
                    trust_env=session._trust_env,
                )
                request._upload_tracker = upload_tracker
                handler: Any = _Attempt(connector, traces, limits, settings)
                chain = session._middlewares if middlewares is None else middlewares
                if chain:
                    handler = build_client_middlewares(handler, chain)
                try:
                    if first is not None:
                        response, first = first, None
                    else:
                        response = await handler(request)
                except (ConnectionTimeoutError, ClientConnectorError):
                    raise
                except ClientConnectionResetError:
                    # The connection ended before anything was sent, so any method may be
                    # tried again.
                    if not may_begin_again:
                        raise
                    may_begin_again = False
                    if data is not None:
                        data = request._body
                    continue
                except (ClientOSError, ServerDisconnectedError):
                    if not may_retry:
                        raise
                    may_retry = False
                    if data is not None:
                        await request.close()
                        if request._body is not None and request._body.consumed:
                            raise
                        data = request._body
                    continue
                except ClientError:
                    raise
                except OSError as error:
                    if error.errno is None and isinstance(error, asyncio.TimeoutError):
                        raise
                    raise ClientOSError(*error.args) from error
                assert response is not None
                if response._raw_cookie_headers:
                    session._cookie_jar.update_cookies_from_headers(
                        response._raw_cookie_headers, response.url
                    )
                if not allow_redirects or response.status not in REDIRECTS:
                    break
                for trace in traces:
                    await trace.send_request_redirect(
                        method, url.update_query(params or {}), headers, response
                    )
                history.append(response)
                if max_redirects and len(history) >= max_redirects:
                    raise TooManyRedirects(history[0].request_info, tuple(history))
                redirect = Redirect.of(
                    response, request, url, requote=session._requote_redirect_url
                )
                if redirect is None:
                    break
                method, data = redirect.method, redirect.data
                redirect.change(headers)
                if redirect.other_origin:
                    auth = cookies = None
                url, params = redirect.url, {}
                response.release()
        if request._body is not None:
            await request._body.close()
        if raise_for_status is None:
            raise_for_status = session._raise_for_status
        if callable(raise_for_status):
            await raise_for_status(response)
        elif raise_for_status:
            response.raise_for_status()
        if handle is not None:
            if response.connection is not None:
                response.connection.add_callback(handle.cancel)
            else:
                handle.cancel()
        response._history = tuple(history)
        for trace in traces:
            await trace.send_request_end(method, url.update_query(params or {}), headers, response)
        if upload_tracker is not None:
            upload_tracker._finalize()
        return response
    except BaseException as error:
        if timer is not None:
            timer.close()
        if handle is not None:
            handle.cancel()
        if upload_tracker is not None:
            upload_tracker._finalize()
        if response is not None:
            response.close()
        if request is not None and request._body is not None:
            await request._body.close()
        for trace in traces:
            await trace.send_request_exception(
                method,
                url.update_query(params or {}),
                headers,
                error,
            )
        raise


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
            response = await request.send(connection, self._settings)
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
