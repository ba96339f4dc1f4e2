"""The ssl arguments: which context a connection is encrypted with."""

from __future__ import annotations

import functools
import ssl as ssl_module
import warnings
from typing import Any

from aioxide.http._errors import Fingerprint

ALLOWED = (ssl_module.SSLContext, bool, Fingerprint)


def merged(
    ssl: Any,
    verify_ssl: bool | None = None,
    ssl_context: ssl_module.SSLContext | None = None,
    fingerprint: bytes | None = None,
) -> ssl_module.SSLContext | bool | Fingerprint:
    """The one ssl argument that the old ones stand for.

    Raises ValueError when several are given, TypeError for what is none of them.
    """
    if ssl is None:
        ssl = True
    old: list[tuple[str, str, Any]] = []
    if verify_ssl is not None and not verify_ssl:
        old.append(("verify_ssl", "ssl=False", False))
    if ssl_context is not None:
        old.append(("ssl_context", "ssl=context", ssl_context))
    if fingerprint is not None:
        old.append(("fingerprint", "ssl=Fingerprint(fingerprint)", fingerprint))
    for name, instead, value in old:
        warnings.warn(
            f"{name} is deprecated, use {instead} instead", DeprecationWarning, stacklevel=3
        )
        if ssl is not True:
            raise ValueError(
                "verify_ssl, ssl_context, fingerprint and ssl parameters are mutually exclusive"
            )
        ssl = Fingerprint(value) if name == "fingerprint" else value
    if not isinstance(ssl, ALLOWED):
        raise TypeError(
            f"ssl should be SSLContext, bool, Fingerprint or None, got {ssl!r} instead."
        )
    return ssl


_own: list[ssl_module.SSLContext] = []


@functools.cache
def context(verified: bool) -> ssl_module.SSLContext:
    """The context of who gives none."""
    if verified:
        made = ssl_module.create_default_context()
    else:
        made = ssl_module.SSLContext(ssl_module.PROTOCOL_TLS_CLIENT)
        made.options |= ssl_module.OP_NO_SSLv2 | ssl_module.OP_NO_SSLv3
        made.check_hostname = False
        made.verify_mode = ssl_module.CERT_NONE
        made.options |= ssl_module.OP_NO_COMPRESSION
        made.set_default_verify_paths()
    made.set_alpn_protocols(("http/1.1",))
    _own.append(made)
    return made


def is_own(context: ssl_module.SSLContext) -> bool:
    """Whether a context is that of who gives none, which nobody changes."""
    return any(context is own for own in _own)


def chosen(*wanted: Any) -> ssl_module.SSLContext:
    """The context for a connection: the first argument that says something decides."""
    for ssl in wanted:
        if isinstance(ssl, ssl_module.SSLContext):
            return ssl
        if ssl is not True:
            return context(verified=False)
    return context(verified=True)


def fingerprint_of(*wanted: Any) -> Fingerprint | None:
    """The first fingerprint among the arguments."""
    return next((ssl for ssl in wanted if isinstance(ssl, Fingerprint)), None)
