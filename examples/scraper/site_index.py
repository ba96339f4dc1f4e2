"""The index page: where it is, and which pages it links."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

from job import USER_AGENT

TIMEOUT = 20.0
MOST_BYTES = 10_000_000


class NoIndexError(Exception):
    """There is no index to work from. The text is for the user."""


class UrlError(ValueError):
    """This is not the URL of a page."""


def check_url(url: str) -> str:
    """The URL with a path, or an error that says what is wrong with it."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UrlError(f"{url!r} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https"):
        raise UrlError(f"{url!r} is not the URL of a web page: it has to begin with http://")
    if not parts.hostname or any(character.isspace() for character in url):
        raise UrlError(f"{url!r} is not the URL of a web page: it names no host")
    return url if parts.path else f"{url}/"


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")


def fetch_links(url: str, most: int) -> list[str]:
    """The pages of the same site that the page at `url` links, each once, in its order."""
    request = urllib.request.Request(url, headers={"User-Agent": USER_AGENT})
    handlers = [urllib.request.ProxyHandler({})] if is_loopback(url) else []
    opener = urllib.request.build_opener(*handlers)
    try:
        with opener.open(request, timeout=TIMEOUT) as response:
            text = response.read(MOST_BYTES).decode(errors="replace")
            url = response.url
    except urllib.error.HTTPError as error:
        raise NoIndexError(f"{url} answers {error.code} {error.reason}") from None
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        reason = getattr(reason, "strerror", None) or reason or type(error).__name__
        raise NoIndexError(f"cannot reach {url}: {reason}") from None
    parser = _Links(url)
    parser.feed(text)
    links = [link for link in parser.links if link != urldefrag(url).url][:most]
    if not links:
        raise NoIndexError(f"{url} links no page of its own site, so there is nothing to fetch")
    return links


class _Links(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base
        self._links: dict[str, None] = {}

    @property
    def links(self) -> list[str]:
        return list(self._links)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if tag != "a" or not href:
            return
        try:
            link = urldefrag(urljoin(self._base, href)).url
            if urlsplit(link)[:2] == urlsplit(self._base)[:2]:
                self._links[link] = None
        except ValueError:
            # A page may hold anything; what is not a URL is not followed.
            return
