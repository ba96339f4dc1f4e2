"""What a request says: its URL, its headers and its body, as they are put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http.cookies import Morsel, SimpleCookie
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy, istr
from yarl import URL

from aioxide.http._aiohttp import lookup
from aioxide.http._auth import BasicAuth, make_basic_auth
from aioxide.http._cookie_text import morsel_as_sent, parse_cookie_header
from aioxide.http._errors import ConnectionKey, InvalidURL, RequestInfo
from aioxide.http._form import FormData
from aioxide.http._header_names import (
    ACCEPT,
    ACCEPT_ENCODING,
    AUTHORIZATION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    COOKIE,
    EXPECT,
    HOST,
    TRANSFER_ENCODING,
    USER_AGENT,
)
from aioxide.http._payload import PAYLOAD_REGISTRY, Payload, PayloadLookupError
from aioxide.http._version import SERVER_SOFTWARE, HttpVersion

#: Proxies that are asked in SOCKS5: with socks5h the proxy looks names up.
SOCKS = frozenset({"socks5", "socks5h"})
#: A program may have aiohttp's, too.
FORMS = (FormData, lookup("formdata", "FormData") or FormData)


class RequestContent:
    """The part of a request that a middleware sees and may change."""

    GET_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
    POST_METHODS = frozenset({"PATCH", "POST", "PUT"})
    ALL_METHODS = GET_METHODS | POST_METHODS | {"DELETE"}
    DEFAULT_HEADERS: Mapping[istr, str] = {
        ACCEPT: "*/*",
        ACCEPT_ENCODING: "gzip, deflate, br, zstd",
    }

    auth: BasicAuth | None = None
    chunked: bool | None
    compress: Any
    headers: CIMultiDict[str]
    method: str = "GET"
    original_url: URL
    proxy: URL | None
    proxy_auth: BasicAuth | None
    proxy_headers: Any
    server_hostname: str | None
    url: URL = URL()
    version: HttpVersion
    _body: Payload | None = None
    _expects: bool = False
    _skip_auto_headers: frozenset[str] | None = None
    _ssl: Any

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
        self.headers = CIMultiDict()
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
        self.proxy_auth = None
        self.proxy_headers = None
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
