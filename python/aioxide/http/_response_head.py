"""What a server answered before the body: the status and the headers, as people ask for them."""

from __future__ import annotations

import re
import warnings
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy
from yarl import URL

from aioxide.http._content_type import ContentDisposition, disposition_of, mime_type_of
from aioxide.http._cookie_text import parse_set_cookie_headers
from aioxide.http._errors import RequestInfo

if TYPE_CHECKING:
    from aioxide.http._response import ClientResponse
    from aioxide.http._template import Template
    from aioxide.http._version import HttpVersion

LINK_PARAMETER = re.compile(r"^\s*(\S*)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\"']*?))\s*$")


class ResponseHead:
    """The head of a response. It lies in the native exchange until somebody asks."""

    method: str
    status: int = None  # type: ignore[assignment]
    reason: str | None = None
    version: HttpVersion | None = None
    _url: URL
    _real_url: URL
    _exchange: Any = None
    _headers: Any = None
    _raw_headers: Any = None
    _raw_cookie_headers: tuple[str, ...] | None = None
    _cookies: SimpleCookie | None = None
    _history: tuple[ClientResponse, ...] = ()
    #: The template that the request's head was filled into, the values, and the body's length.
    _filled: tuple[Template, tuple[str, ...], int] | None = None
    _request_info: RequestInfo | None = None

    @property
    def url(self) -> URL:
        """The URL that was asked for, after redirects; without its fragment."""
        return self._url

    @property
    def url_obj(self) -> URL:
        """The same, by a name that is deprecated."""
        warnings.warn("url_obj is deprecated, use url", DeprecationWarning, stacklevel=2)
        return self._url

    @property
    def real_url(self) -> URL:
        """The same with its fragment."""
        return self._real_url

    @property
    def host(self) -> str:
        """The host of the URL."""
        return self._url.host or ""

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """The headers; names in any case, in the order in which they came."""
        headers = self._headers
        if headers is None:
            items = self._exchange.header_items() if self._exchange is not None else ()
            headers = self._headers = CIMultiDictProxy(CIMultiDict(items))
        return headers  # type: ignore[no-any-return]

    @property
    def raw_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The headers as they came over the wire."""
        if self._raw_headers is None and self._exchange is not None:
            self._raw_headers = self._exchange.raw_headers()
        return self._raw_headers or ()

    @property
    def request_info(self) -> RequestInfo:
        """The request, as it was sent."""
        info = self._request_info
        if info is None:
            assert self._filled is not None
            template, values, length = self._filled
            headers = CIMultiDictProxy(template.headers(values, length))
            info = RequestInfo(self._url, self.method, headers, self._real_url)
            self._request_info = info
        return info

    @property
    def cookies(self) -> SimpleCookie:
        """The cookies that the response sets."""
        if self._cookies is None:
            self._cookies = SimpleCookie()
            if self._raw_cookie_headers is not None:
                self._cookies.update(parse_set_cookie_headers(self._raw_cookie_headers))
        return self._cookies

    @cookies.setter
    def cookies(self, cookies: SimpleCookie) -> None:
        self._cookies = cookies
        texts = tuple(morsel.OutputString() for morsel in cookies.values())
        self._raw_cookie_headers = texts or None

    @property
    def history(self) -> tuple[ClientResponse, ...]:
        """The responses that redirected here."""
        return self._history

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    @property
    def content_type(self) -> str:
        """The type of the content, without parameters; application/octet-stream without one."""
        return mime_type_of(self.headers.get("Content-Type")).essence

    @property
    def charset(self) -> str | None:
        """The encoding that Content-Type names, or None."""
        return mime_type_of(self.headers.get("Content-Type")).parameters.get("charset")

    @property
    def content_length(self) -> int | None:
        """The length that the headers tell, in bytes as sent, or None."""
        length = self.headers.get("Content-Length")
        return None if length is None else int(length)

    @property
    def content_disposition(self) -> ContentDisposition | None:
        """The parts of Content-Disposition, or None."""
        raw = self.headers.get("Content-Disposition")
        return None if raw is None else disposition_of(raw)

    @property
    def links(self) -> MultiDictProxy[Any]:
        """The Link headers, by their rel (or by their URL, without one)."""
        links: MultiDict[Any] = MultiDict()
        text = ", ".join(self.headers.getall("Link", []))
        for part in re.split(r",(?=\s*<)", text):
            match = re.match(r"\s*<(.*)>(.*)", part)
            if match is None:
                continue
            target, parameters = match.groups()
            link: MultiDict[Any] = MultiDict()
            for parameter in parameters.split(";")[1:]:
                found = LINK_PARAMETER.match(parameter)
                if found is not None:
                    values = [value for value in found.groups()[1:] if value is not None]
                    link.add(found[1], values[0] if values else "")
            link["url"] = self._url.join(URL(target))
            links.add(str(link.get("rel", target)), MultiDictProxy(link))
        return MultiDictProxy(links)
