"""`request()`: one request, with a session of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aioxide.http._awaiting import _SessionRequestContextManager
from aioxide.http._session import ClientSession
from aioxide.http._tcp import TCPConnector
from aioxide.http._version import HttpVersion, HttpVersion11

if TYPE_CHECKING:
    import asyncio

    from yarl import URL

    from aioxide.http._connector import BaseConnector


def request(
    method: str,
    url: str | URL,
    *,
    version: HttpVersion = HttpVersion11,
    connector: BaseConnector | None = None,
    loop: asyncio.AbstractEventLoop | None = None,
    **kwargs: Any,
) -> _SessionRequestContextManager:
    """Make one request: `async with aioxide.http.request("GET", url) as response`.

    Keyword arguments are those of ClientSession.request().
    """
    owner = connector is None
    if connector is None:
        connector = TCPConnector(loop=loop, force_close=True)
    session = ClientSession(
        loop=loop,
        cookies=kwargs.pop("cookies", None),
        version=version,
        timeout=kwargs.pop("session_timeout", None),
        connector=connector,
        connector_owner=owner,
    )
    return _SessionRequestContextManager(session._request(method, url, **kwargs), session)
