"""`ClientSession`: who makes requests, with what they have in common."""

from __future__ import annotations

import json as jsonlib
import sys
import traceback
import warnings
from typing import TYPE_CHECKING, Any, Literal, Self

from multidict import CIMultiDict, MultiDict, MultiDictProxy, istr
from yarl import URL

from aioxide import _aioxide
from aioxide.diagnostics.sites import made_at, outside, where
from aioxide.http._awaiting import _RequestContextManager, _WSRequestContextManager
from aioxide.http._connector import BaseConnector, sentinel
from aioxide.http._cookies import AbstractCookieJar, CookieJar
from aioxide.http._environment import netrc_auth_for
from aioxide.http._errors import (
    ClientConnectorError,
    ClientOSError,
    HttpProcessingError,
    ServerDisconnectedError,
)
from aioxide.http._payload import JsonPayload
from aioxide.http._request import ClientRequest
from aioxide.http._response import ClientResponse
from aioxide.http._retry import IDEMPOTENT, RetryPolicy, check_retry
from aioxide.http._running import native_loop
from aioxide.http._shortcut import DECIDING, Shortcut
from aioxide.http._steps import REDIRECTS, step_by_step, warn_of_auth
from aioxide.http._tcp import TCPConnector
from aioxide.http._timeout import DEFAULT_TIMEOUT, ClientTimeout, as_timeout
from aioxide.http._version import HttpVersion, HttpVersion11
from aioxide.http._websocket import ClientWebSocketResponse
from aioxide.http._websocket_handshake import connect_websocket

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from types import TracebackType

    from aioxide.diagnostics.sites import Pair
    from aioxide.http._auth import BasicAuth
    from aioxide.http._tracing import TraceConfig


def _utf_8(_response: ClientResponse, _body: bytes) -> str:
    return "utf-8"


class ClientSession:
    """Makes requests over the connections of a connector, with cookies and defaults of its own.

    Make it inside a running loop of aioxide, and close it, best by `async with`. The arguments are
    aiohttp's, and four more: max_body_size and max_decompressed_size limit a response's body, in
    bytes as sent and as read; retry is a RetryPolicy, or False for no request that is made twice;
    max_error_body is how many bytes of the body of a response of status 400 or more are awaited
    with it, for the exception of raise_for_status(). Raises RuntimeError on another loop.
    """

    _source_traceback: traceback.StackSummary | None = None
    _made_at: Pair | None = None
    _connector: BaseConnector | None = None

    def __init__(
        self,
        base_url: str | URL | None = None,
        *,
        connector: BaseConnector | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        cookies: Any = None,
        headers: Any = None,
        proxy: str | URL | None = None,
        proxy_auth: BasicAuth | None = None,
        skip_auto_headers: Iterable[str] | None = None,
        auth: BasicAuth | None = None,
        json_serialize: Callable[[Any], str] = jsonlib.dumps,
        json_serialize_bytes: Callable[[Any], bytes] | None = None,
        request_class: type[ClientRequest] = ClientRequest,
        response_class: type[ClientResponse] = ClientResponse,
        ws_response_class: type[ClientWebSocketResponse] = ClientWebSocketResponse,
        version: HttpVersion = HttpVersion11,
        cookie_jar: AbstractCookieJar | None = None,
        connector_owner: bool = True,
        raise_for_status: bool | Callable[[ClientResponse], Awaitable[None]] = False,
        read_timeout: Any = sentinel,
        conn_timeout: float | None = None,
        timeout: Any = sentinel,
        auto_decompress: bool = True,
        trust_env: bool = False,
        requote_redirect_url: bool = True,
        trace_configs: list[TraceConfig] | None = None,
        read_bufsize: int = 2**18,
        max_line_size: int = 8190,
        max_field_size: int = 8190,
        max_headers: int = 128,
        fallback_charset_resolver: Callable[[ClientResponse, bytes], str] = _utf_8,
        middlewares: Sequence[Any] = (),
        ssl_shutdown_timeout: Any = sentinel,
        max_body_size: int | None = None,
        max_decompressed_size: int | None = None,
        retry: RetryPolicy | Literal[False] | None = None,
        max_error_body: int = 0,
    ) -> None:
        self._retry = check_retry(retry)
        if loop is None and connector is not None:
            loop = connector._loop
        self._loop = native_loop(loop)
        self._base_url: URL | None = None
        self._base_url_origin: URL | None = None
        if base_url is not None:
            self._base_url = URL(base_url)
            self._base_url_origin = self._base_url.origin()
            assert self._base_url.absolute, "Only absolute URLs are supported"
            if not self._base_url.path.endswith("/"):
                raise ValueError("base_url must have a trailing '/'")
        self._timeout = _session_timeout(timeout, read_timeout, conn_timeout)
        if ssl_shutdown_timeout is not sentinel:
            warnings.warn(
                "The ssl_shutdown_timeout parameter is deprecated and will be removed in aiohttp "
                "4.0",
                DeprecationWarning,
                stacklevel=2,
            )
        if connector is None:
            connector = TCPConnector(loop=self._loop)
        if connector._loop is not self._loop:
            raise RuntimeError("Session and connector has to use same event loop")
        if self._loop.get_debug():
            self._source_traceback = traceback.extract_stack(sys._getframe(1))
        self._made_at = outside(sys._getframe(1))
        self._cookie_jar: Any = CookieJar(loop=self._loop) if cookie_jar is None else cookie_jar
        if cookies:
            self._cookie_jar.update_cookies(cookies)
        for name, given in (("auth", auth), ("proxy_auth", proxy_auth)):
            if given is not None:
                warn_of_auth(name, 3)
        self._connector = connector
        self._connector_owner = connector_owner
        self._default_auth = auth
        self._version = version
        self._json_serialize = json_serialize
        self._json_serialize_bytes = json_serialize_bytes
        self._raise_for_status = raise_for_status
        self._auto_decompress = bool(auto_decompress)
        self._trust_env = trust_env
        self._requote_redirect_url = requote_redirect_url
        self._reading: dict[str, Any] = {
            "auto_decompress": self._auto_decompress,
            "read_bufsize": read_bufsize,
            "max_line_size": max_line_size,
            "max_field_size": max_field_size,
            "max_headers": max_headers,
            "max_body_size": max_body_size,
            "max_decompressed_size": max_decompressed_size,
        }
        self._settings = _aioxide.ResponseSettings(**self._reading)
        self._default_headers: CIMultiDict[str] = CIMultiDict(headers) if headers else CIMultiDict()
        self._skip_auto_headers = frozenset(istr(name) for name in skip_auto_headers or ())
        self._request_class = request_class
        self._response_class = response_class
        self._ws_response_class = ws_response_class
        self._trace_configs = trace_configs or []
        for config in self._trace_configs:
            config.freeze()
        self._resolve_charset = fallback_charset_resolver
        self._default_proxy = proxy
        self._default_proxy_auth = proxy_auth
        self._retry_connection = True
        self._max_error_body = max_error_body
        self._middlewares = middlewares
        self._shortcut = Shortcut() if Shortcut.serves(self) else None

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        # Programs change what has no public way, also while connections are idle.
        if name in DECIDING and "_shortcut" in self.__dict__:
            self._shortcut = Shortcut() if Shortcut.serves(self) else None

    def __init_subclass__(cls) -> None:
        warnings.warn(
            f"Inheritance class {cls.__name__} from ClientSession is discouraged",
            DeprecationWarning,
            stacklevel=2,
        )

    def __del__(self) -> None:
        if self.closed:
            return
        pair = self._made_at
        warnings.warn(
            f"Unclosed client session {self!r}{made_at(pair)}",
            ResourceWarning,
            stacklevel=2,
            source=self,
        )
        context: dict[str, Any] = {"client_session": self, "message": "Unclosed client session"}
        if pair is not None:
            context["made_at"] = where(pair)
        if self._source_traceback is not None:
            context["source_traceback"] = self._source_traceback
        self._loop.call_exception_handler(context)

    # Requests.

    def request(self, method: str, url: str | URL, **kwargs: Any) -> _RequestContextManager:
        """Make a request: await it, or enter it by `async with`, for its response.

        Keyword arguments are aiohttp's. Raises ClientError of many kinds, TimeoutError.
        """
        return _RequestContextManager(self._request(method, url, **kwargs))

    def get(
        self, url: str | URL, *, allow_redirects: bool = True, **kwargs: Any
    ) -> _RequestContextManager:
        """Make a GET request."""
        return _RequestContextManager(
            self._request("GET", url, allow_redirects=allow_redirects, **kwargs)
        )

    def options(
        self, url: str | URL, *, allow_redirects: bool = True, **kwargs: Any
    ) -> _RequestContextManager:
        """Make an OPTIONS request."""
        return _RequestContextManager(
            self._request("OPTIONS", url, allow_redirects=allow_redirects, **kwargs)
        )

    def head(
        self, url: str | URL, *, allow_redirects: bool = False, **kwargs: Any
    ) -> _RequestContextManager:
        """Make a HEAD request; redirects are not followed unless asked."""
        return _RequestContextManager(
            self._request("HEAD", url, allow_redirects=allow_redirects, **kwargs)
        )

    def post(self, url: str | URL, *, data: Any = None, **kwargs: Any) -> _RequestContextManager:
        """Make a POST request."""
        return _RequestContextManager(self._request("POST", url, data=data, **kwargs))

    def put(self, url: str | URL, *, data: Any = None, **kwargs: Any) -> _RequestContextManager:
        """Make a PUT request."""
        return _RequestContextManager(self._request("PUT", url, data=data, **kwargs))

    def patch(self, url: str | URL, *, data: Any = None, **kwargs: Any) -> _RequestContextManager:
        """Make a PATCH request."""
        return _RequestContextManager(self._request("PATCH", url, data=data, **kwargs))

    def delete(self, url: str | URL, **kwargs: Any) -> _RequestContextManager:
        """Make a DELETE request."""
        return _RequestContextManager(self._request("DELETE", url, **kwargs))

    def ws_connect(self, url: str | URL, **kwargs: Any) -> _WSRequestContextManager:
        """Open a WebSocket: await it, or enter it by `async with`.

        Keyword arguments are aiohttp's. Raises WSServerHandshakeError when the server does not
        agree, and what a request raises.
        """
        return _WSRequestContextManager(self._ws_connect(url, **kwargs))

    async def _ws_connect(self, url: str | URL, **kwargs: Any) -> ClientWebSocketResponse:
        return await connect_websocket(self, url, **kwargs)

    def _build_url(self, str_or_url: str | URL) -> URL:
        url = URL(str_or_url)
        if self._base_url is not None and not url.absolute:
            return self._base_url.join(url)
        return url

    def _prepare_headers(self, headers: Any) -> CIMultiDict[str]:
        """The session's headers, with those of the request in their place."""
        result = CIMultiDict(self._default_headers)
        if not headers:
            return result
        if not isinstance(headers, (MultiDictProxy, MultiDict)):
            headers = CIMultiDict(headers)
        added: set[str] = set()
        for name, value in headers.items():
            if name in added:
                result.add(name, value)
            else:
                result[name] = value
                added.add(name)
        return result

    async def _request(self, method: str, str_or_url: str | URL, **options: Any) -> ClientResponse:
        """Make a request. Everything that makes one comes by here, and packages replace it."""
        shortcut = self._shortcut
        if shortcut is not None:
            began = shortcut.begin(self, method, str_or_url, options)
            if began is not None:
                first = await self._by_shortcut(began, options)
                if first is not None and (
                    first.status not in REDIRECTS or not options.get("allow_redirects", True)
                ):
                    return first
                # What has been done counts: the time, and that the request was made once.
                return await step_by_step(
                    self,
                    method,
                    str_or_url,
                    first=first,
                    began_at=began._began_at,
                    may_retry=first is not None,
                    **shortcut.long_way(self, options),
                )
        return await step_by_step(self, method, str_or_url, **options)

    async def _by_shortcut(
        self, response: ClientResponse, options: dict[str, Any]
    ) -> ClientResponse | None:
        """Await the head of a response; None where the request is to be made again."""
        try:
            waiter = response._exchange.head_waiter()
            if response._dialled is not None:
                await response._dialled.head(response, waiter)
                response._dialled = None
            elif waiter is not None:
                await waiter
            response._closed = False
            response._take_head()
            if response._raw_cookie_headers:
                self._cookie_jar.update_cookies_from_headers(
                    response._raw_cookie_headers, response.url
                )
            raises = options.get("raise_for_status")
            if raises is None:
                raises = self._raise_for_status
            if raises and (
                response.status not in REDIRECTS or not options.get("allow_redirects", True)
            ):
                if callable(raises):
                    await raises(response)
                else:
                    response.raise_for_status()
        except ClientConnectorError:
            # There was no connection to any address.
            response.close()
            raise
        except (ClientOSError, ServerDisconnectedError):
            response.close()
            if self._retry is None and self._retry_connection and response.method in IDEMPOTENT:
                return None
            raise
        except HttpProcessingError as error:
            response.close()
            raise response._refused(error) from error
        except BaseException:
            response.close()
            raise
        return response

    def _json_payload(self, value: Any) -> Any:
        if self._json_serialize_bytes is not None:
            from aioxide.http._payload import JsonBytesPayload

            return JsonBytesPayload(value, dumps=self._json_serialize_bytes)
        return JsonPayload(value, dumps=self._json_serialize)

    async def _own_auth(self, url: URL) -> BasicAuth | None:
        """The session's credentials for a URL, or those of netrc."""
        if self._default_auth is not None and (
            self._base_url is None or self._base_url_origin == url.origin()
        ):
            return self._default_auth
        if self._trust_env and url.host is not None:
            return await self._loop.run_in_executor(None, netrc_auth_for, url.host)
        return None

    # The end.

    async def close(self) -> None:
        """Close the session, and its connector if that is its own."""
        if not self.closed:
            if self._connector is not None and self._connector_owner:
                await self._connector.close()
            self._connector = None

    def detach(self) -> None:
        """Give the connector up without closing it."""
        self._connector = None

    @property
    def closed(self) -> bool:
        """Whether the session, or its connector, is closed."""
        return self._connector is None or self._connector.closed

    def __enter__(self) -> None:
        raise TypeError("Use async with instead")

    def __exit__(self, *exc: object) -> None:
        """Never reached: __enter__() raises."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()

    # What was set.

    @property
    def connector(self) -> BaseConnector | None:
        """The connector, None when the session is closed."""
        return self._connector

    @property
    def cookie_jar(self) -> AbstractCookieJar:
        """The cookies."""
        return self._cookie_jar  # type: ignore[no-any-return]

    @property
    def version(self) -> HttpVersion:
        """The version of HTTP that requests are made with."""
        return self._version

    @property
    def requote_redirect_url(self) -> bool:
        """Whether the targets of redirects are quoted anew."""
        return self._requote_redirect_url

    @requote_redirect_url.setter
    def requote_redirect_url(self, value: bool) -> None:
        warnings.warn(
            "session.requote_redirect_url modification is deprecated #2778",
            DeprecationWarning,
            stacklevel=2,
        )
        self._requote_redirect_url = value

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop."""
        warnings.warn("client.loop property is deprecated", DeprecationWarning, stacklevel=2)
        return self._loop

    @property
    def timeout(self) -> ClientTimeout:
        """The timeouts of requests that have no others."""
        return self._timeout

    @property
    def headers(self) -> CIMultiDict[str]:
        """The headers of all requests; they may be changed."""
        return self._default_headers

    @property
    def skip_auto_headers(self) -> frozenset[istr]:
        """The headers that are not added by themselves."""
        return self._skip_auto_headers

    @property
    def auth(self) -> BasicAuth | None:
        """The credentials of requests that have no others."""
        return self._default_auth

    @property
    def json_serialize(self) -> Callable[[Any], str]:
        """What makes JSON of `json=`."""
        return self._json_serialize

    @property
    def connector_owner(self) -> bool:
        """Whether the connector is closed with the session."""
        return self._connector_owner

    @property
    def raise_for_status(self) -> bool | Callable[[ClientResponse], Awaitable[None]]:
        """Whether responses of 400 and more raise."""
        return self._raise_for_status

    @property
    def auto_decompress(self) -> bool:
        """Whether bodies are decompressed."""
        return self._auto_decompress

    @property
    def trust_env(self) -> bool:
        """Whether proxies and credentials come from the environment and netrc, too."""
        return self._trust_env

    @property
    def trace_configs(self) -> list[TraceConfig]:
        """Who is told what the session does."""
        return self._trace_configs


def _session_timeout(timeout: Any, read_timeout: Any, conn_timeout: float | None) -> ClientTimeout:
    """The timeouts of a session, from its arguments old and new."""
    if timeout is sentinel or timeout is None:
        result = DEFAULT_TIMEOUT
        if read_timeout is not sentinel:
            warnings.warn(
                "read_timeout is deprecated, use timeout argument instead",
                DeprecationWarning,
                stacklevel=3,
            )
            result = ClientTimeout(total=read_timeout, sock_connect=result.sock_connect)
        if conn_timeout is not None:
            warnings.warn(
                "conn_timeout is deprecated, use timeout argument instead",
                DeprecationWarning,
                stacklevel=3,
            )
            result = ClientTimeout(
                total=result.total, connect=conn_timeout, sock_connect=result.sock_connect
            )
        return result
    if isinstance(timeout, (int, float)):
        raise ValueError(
            f"timeout parameter cannot be of {type(timeout)} type, "
            "please use 'timeout=ClientTimeout(...)'"
        )
    for name, given in (("read", read_timeout is not sentinel), ("connect", bool(conn_timeout))):
        if given:
            raise ValueError(
                f"{name}_timeout and timeout parameters conflict, please setup timeout.{name}"
            )
    return as_timeout(timeout)
