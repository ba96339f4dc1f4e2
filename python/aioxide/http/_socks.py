"""Connections through a SOCKS5 proxy.

With `socks5://` this machine looks the server's name up, with `socks5h://` the proxy does, as in
curl. The handshake is in `crates/aioxide-http/src/proxy/socks5.rs`.
"""

from __future__ import annotations

import asyncio
import ssl as ssl_module
from typing import TYPE_CHECKING, Any

from aioxide import _aioxide
from aioxide.http._dialing import start_connection
from aioxide.http._errors import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientProxyConnectionError,
    ServerFingerprintMismatch,
)
from aioxide.http._limit import Limit

if TYPE_CHECKING:
    import socket

    from aioxide.http._addresses import Addresses
    from aioxide.http._request import ClientRequest
    from aioxide.http._tcp import TCPConnector
    from aioxide.http._timeout import ClientTimeout
    from aioxide.http._tracing import Trace

#: Where a URL says nothing.
PORT = 1080
#: An answer of the longest kind has 262 bytes.
ANSWER = 512


async def connect_by_socks(
    connector: TCPConnector, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout
) -> tuple[Any, Any]:
    """A connection to the request's server through its proxy: transport and protocol.

    Raises ClientProxyConnectionError when the proxy cannot be reached or refuses, and what
    connecting directly raises.
    """
    proxy = req.proxy
    assert proxy is not None
    try:
        found = await _look_up(
            connector, req, proxy.raw_host or "", proxy.port or PORT, [], timeout
        )
    except ClientConnectorDNSError as error:
        # Its text would name the server.
        raise ClientProxyConnectionError(req.connection_key, error.os_error) from error
    addresses = connector._convert_hosts_to_addr_infos(found)
    failed: ClientConnectorError | None = None
    for target in await _targets(connector, req, traces, timeout):
        try:
            async with Limit("sock_connect", timeout):
                sock = await _open_way(connector, req, addresses, target)
                return await _over(connector, sock, req, timeout)
        except ClientProxyConnectionError as error:
            failed = error
    if failed is None:
        nothing = OSError(None, "no address of the wanted family")
        failed = ClientConnectorDNSError(req.connection_key, nothing)
    raise failed


async def _targets(
    connector: TCPConnector, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout
) -> list[str]:
    """What the proxy is asked to reach, one after the other until it can."""
    assert req.proxy is not None
    host = (req.url.raw_host or "").rstrip(".")
    if req.proxy.scheme == "socks5h":
        return [host]
    found = await _look_up(connector, req, host, req.port, traces, timeout)
    return [address[4][0] for address in connector._convert_hosts_to_addr_infos(found)]


async def _look_up(
    connector: TCPConnector,
    req: ClientRequest,
    host: str,
    port: int | None,
    traces: list[Trace],
    timeout: ClientTimeout,
) -> list[Any]:
    assert port is not None
    try:
        async with Limit("dns", timeout):
            return await connector._resolve_host(host, port, traces=traces)
    except OSError as error:
        if _is_over(error):
            raise
        raise ClientConnectorDNSError(req.connection_key, error) from error


async def _open_way(
    connector: TCPConnector, req: ClientRequest, addresses: Addresses, target: str
) -> socket.socket:
    """A socket that is connected to a proxy, which passes on what is sent from now on."""
    handshake = _aioxide.Socks5Handshake(target, req.port or 0, _credentials(req))
    loop = connector._loop
    sock: socket.socket | None = None
    try:
        sock = await start_connection(
            loop,
            addresses,
            local_addr=connector._local_addr,
            happy_eyeballs_delay=connector._happy_eyeballs_delay,
            interleave=connector._interleave,
            socket_factory=connector._socket_factory,
        )
        await _shake_hands(loop, sock, handshake)
    except BaseException as error:
        if sock is not None:
            sock.close()
        if not isinstance(error, OSError) or _is_over(error):
            raise
        # Such an exception tells its text only where that is the system's.
        told = error if error.strerror else OSError(None, str(error))
        raise ClientProxyConnectionError(req.connection_key, told) from error
    return sock


def _is_over(error: OSError) -> bool:
    """A limit of the request is over; it is no error of the system."""
    return error.errno is None and isinstance(error, asyncio.TimeoutError)


def _credentials(req: ClientRequest) -> tuple[bytes, bytes] | None:
    """Who the proxy is told that asks: what `proxy_auth` says, or the proxy's URL."""
    proxy, auth = req.proxy, req.proxy_auth
    assert proxy is not None
    if auth is not None:
        return auth.login.encode(auth.encoding), auth.password.encode(auth.encoding)
    if proxy.user is not None or proxy.password is not None:
        return (proxy.user or "").encode(), (proxy.password or "").encode()
    return None


async def _shake_hands(
    loop: asyncio.AbstractEventLoop, sock: socket.socket, handshake: _aioxide.Socks5Handshake
) -> None:
    is_open = False
    while not is_open:
        output = handshake.output()
        if output is not None:
            await loop.sock_sendall(sock, output)
        data = await loop.sock_recv(sock, ANSWER)
        if not data:
            raise ConnectionResetError("the proxy closed the connection in the SOCKS5 handshake")
        taken, is_open = handshake.feed(data)
        if taken < len(data):
            # Nobody has asked the server for anything yet.
            raise ConnectionError("the proxy sent more than its answers in the SOCKS5 handshake")


async def _over(
    connector: TCPConnector, sock: socket.socket, req: ClientRequest, timeout: ClientTimeout
) -> tuple[Any, Any]:
    """Go on over a socket, encrypted if the request wants that."""
    context = connector._get_ssl_context(req)
    options: dict[str, Any] = {}
    if context is not None:
        host = req.server_hostname or req.url.raw_host or ""
        options = {"ssl": context, "server_hostname": host.rstrip(".")}
        if connector._ssl_shutdown_timeout:
            options["ssl_shutdown_timeout"] = connector._ssl_shutdown_timeout
    try:
        async with Limit("tls", timeout):
            with connector._resuming(context, req.connection_key):
                transport, protocol = await connector._loop.create_connection(
                    connector._factory, sock=sock, **options
                )
    except BaseException as error:
        sock.close()
        if isinstance(error, ssl_module.CertificateError):
            raise ClientConnectorCertificateError(req.connection_key, error) from error
        if isinstance(error, ssl_module.SSLError):
            raise ClientConnectorSSLError(req.connection_key, error) from error
        if isinstance(error, OSError) and not _is_over(error):
            raise ClientConnectorError(req.connection_key, error) from error
        raise
    fingerprint = connector._get_fingerprint(req)
    if context is not None and fingerprint:
        try:
            fingerprint.check(transport)
        except ServerFingerprintMismatch:
            transport.abort()
            raise
    return transport, protocol
