"""What an exception of a request means: its kind, a sentence, and whether to try again."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from typing import TYPE_CHECKING

from aioxide import http

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .settings import Settings

__all__ = ["PERMANENT_NAME", "explain"]

PERMANENT_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
_KINDS = {
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files",
    errno.ECONNREFUSED: "connection refused",
    errno.ENETUNREACH: "network unreachable",
    errno.EHOSTUNREACH: "host unreachable",
    errno.EADDRNOTAVAIL: "no free port",
}


def explain(error: Exception, settings: Settings) -> tuple[str, str, bool]:
    """(kind, text, again) of what a request has raised."""
    text = _text(error)
    if isinstance(error, http.ServerTimeoutError) or type(error) is TimeoutError:
        return "timeout", f"no whole answer within {settings.timeout:g} s (--timeout)", True
    if isinstance(error, TimeoutError):
        return "timeout", text or "it took too long", True
    if isinstance(error, http.TooManyRedirects):
        return "redirect loop", f"more than {len(error.history) - 1} redirects", False
    if isinstance(error, (http.RedirectClientError, http.InvalidURL, http.NonHttpUrlClientError)):
        return "bad redirect", f"it redirects to {error}, which is no URL of a page", False
    if isinstance(error, http.ClientHttpProxyError):
        return "proxy", f"the proxy answers {error.status} {error.message}", False
    if isinstance(error, http.ClientProxyConnectionError):
        return "proxy", text, True
    if isinstance(error, (http.ClientConnectorCertificateError, ssl.SSLCertVerificationError)):
        return "certificate", text, False
    if isinstance(error, http.ClientSSLError):
        return "TLS", text, False
    if isinstance(error, http.ClientPayloadError):
        if "max_body_size" in text or "decodes to more than" in text:
            most = f"{settings.max_size:,} bytes"
            return "too large", f"its body is larger than {most} (--max-size)", False
        return "body cut short", text, True
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return "host not found", text, cause.errno not in PERMANENT_NAME
        number = getattr(cause, "errno", None)
        if number in _KINDS:
            return _KINDS[number], text, True
    if isinstance(error, (http.ClientConnectionError, OSError)):
        return "connection lost", text or "the server closed the connection", True
    if isinstance(error, http.ClientResponseError):
        return "bad response", f"it is not HTTP: {error.message}", False
    return type(error).__name__, text, False


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = getattr(current, "os_error", None) or current.__cause__


def _text(error: BaseException) -> str:
    """On one line, as what it says may come from a server."""
    text = str(error)
    if isinstance(error, http.ClientConnectorError):
        text = _unconnected(error)
    return " ".join(text.split())


def _unconnected(error: http.ClientConnectorError) -> str:
    """Who could not be reached, and why, without what only programs ask for."""
    number = error.errno
    why = os.strerror(number) if number in _KINDS else error.strerror or str(error.os_error)
    host, port = error.host, error.port
    if not isinstance(error, http.ClientProxyConnectionError):
        return f"cannot connect to {host}:{port}: {why}"
    proxy = error._conn_key.proxy
    if proxy is not None:
        # A SOCKS proxy; without its password.
        host, port = proxy.host or "", proxy.port
    return f"the proxy {host}:{port}: {why}"
