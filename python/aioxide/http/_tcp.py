"""`TCPConnector`: connections over TCP, with TLS or without, through proxies or directly."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl as ssl_module
import warnings
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aioxide._tls_sessions import TlsSessions
from aioxide.http import _ssl
from aioxide.http._addresses import Addresses, without_address, without_first
from aioxide.http._connection import TunnelConnection
from aioxide.http._connector import HIGH_LEVEL_SCHEMES, BaseConnector, sentinel
from aioxide.http._errors import (
    ClientConnectionError,
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientHttpProxyError,
    ClientProxyConnectionError,
    InvalidUrlClientError,
    ServerFingerprintMismatch,
)
from aioxide.http._header_names import AUTHORIZATION, HOST
from aioxide.http._limit import Limit
from aioxide.http._request import ClientRequest
from aioxide.http._request_content import SOCKS
from aioxide.http._resolver import (
    AbstractResolver,
    DefaultResolver,
    DnsCache,
    is_canonical_ipv4_address,
    is_ip_address,
)
from aioxide.http._socks import connect_by_socks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aioxide.http._errors import ConnectionKey
    from aioxide.http._host_limit import HostLimit
    from aioxide.http._response import ClientResponse
    from aioxide.http._timeout import ClientTimeout
    from aioxide.http._tracing import Trace

PROXY_AUTHORIZATION = "Proxy-Authorization"
#: What a connection may be asked for that is made natively.
PLAIN = frozenset({"server_hostname", "ssl"})


class TCPConnector(BaseConnector):
    """Connections over TCP.

    ssl: True for the default checks, False for none, an SSLContext or a Fingerprint. local_addr:
    (host, port) to connect from. resolver: looks names up. use_dns_cache, ttl_dns_cache (seconds,
    None for ever), dns_cache_max_size: what is remembered of that. family: AF_INET or AF_INET6, 0
    for both. happy_eyeballs_delay: seconds until the next address is tried beside the first, None
    to try one after the other. socket_factory: makes the socket of an address. resume_tls: whether
    a connection resumes the TLS session of the last one to the same place; None: where the context
    is that of ssl=True or ssl=False, since what is done to another one later, such as giving it
    another certificate of the client, says nothing to a session that is resumed. The rest is as
    with BaseConnector.
    """

    allowed_protocol_schema_set = HIGH_LEVEL_SCHEMES | frozenset({"tcp"})

    def __init__(
        self,
        *,
        verify_ssl: bool = True,
        fingerprint: bytes | None = None,
        use_dns_cache: bool = True,
        ttl_dns_cache: int | None = 10,
        dns_cache_max_size: int = 1000,
        family: socket.AddressFamily = socket.AddressFamily.AF_UNSPEC,
        ssl_context: ssl_module.SSLContext | None = None,
        ssl: Any = True,
        local_addr: tuple[str, int] | None = None,
        resolver: AbstractResolver | None = None,
        keepalive_timeout: Any = sentinel,
        force_close: bool = False,
        limit: int = 100,
        limit_per_host: int = 0,
        enable_cleanup_closed: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
        timeout_ceil_threshold: float = 5,
        happy_eyeballs_delay: float | None = 0.25,
        interleave: int | None = None,
        socket_factory: Callable[[Any], socket.socket] | None = None,
        ssl_shutdown_timeout: Any = sentinel,
        host_limits: HostLimit | Mapping[str, HostLimit] | None = None,
        resume_tls: bool | None = None,
    ) -> None:
        super().__init__(
            keepalive_timeout=keepalive_timeout,
            force_close=force_close,
            limit=limit,
            limit_per_host=limit_per_host,
            enable_cleanup_closed=enable_cleanup_closed,
            loop=loop,
            timeout_ceil_threshold=timeout_ceil_threshold,
            host_limits=host_limits,
        )
        self._ssl = _ssl.merged(ssl, verify_ssl, ssl_context, fingerprint)
        self._resolver_owner = resolver is None
        self._resolver = DefaultResolver(loop=self._loop) if resolver is None else resolver
        self._use_dns_cache = use_dns_cache
        self._family = family
        self._cached_hosts = DnsCache(
            self._resolver,
            ttl=ttl_dns_cache,
            max_size=dns_cache_max_size,
            family=family,
            loop=self._loop,
        )
        self._local_addr = local_addr
        self._happy_eyeballs_delay = happy_eyeballs_delay
        self._interleave = interleave
        self._socket_factory = socket_factory
        self._ssl_shutdown_timeout: float | None = 0
        if ssl_shutdown_timeout is not sentinel:
            warnings.warn(
                "The ssl_shutdown_timeout parameter is deprecated and will be removed in aiohttp "
                "4.0",
                DeprecationWarning,
                stacklevel=2,
            )
            self._ssl_shutdown_timeout = ssl_shutdown_timeout
        self._resume_tls = resume_tls
        self._tls_sessions = TlsSessions()

    @property
    def family(self) -> int:
        """The family of the addresses."""
        return self._family

    @property
    def use_dns_cache(self) -> bool:
        """Whether addresses are remembered."""
        return self._use_dns_cache

    def clear_dns_cache(self, host: str | None = None, port: int | None = None) -> None:
        """Forget the addresses of a host and port, or all."""
        self._cached_hosts.clear(host, port)

    def _close(self, *, abort_ssl: bool = False) -> list[Awaitable[Any]]:
        waiters = super()._close(abort_ssl=abort_ssl)
        self._tls_sessions.clear()
        if not self._loop.is_closed() and self._cached_hosts.is_busy():
            waiters.append(self._loop.create_task(self._cached_hosts.close()))
        return waiters

    async def close(self, *, abort_ssl: bool = False) -> None:
        """Close all connections, and wait until they have ended."""
        await super().close(abort_ssl=abort_ssl or self._ssl_shutdown_timeout == 0)
        if self._resolver_owner:
            await self._resolver.close()

    # Connecting.

    async def _resolve_host(
        self, host: str, port: int, traces: list[Trace] | None = None
    ) -> list[Any]:
        if is_ip_address(host):
            # Other spellings (127.1, 2130706433) would slip past who looks at the host.
            if ":" not in host and not is_canonical_ipv4_address(host):
                raise InvalidUrlClientError(host, "is not a canonical IPv4 address")
            return [
                {
                    "hostname": host,
                    "host": host,
                    "port": port,
                    "family": self._family,
                    "proto": 0,
                    "flags": 0,
                }
            ]
        if self._use_dns_cache:
            return list(await self._cached_hosts.resolve(host, port, traces or ()))
        return list(await self._cached_hosts.resolve_uncached(host, port, traces or ()))

    async def _create_connection(
        self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout
    ) -> Any:
        if req.proxy is not None and req.proxy.scheme in SOCKS:
            _transport, protocol = await connect_by_socks(self, req, traces, timeout)
        elif req.proxy is not None:
            _transport, protocol = await self._create_proxy_connection(req, traces, timeout)
        else:
            _transport, protocol = await self._create_direct_connection(req, traces, timeout)
        return protocol

    def _get_ssl_context(self, req: ClientRequest) -> ssl_module.SSLContext | None:
        return _ssl.chosen(req.ssl, self._ssl) if req.is_ssl() else None

    def _resuming(
        self, context: ssl_module.SSLContext | None, key: ConnectionKey
    ) -> contextlib.AbstractContextManager[None]:
        """In it, a handshake resumes the last session with the same place, and leaves its own."""
        resumes = self._resume_tls
        if resumes is None:
            resumes = context is not None and _ssl.is_own(context)
        return self._tls_sessions.resumed(key) if resumes else contextlib.nullcontext()

    def _get_fingerprint(self, req: ClientRequest) -> Any:
        return _ssl.fingerprint_of(req.ssl, self._ssl)

    async def _wrap_create_connection(
        self,
        *args: Any,
        addr_infos: Addresses,
        req: ClientRequest,
        timeout: ClientTimeout,
        client_error: type[ClientConnectorError] = ClientConnectorError,
        **kwargs: Any,
    ) -> tuple[Any, Any]:
        """Connect to one of several addresses, and shake hands. The seam that packages override."""
        from aioxide.http._dialing import start_connection
        from aioxide.http._dialled import connected
        from aioxide.http._untouched import may_dial

        try:
            if args == (self._factory,) and PLAIN.issuperset(kwargs) and may_dial(self):
                made = await connected(self, addr_infos, timeout, **kwargs)
                if made is not None:
                    return made
            async with Limit("sock_connect", timeout):
                sock = await start_connection(
                    self._loop,
                    addr_infos,
                    local_addr=self._local_addr,
                    happy_eyeballs_delay=self._happy_eyeballs_delay,
                    interleave=self._interleave,
                    socket_factory=self._socket_factory,
                )
                if kwargs.get("ssl") and self._ssl_shutdown_timeout:
                    kwargs["ssl_shutdown_timeout"] = self._ssl_shutdown_timeout
                async with Limit("tls", timeout):
                    return await self._loop.create_connection(*args, **kwargs, sock=sock)
        except ssl_module.CertificateError as error:
            raise ClientConnectorCertificateError(req.connection_key, error) from error
        except ssl_module.SSLError as error:
            raise ClientConnectorSSLError(req.connection_key, error) from error
        except OSError as error:
            if error.errno is None and isinstance(error, asyncio.TimeoutError):
                raise
            raise client_error(req.connection_key, error) from error

    async def _create_direct_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,
        *,
        client_error: type[ClientConnectorError] = ClientConnectorError,
    ) -> tuple[Any, Any]:
        sslcontext = self._get_ssl_context(req)
        fingerprint = self._get_fingerprint(req)
        host = req.url.raw_host or ""
        if host.endswith(".."):
            host = host.rstrip(".") + "."
        port = req.port
        assert port is not None
        try:
            async with Limit("dns", timeout):
                hosts = await self._resolve_host(host, port, traces=traces)
        except OSError as error:
            if error.errno is None and isinstance(error, asyncio.TimeoutError):
                raise
            raise ClientConnectorDNSError(req.connection_key, error) from error
        server_hostname = (req.server_hostname or host).rstrip(".") if sslcontext else None
        failed: Exception | None = None
        addr_infos = self._convert_hosts_to_addr_infos(hosts)
        while addr_infos:
            try:
                with self._resuming(sslcontext, req.connection_key):
                    transport, protocol = await self._wrap_create_connection(
                        self._factory,
                        timeout=timeout,
                        ssl=sslcontext,
                        addr_infos=addr_infos,
                        server_hostname=server_hostname,
                        req=req,
                        client_error=client_error,
                    )
            except (TimeoutError, ClientConnectorError) as error:
                failed = error
                addr_infos = without_first(addr_infos, self._interleave)
                continue
            if req.is_ssl() and fingerprint:
                try:
                    fingerprint.check(transport)
                except ServerFingerprintMismatch as error:
                    peer = transport.get_extra_info("peername")
                    # Nobody waits for the farewell of who is not the one.
                    transport.abort()
                    failed = error
                    addr_infos = without_address(addr_infos, peer)
                    continue
            return transport, protocol
        if failed is None:
            failed = ClientConnectorDNSError(
                req.connection_key, OSError(None, "no address of the wanted family")
            )
        raise failed

    def _convert_hosts_to_addr_infos(self, hosts: list[Any]) -> Addresses:
        addresses: Addresses = []
        for found in hosts:
            host = found["host"]
            is_ipv6 = ":" in host
            family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
            if self._family and self._family != family:
                continue
            address = (host, found["port"], 0, 0) if is_ipv6 else (host, found["port"])
            addresses.append((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address))
        return addresses

    # Proxies.

    def _update_proxy_auth_header_and_build_proxy_req(self, req: ClientRequest) -> ClientRequest:
        """The request to the proxy, and what the proxy is told in the request itself."""
        assert req.proxy is not None
        headers: Any = {}
        if req.proxy_headers is not None:
            headers = req.proxy_headers
        headers[HOST] = req.headers[HOST]
        proxy_request = ClientRequest(
            "GET", req.proxy, headers=headers, auth=req.proxy_auth, loop=self._loop, ssl=req.ssl
        )
        credentials = proxy_request.headers.pop(AUTHORIZATION, None)
        if credentials is not None:
            target = proxy_request if req.is_ssl() else req
            target.headers[PROXY_AUTHORIZATION] = credentials
        return proxy_request

    async def _create_proxy_connection(
        self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout
    ) -> tuple[Any, Any]:
        proxy_request = self._update_proxy_auth_header_and_build_proxy_req(req)
        transport, protocol = await self._create_direct_connection(
            proxy_request, [], timeout, client_error=ClientProxyConnectionError
        )
        if not req.is_ssl():
            return transport, protocol
        try:
            await self._open_tunnel(req, proxy_request, protocol)
        except BaseException:
            protocol.close()
            raise
        return await self._start_tls_connection(transport, req, timeout)

    async def _open_tunnel(
        self, req: ClientRequest, proxy_request: ClientRequest, protocol: Any
    ) -> None:
        """Ask the proxy for a way to the server."""
        proxy_request.method = "CONNECT"
        proxy_request.url = req.url
        key = req.connection_key._replace(proxy=None, proxy_auth=None, proxy_headers_hash=None)
        connection = TunnelConnection(self, key, protocol, self._loop)
        response: ClientResponse | None = None
        try:
            response = await proxy_request.send(connection)
            await response.start(connection)
            if response.status != 200:
                raise ClientHttpProxyError(
                    response.request_info,
                    response.history,
                    status=response.status,
                    message=response.reason or HTTPStatus(response.status).phrase,
                    headers=response.headers,
                )
        finally:
            # The way is not the response's: it is encrypted from here on, or closed.
            connection._protocol = None
            if response is not None:
                response._connection = None

    async def _start_tls_connection(
        self, underlying: Any, req: ClientRequest, timeout: ClientTimeout
    ) -> tuple[Any, Any]:
        """Encrypt the way through a proxy."""
        protocol = self._factory()
        context = self._get_ssl_context(req)
        assert context is not None
        options: dict[str, Any] = {}
        if self._ssl_shutdown_timeout:
            options["ssl_shutdown_timeout"] = self._ssl_shutdown_timeout
        try:
            async with Limit("sock_connect", timeout), Limit("tls", timeout):
                try:
                    with self._resuming(context, req.connection_key):
                        transport = await self._loop.start_tls(
                            underlying,
                            protocol,
                            context,
                            server_hostname=req.server_hostname or req.host,
                            ssl_handshake_timeout=timeout.total or None,
                            **options,
                        )
                except BaseException:
                    underlying.abort()
                    raise
        except ssl_module.CertificateError as error:
            raise ClientConnectorCertificateError(req.connection_key, error) from error
        except ssl_module.SSLError as error:
            raise ClientConnectorSSLError(req.connection_key, error) from error
        except OSError as error:
            if error.errno is None and isinstance(error, asyncio.TimeoutError):
                raise
            raise ClientConnectorError(req.connection_key, error) from error
        except TypeError as error:
            raise ClientConnectionError(
                f"Cannot initialize a TLS-in-TLS connection to host {req.host}:{req.port} through "
                f"an underlying connection to an HTTPS proxy {req.proxy} ssl:{req.ssl or 'default'}"
                f" [{error}]"
            ) from error
        if transport is None:
            text = "Failed to start TLS (possibly caused by closing transport)"
            raise ClientConnectorError(req.connection_key, OSError(text))
        fingerprint = self._get_fingerprint(req)
        if fingerprint:
            try:
                fingerprint.check(transport)
            except ServerFingerprintMismatch:
                transport.abort()
                raise
        protocol.connection_made(transport)
        return transport, protocol
