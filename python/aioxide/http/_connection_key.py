"""What a request asked for, and what its connection may be used for again.

Each is aiohttp's class where aiohttp is installed: requests' errors carry them, and programs build
and compare them.
"""

from __future__ import annotations

from hashlib import md5, sha1, sha256
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from aioxide.http._aiohttp import shared

if TYPE_CHECKING:
    import asyncio
    from ssl import SSLContext

    from multidict import CIMultiDictProxy
    from yarl import URL

    from aioxide.http._auth import BasicAuth

__all__ = ["ConnectionKey", "Fingerprint", "RequestInfo"]


class _RequestInfo(NamedTuple):
    url: URL
    method: str
    headers: CIMultiDictProxy[str]
    real_url: URL


_NOT_GIVEN: Any = object()


@shared("client_reqrep")
class RequestInfo(_RequestInfo):
    """A request as it was sent: URL without and with the fragment, method, and headers."""

    __slots__ = ()

    def __new__(
        cls,
        url: URL,
        method: str,
        headers: CIMultiDictProxy[str],
        real_url: URL = _NOT_GIVEN,
    ) -> Self:
        """Make one; `real_url` is `url` where it is not given."""
        return tuple.__new__(
            cls, (url, method, headers, url if real_url is _NOT_GIVEN else real_url)
        )


@shared("client_reqrep")
class Fingerprint:
    """The SHA-256 digest that a server's certificate must have, as 32 bytes.

    Raises ValueError for a digest of another length, and for MD5 and SHA-1, which can be forged.
    """

    HASHFUNC_BY_DIGESTLEN: ClassVar[dict[int, Any]] = {16: md5, 20: sha1, 32: sha256}

    def __init__(self, fingerprint: bytes) -> None:
        hashfunc = self.HASHFUNC_BY_DIGESTLEN.get(len(fingerprint))
        if hashfunc is None:
            raise ValueError("fingerprint has invalid length")
        if hashfunc is md5 or hashfunc is sha1:
            raise ValueError("md5 and sha1 are insecure and not supported. Use sha256.")
        self._hashfunc = hashfunc
        self._fingerprint = fingerprint

    @property
    def fingerprint(self) -> bytes:
        """The digest."""
        return self._fingerprint

    def check(self, transport: asyncio.Transport) -> None:
        """Raise ServerFingerprintMismatch unless the peer's certificate has the digest.

        A transport without TLS has no certificate, and passes.
        """
        if not transport.get_extra_info("sslcontext"):
            return
        certificate = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        got = self._hashfunc(certificate).digest()
        if got != self._fingerprint:
            from aioxide.http._errors import ServerFingerprintMismatch

            host, port, *_ = transport.get_extra_info("peername")
            raise ServerFingerprintMismatch(self._fingerprint, got, host, port)


# An older aiohttp's key knows no server_hostname; connections verified for different names would
# be one to it, so it is not used.
@shared("client_reqrep", fits=lambda theirs: "server_hostname" in getattr(theirs, "_fields", ()))
class ConnectionKey(NamedTuple):
    """What connections must have in common to be used for each other's requests."""

    host: str
    port: int | None
    is_ssl: bool
    ssl: SSLContext | bool | Fingerprint
    proxy: URL | None
    proxy_auth: BasicAuth | None
    proxy_headers_hash: int | None
    server_hostname: str | None = None
