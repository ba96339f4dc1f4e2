"""Cookie jars: what servers set, kept for the next request."""

from __future__ import annotations

import asyncio
import time
import warnings
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from http.cookies import BaseCookie, CookieError, Morsel, SimpleCookie
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from yarl import URL

from aioxide import _aioxide
from aioxide.http import _cookie_file
from aioxide.http._aiohttp import shared
from aioxide.http._cookie_text import (
    logger,
    make_morsel,
    parse_set_cookie_headers,
    report_refused,
)

if TYPE_CHECKING:
    import os

__all__ = [
    "AbstractCookieJar",
    "CookieJar",
    "DummyCookieJar",
    "cookie_target",
    "cookies_of_request",
]

Predicate = Callable[["Morsel[str]"], bool]
Stored = Mapping[tuple[str, str], SimpleCookie]
#: What a URL is to a native jar: scheme, host, port and path.
Target = tuple[str, str | None, int | None, str]

_NOWHERE = URL()


@shared("abc")
class AbstractCookieJar(Sized, Iterable["Morsel[str]"]):
    """What keeps cookies. aiohttp's class where aiohttp is installed."""

    def __init__(self, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.get_running_loop()

    @property
    @abstractmethod
    def unsafe(self) -> bool:
        """Whether hosts that are addresses have cookies."""

    @property
    @abstractmethod
    def quote_cookie(self) -> bool:
        """Whether values are quoted that cannot stand in a header as they are."""

    @property
    def treat_as_secure_origin(self) -> frozenset[URL]:
        """The origins that are as good as encrypted ones."""
        return frozenset()

    @property
    @abstractmethod
    def cookies(self) -> Stored:
        """The cookies by domain and path."""

    @property
    @abstractmethod
    def host_only_cookies(self) -> frozenset[tuple[str, str, str]]:
        """Domain, path and name of the cookies that are not for hosts below their own."""

    @abstractmethod
    def clear(self, predicate: Predicate | None = None) -> None:
        """Take out the cookies that the predicate is true for; without one, all."""

    @abstractmethod
    def clear_domain(self, domain: str) -> None:
        """Take out the cookies of a domain and of those below."""

    @abstractmethod
    def update_cookies(self, cookies: Any, response_url: URL = _NOWHERE) -> None:
        """Take cookies as if a response from the URL had set them."""

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        """Take the cookies of a response's Set-Cookie headers."""
        if headers and (cookies := parse_set_cookie_headers(headers)):
            self.update_cookies(cookies, response_url)

    @abstractmethod
    def filter_cookies(self, request_url: URL) -> BaseCookie[str]:
        """The cookies for a request."""


def cookie_target(url: URL) -> Target:
    """What a native jar asks of a URL."""
    return url.scheme, url.raw_host, url.port, url.path


class CookieJar(AbstractCookieJar):
    """Keeps cookies by the rules of RFC 6265, in memory, and no more of them than Firefox does.

    unsafe: hosts that are addresses have cookies, too. treat_as_secure_origin: URLs whose origins
    get cookies with the attribute Secure without encryption.
    """

    _limited = True

    def __init__(
        self,
        *,
        unsafe: bool = False,
        quote_cookie: bool = True,
        treat_as_secure_origin: str | URL | Iterable[str | URL] | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(loop=loop)
        if treat_as_secure_origin is None:
            treat_as_secure_origin = ()
        elif isinstance(treat_as_secure_origin, (str, URL)):
            treat_as_secure_origin = (treat_as_secure_origin,)
        self._unsafe = unsafe
        self._quote_cookie = quote_cookie
        self._secure_origins = frozenset(URL(url).origin() for url in treat_as_secure_origin)
        self._jar = _aioxide.NativeCookieJar(
            bool(unsafe),
            bool(quote_cookie),
            [(url.scheme, url.raw_host or "", url.port) for url in self._secure_origins],
            self._limited,
        )
        self._shown: tuple[int, defaultdict[tuple[str, str], SimpleCookie]] | None = None

    @property
    def unsafe(self) -> bool:
        """Whether hosts that are addresses have cookies."""
        return self._unsafe

    @property
    def quote_cookie(self) -> bool:
        """Whether values are quoted that cannot stand in a header as they are."""
        return self._quote_cookie

    @property
    def treat_as_secure_origin(self) -> frozenset[URL]:
        """The origins that are as good as encrypted ones."""
        return self._secure_origins

    @property
    def cookies(self) -> MappingProxyType[tuple[str, str], SimpleCookie]:
        """The cookies by domain and path, as they are whenever somebody looks.

        What is changed in it does not get into the jar.
        """
        return MappingProxyType(_Contents(self))

    @property
    def host_only_cookies(self) -> frozenset[tuple[str, str, str]]:
        """Domain, path and name of the cookies that are not for hosts below their own."""
        return frozenset(entry[:3] for entry in self._jar.entries() if entry[4])

    @property
    def _cookies(self) -> defaultdict[tuple[str, str], SimpleCookie]:
        """The cookies as Morsels, made anew after a change. Packages look at it and pickle it."""
        generation = self._jar.generation
        if self._shown is None or self._shown[0] != generation:
            cookies: defaultdict[tuple[str, str], SimpleCookie] = defaultdict(SimpleCookie)
            for domain, path, name, parts, _, _ in self._jar.entries():
                dict.__setitem__(cookies[domain, path], name, make_morsel(*parts))
            self._shown = generation, cookies
        return self._shown[1]

    def __iter__(self) -> Iterator[Morsel[str]]:
        self._jar.expire(time.time())
        return iter([morsel for found in self._cookies.values() for morsel in found.values()])

    def __len__(self) -> int:
        """How many there are; those that have ended may count until something looks at them."""
        return len(self._jar)

    def clear(self, predicate: Predicate | None = None) -> None:
        """Take out those that the predicate is true for; without one, all."""
        if predicate is None:
            self._jar.clear()
            return
        self._jar.expire(time.time())
        self._jar.remove(
            [
                (domain, path, name)
                for (domain, path), cookies in self._cookies.items()
                for name, morsel in cookies.items()
                if predicate(morsel)
            ]
        )

    def clear_domain(self, domain: str) -> None:
        """Take out the cookies of a domain and of those below."""
        self._jar.clear_domain(time.time(), domain)

    def update_cookies(self, cookies: Any, response_url: URL = _NOWHERE) -> None:
        """Take cookies as if a response from the URL had set them; from none, for all hosts.

        `cookies` is a mapping of names to values or Morsels, or an iterable of such pairs. Raises
        CookieError for a name that cannot be one.
        """
        items = cookies.items() if isinstance(cookies, Mapping) else cookies
        found = [self._parts_of(name, cookie) for name, cookie in items]
        refused = self._jar.update(
            time.time(),
            [parts for parts in found if parts is not None],
            cookie_target(response_url),
        )
        self._report(refused)

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        """Take the cookies of a response's Set-Cookie headers."""
        refused = self._jar.update_from_fields(time.time(), headers, cookie_target(response_url))
        if any(refused):
            report_refused(refused)

    def filter_cookies(self, request_url: URL = _NOWHERE) -> BaseCookie[str]:
        """The cookies for a request, the more specific ones last, with coded values as sent."""
        filtered: BaseCookie[str] = BaseCookie()
        if not len(self._jar):
            return filtered
        if type(request_url) is not URL:
            warnings.warn(
                "filter_cookies expects yarl.URL instances only,"
                f"and will stop working in 4.x, got {type(request_url)}",
                DeprecationWarning,
                stacklevel=2,
            )
            request_url = URL(request_url)
        for name, key, value, sent in self._jar.select(time.time(), cookie_target(request_url)):
            dict.__setitem__(filtered, name, make_morsel(key, value, sent))
        return filtered

    def save(self, file_path: str | os.PathLike[str]) -> None:
        """Write the cookies to a file as JSON. A new file is readable by its owner only."""
        _cookie_file.write(file_path, self._jar.entries())

    def load(self, file_path: str | os.PathLike[str]) -> None:
        """Put the cookies of a file in place of those of the jar, by the rules for servers.

        The file is one of save(), or a pickle of an older jar, of which nothing but cookies is
        read. A malformed file raises, and the jar stays as it is.
        """
        found = []
        for domain, name, morsel, host_only, ends in _cookie_file.read(file_path):
            parts = self._parts_of(name, morsel)
            if parts is not None:
                found.append((domain, parts, host_only, ends))
        self._jar.load(time.time(), found)

    def _parts_of(self, name: str, cookie: Any) -> Any:
        """What the native jar takes; None for a cookie that cannot be encoded."""
        if not isinstance(cookie, Morsel):
            made: SimpleCookie = SimpleCookie()
            made[name] = cookie
            cookie = made[name]
        if cookie.key is None:  # a Morsel that was never set
            return self._unacceptable(name)
        attributes = [(key, value) for key, value in cookie.items() if value not in ("", None)]
        try:
            for text in (
                name,
                cookie.key,
                cookie.value,
                cookie.coded_value,
                *dict(attributes).values(),
            ):
                if isinstance(text, str):
                    text.encode()
        except UnicodeEncodeError:
            return self._unacceptable(name)
        return name, cookie.key, cookie.value, cookie.coded_value, attributes

    def _unacceptable(self, name: str) -> None:
        logger.debug("Dropped cookie %r: it can't be sent in a Cookie header", name)

    def _report(self, refused: int) -> None:
        if refused:
            logger.debug("Dropped %d cookie(s) that are not acceptable", refused)


class RequestCookies(CookieJar):
    """The cookies that a program gives with one request: without limits, and none is dropped."""

    _limited = False

    def _unacceptable(self, name: str) -> None:
        raise CookieError(f"The cookie {name!r} cannot be sent")

    def _report(self, refused: int) -> None:
        if refused:
            raise CookieError("A cookie has a control character")


def cookies_of_request(
    jar: AbstractCookieJar, url: URL, given: Any, *, ready: bool
) -> BaseCookie[str] | str | None:
    """What a request carries: the cookies of a jar, and those that the program gives with it.

    Where it is `ready` that is wanted, and the jar knows how, it is the value of the header.
    """
    own: RequestCookies | None = None
    if given is not None:
        own = RequestCookies(
            unsafe=jar.unsafe,
            quote_cookie=jar.quote_cookie,
            # Jars of older versions of aiohttp know of none.
            treat_as_secure_origin=getattr(jar, "treat_as_secure_origin", None),
        )
        own.update_cookies(given)
    if ready and type(jar) is CookieJar:
        now, target = time.time(), cookie_target(url)
        if own is None:
            return jar._jar.header(now, target)
        return jar._jar.joined_header(now, target, own._jar)
    found = jar.filter_cookies(url)
    if own is not None:
        found.load(own.filter_cookies(url))
    return found


class _Contents(Mapping[tuple[str, str], SimpleCookie]):
    """What is in a jar at each moment."""

    __slots__ = ("_owner",)

    def __init__(self, owner: CookieJar) -> None:
        self._owner = owner

    def __getitem__(self, place: tuple[str, str]) -> SimpleCookie:
        if place in (cookies := self._owner._cookies):
            return cookies[place]
        raise KeyError(place)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._owner._cookies)

    def __len__(self) -> int:
        return len(self._owner._cookies)

    def __repr__(self) -> str:
        return repr(dict(self))


class DummyCookieJar(AbstractCookieJar):
    """Keeps nothing."""

    def __init__(self, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(loop=loop)

    @property
    def unsafe(self) -> bool:
        """False."""
        return False

    @property
    def quote_cookie(self) -> bool:
        """True: cookies that are given with a request are quoted."""
        return True

    @property
    def cookies(self) -> MappingProxyType[tuple[str, str], SimpleCookie]:
        """Nothing."""
        return MappingProxyType({})

    @property
    def host_only_cookies(self) -> frozenset[tuple[str, str, str]]:
        """Nothing."""
        return frozenset()

    def __iter__(self) -> Iterator[Morsel[str]]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def clear(self, predicate: Predicate | None = None) -> None:
        """Do nothing."""

    def clear_domain(self, domain: str) -> None:
        """Do nothing."""

    def update_cookies(self, cookies: Any, response_url: URL = _NOWHERE) -> None:
        """Do nothing."""

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        """Do nothing, and parse nothing."""

    def filter_cookies(self, request_url: URL) -> BaseCookie[str]:
        """Nothing."""
        return SimpleCookie()
