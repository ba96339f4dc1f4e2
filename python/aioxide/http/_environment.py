"""Proxies and credentials of the environment: what `trust_env=True` asks for."""

from __future__ import annotations

import logging
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from aioxide.http._auth import (
    BasicAuth,
    basicauth_from_netrc,
    netrc_from_env,
    strip_auth_from_url,
)

logger = logging.getLogger("aioxide.http")


def environment_proxy(url: URL) -> tuple[URL, BasicAuth | None]:
    """The proxy for a URL, and its credentials. Raises LookupError where there is none.

    The rules are those of urllib: HTTP_PROXY and others by the URL's scheme, and NO_PROXY. Reads
    netrc, so it runs in a thread.
    """
    host = url.host
    if host is not None and proxy_bypass(host):
        raise LookupError(f"Proxying is disallowed for `{host!r}`")
    scheme = {"ws": "http", "wss": "https"}.get(url.scheme, url.scheme)
    proxies = getproxies()
    for name in dict.fromkeys((url.scheme, scheme)):
        found = proxies.get(name)
        if not found:
            continue
        proxy, auth = strip_auth_from_url(URL(found))
        if proxy.scheme in ("https", "wss"):
            logger.warning("%s proxies %s are not supported, ignoring", proxy.scheme.upper(), proxy)
            continue
        if auth is None and proxy.host is not None:
            try:
                auth = basicauth_from_netrc(netrc_from_env(), proxy.host)
            except LookupError:
                auth = None
        return proxy, auth
    raise LookupError(f"No proxies found for `{url!s}` in the env")


def netrc_auth_for(host: str) -> BasicAuth | None:
    """What netrc says of a host, None if nothing. Reads a file, so it runs in a thread."""
    try:
        return basicauth_from_netrc(netrc_from_env(), host)
    except LookupError:
        return None
