"""`Fetcher`: a session, and one attempt at a URL."""

from __future__ import annotations

import asyncio
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Self

from yarl import URL

from aioxide import http

from . import trouble
from .page import Failure, Hop, Page
from .robots import EVERYTHING, MOST_BYTES, Rules

if TYPE_CHECKING:
    from types import TracebackType

    from .page import Headers, Outcome
    from .settings import Settings
    from .target import Target

__all__ = ["MOST_PAUSE", "Fetcher"]

#: A server that wants no request for longer is asked again after so many seconds all the same.
MOST_PAUSE = 300.0
MOST_REDIRECTS = 10
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_PAUSING = frozenset({429, 503})


class Fetcher:
    """Makes requests as the settings say: `async with Fetcher(settings) as fetcher`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._agent = settings.user_agent.partition("/")[0] or "*"
        self._with_cookies: set[str] = set()
        self._session: http.ClientSession
        self.connector: http.TCPConnector

    async def __aenter__(self) -> Self:
        settings = self._settings
        self.connector = http.TCPConnector(limit=settings.limit, limit_per_host=0)
        self._session = http.ClientSession(
            connector=self.connector,
            # Hosts may be addresses.
            cookie_jar=http.CookieJar(unsafe=True),
            headers=[("User-Agent", settings.user_agent), *settings.headers],
            proxy=settings.proxy,
            timeout=http.ClientTimeout(total=settings.timeout),
            auto_decompress=not settings.raw,
            max_body_size=settings.max_size,
            max_decompressed_size=settings.max_size,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def fetch(self, target: Target) -> Outcome:
        """Make one attempt. Raises nothing that the network can cause; can be cancelled."""
        target.tries += 1
        if self._settings.cookies:
            self._give_cookies(target.origin)
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with self._session.get(
                target.key, allow_redirects=True, max_redirects=MOST_REDIRECTS
            ) as response:
                if not 200 <= response.status < 300:
                    return self._refused(target, response)
                body = await response.read()
                return Page(
                    target.url,
                    str(response.url),
                    response.status,
                    response.reason or "",
                    _headers(response),
                    body,
                    time.time(),
                    loop.time() - began,
                    target.tries,
                    [
                        Hop(str(hop.url), hop.status, hop.reason or "", _headers(hop))
                        for hop in response.history
                    ],
                )
        except Exception as error:  # noqa: BLE001  # whatever a server can cause ends one URL
            kind, text, again = trouble.explain(error, self._settings)
            return Failure(target.url, kind, text, target.tries, again)

    async def rules(self, origin: str) -> Rules | Failure:
        """Read a host's robots.txt, or say why it cannot be read."""
        url = f"{origin}/robots.txt"
        try:
            async with self._session.get(
                url, max_redirects=MOST_REDIRECTS, auto_decompress=True
            ) as response:
                if 400 <= response.status < 500:
                    return EVERYTHING
                if not 200 <= response.status < 300:
                    text = f"{url} answers {response.status}: so nothing may be fetched there"
                    return Rules(refusal=text)
                text = await self._start(response)
                return Rules(text, self._agent)
        except Exception as error:  # noqa: BLE001  # as above
            kind, text, again = trouble.explain(error, self._settings)
            return Failure(url, kind, text, 1, again)

    async def bytes(self, url: str) -> bytes | Failure:
        """The body of a response, whatever it is; a sitemap's."""
        try:
            async with self._session.get(
                url, max_redirects=MOST_REDIRECTS, auto_decompress=True
            ) as response:
                if not 200 <= response.status < 300:
                    text = f"{response.status} {response.reason or ''}".strip()
                    return Failure(url, f"HTTP {response.status}", text)
                return await response.read()
        except Exception as error:  # noqa: BLE001  # as above
            kind, text, again = trouble.explain(error, self._settings)
            return Failure(url, kind, text, 1, again)

    def _give_cookies(self, origin: str) -> None:
        if origin not in self._with_cookies:
            self._with_cookies.add(origin)
            self._session.cookie_jar.update_cookies(dict(self._settings.cookies), URL(origin))

    def _refused(self, target: Target, response: http.ClientResponse) -> Failure:
        status = response.status
        text = f"{status} {response.reason or ''}".strip()
        if response.history:
            text = f"{text} at {response.url}"
        pause = None
        # It is the host of the list that is asked less, even if another one has redirected.
        if status in _PAUSING:
            pause = retry_after(response.headers.get("Retry-After"), time.time())
        return Failure(target.url, f"HTTP {status}", text, target.tries, status in _AGAIN, pause)

    async def _start(self, response: http.ClientResponse) -> str:
        data = bytearray()
        async for piece in response.content.iter_chunked(64 << 10):
            data += piece
            if len(data) >= MOST_BYTES:
                # What follows is not read; a line that is cut could say something else.
                del data[MOST_BYTES:]
                del data[data.rfind(b"\n") + 1 :]
                break
        return data.decode("utf-8", "replace")


def retry_after(value: str | None, now: float) -> float | None:
    """The seconds that a Retry-After header asks for, MOST_PAUSE at most; None if it says none."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        seconds = float(value[:10])
    else:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), MOST_PAUSE)


def _headers(response: http.ClientResponse) -> Headers:
    return [
        (name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape"))
        for name, value in response.raw_headers
    ]
