"""Connections that are made natively.

On the short way a request is handed to a connection that is not there yet, which sends it as soon
as it is: nothing runs in Python between the call and the response. On the long way a connection is
awaited. Which addresses are tried, in which order and until when, and what is raised where none
answers, is as `_dialing` has it.
"""

from __future__ import annotations

import os
import ssl as ssl_module
from typing import TYPE_CHECKING, Any

from aioxide import _aioxide
from aioxide.http._addresses import Addresses, without_first
from aioxide.http._dialing import interleaved, joined
from aioxide.http._errors import (
    ClientConnectionError,
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ConnectionTimeoutError,
)
from aioxide.http._failures import NotConnectedError
from aioxide.http._limit import Limit, LimitOver
from aioxide.http._timeout import calculate_timeout_when

if TYPE_CHECKING:
    import asyncio

    from aioxide.http._errors import ConnectionKey
    from aioxide.http._response import ClientResponse
    from aioxide.http._tcp import TCPConnector
    from aioxide.http._timeout import ClientTimeout

#: Until when there is to be a connection, the field of ClientTimeout, and its seconds.
Until = tuple[float, str, float]


def until(seconds: float | None, name: str, ceil_threshold: float, since: float) -> Until | None:
    """When the limit of that name is over, None where there is none."""
    if seconds is None or seconds <= 0:
        return None
    return calculate_timeout_when(since, seconds, ceil_threshold), name, seconds


def _first_over(limits: ClientTimeout | None, began_at: float, now: float) -> Until | None:
    """The limit of connecting that is over first: of all addresses since `began_at`, or of those
    that are tried from now on."""
    if limits is None:
        return None
    threshold = limits.ceil_threshold
    of_these = until(limits.sock_connect, "sock_connect", threshold, now)
    if limits.connect is None:
        return of_these
    of_all = until(limits.connect, "connect", threshold, began_at)
    if of_all is None or of_these is None:
        return of_all or of_these
    return of_these if of_these[0] < of_all[0] else of_all


def in_order(addresses: Addresses, connector: TCPConnector) -> Addresses:
    """The addresses as they are tried."""
    if len(addresses) == 1:
        return addresses
    interleave = connector._interleave
    if interleave is None and connector._happy_eyeballs_delay is not None:
        interleave = 1
    return interleaved(addresses, interleave) if interleave else addresses


def refusal(refused: list[tuple[int, int, bool]], tried: Addresses) -> OSError:
    """What connecting raises: the error of the only address, or one that tells of all."""
    errors: list[OSError] = []
    for at, number, at_once in refused:
        text = os.strerror(number) if at_once else f"Connect call failed {tried[at][4]}"
        errors.append(OSError(number, text))
    return joined(errors)


async def connected(
    connector: TCPConnector,
    addresses: Addresses,
    limits: ClientTimeout,
    ssl: Any = None,
    server_hostname: str | None = None,
) -> tuple[Any, _aioxide.HttpConnection] | None:
    """A connection to one of the addresses, encrypted with the context `ssl` if there is one, and
    its transport; None for addresses that Python has to understand.

    Raises OSError, TimeoutError when a limit is over, ssl.SSLError. May be cancelled.
    """
    protocol: Any = connector._factory()
    if type(protocol) is not _aioxide.HttpConnection:
        return None
    tried = in_order(addresses, connector)
    connector._acquired.add(protocol)
    try:
        if ssl:
            transport = await _encrypted(connector, protocol, tried, limits, ssl, server_hostname)
        else:
            transport = await _plain(connector, protocol, tried, limits)
    except NotConnectedError as error:
        refused = error.refused
    except BaseException as error:
        protocol.close()
        if connector._closed and isinstance(error, OSError):
            # It has ended the handshake.
            raise ClientConnectionError("Connector is closed.") from None
        raise
    else:
        return None if transport is None else (transport, protocol)
    finally:
        connector._acquired.discard(protocol)
    raise refusal(refused, tried)


async def _plain(
    connector: TCPConnector,
    protocol: _aioxide.HttpConnection,
    tried: Addresses,
    limits: ClientTimeout,
) -> Any:
    now = connector._loop.time()
    limit = until(limits.sock_connect, "sock_connect", limits.ceil_threshold, now)
    if not protocol.dial(tried, connector._happy_eyeballs_delay, limit):
        return None
    waiter = protocol.dial_waiter()
    assert waiter is not None
    return await waiter


async def _encrypted(
    connector: TCPConnector,
    protocol: _aioxide.HttpConnection,
    tried: Addresses,
    limits: ClientTimeout,
    ssl: Any,
    server_hostname: str | None,
) -> Any:
    shaken: asyncio.Future[None] = connector._loop.create_future()
    tls = _tls_protocol(connector, protocol, ssl, shaken, server_hostname)
    transport = tls._app_transport
    async with Limit("sock_connect", limits):
        if not protocol.dial(tried, connector._happy_eyeballs_delay, None, tls):
            transport.abort()
            return None
        waiter = protocol.dial_waiter()
        assert waiter is not None
        await waiter
        async with Limit("tls", limits):
            await shaken
    return transport


def _tls_protocol(
    connector: TCPConnector, protocol: Any, ssl: Any, waiter: Any, server_hostname: str | None
) -> Any:
    loop: Any = connector._loop
    options: dict[str, Any] = {}
    if connector._ssl_shutdown_timeout:
        options["ssl_shutdown_timeout"] = connector._ssl_shutdown_timeout
    return loop._tls_protocol(protocol, ssl, waiter, False, server_hostname, **options)


class Dialled:
    """What a request needs until it is connected."""

    __slots__ = (
        "_addresses",
        "_began_at",
        "_connector",
        "_key",
        "_limits",
        "_pieces",
        "_read",
        "_ssl",
        "_total",
        "_tried",
    )

    def __init__(
        self,
        connector: TCPConnector,
        key: ConnectionKey,
        addresses: Addresses,
        limits: ClientTimeout | None,
        now: float,
        ssl: ssl_module.SSLContext | None,
    ) -> None:
        self._ssl = ssl
        self._connector = connector
        self._key = key
        self._addresses = addresses
        self._limits = limits
        self._began_at = now

    def connection(self, now: float) -> _aioxide.HttpConnection | None:
        """A connection that is on its way; None for addresses that Python has to understand.

        Raises what the context has against the host.
        """
        connector = self._connector
        tried = self._tried = in_order(self._addresses, connector)
        loop: Any = connector._loop
        protocol = _aioxide.HttpConnection(loop)
        limit = _first_over(self._limits, self._began_at, now)
        tls: Any = None
        if self._ssl is not None:
            shaken = loop.create_future()
            name = self._key.host.rstrip(".")
            with connector._resuming(self._ssl, self._key):
                tls = _tls_protocol(connector, protocol, self._ssl, shaken, name)
            shaken.add_done_callback(protocol._handshake_ended)
        if protocol.dial(tried, connector._happy_eyeballs_delay, limit, tls):
            return protocol
        if tls is not None:
            tls._app_transport.abort()
        return None

    def remember(self, pieces: list[Any], total: float | None, read: float | None) -> None:
        """Keep what is sent, and the limits of the whole, for the case that it fails."""
        self._pieces, self._total, self._read = pieces, total, read

    async def head(self, response: ClientResponse, waiter: Any) -> None:
        """Await the head of a response, and see to it that there is a connection.

        Raises what the connector would raise. May be cancelled.
        """
        while True:
            failed: Exception
            try:
                await waiter
                return
            except NotConnectedError as error:
                cause = refusal(error.refused, self._tried)
                failed = ClientConnectorError(self._key, cause)
                failed.__cause__ = cause
                overall = False
            except LimitOver as error:
                failed, overall = error, error.field == "connect"
            except ClientError:
                raise
            except (ssl_module.SSLError, OSError) as error:
                # Of the handshake.
                if error.errno is None and isinstance(error, TimeoutError):
                    raise
                failed = self._unshaken(error)
                failed.__cause__ = error
                overall = False
            self._addresses = without_first(self._addresses, self._connector._interleave)
            if overall or not self._addresses:
                raise self._said(response, failed)
            if self._connector._closed:
                raise ClientConnectionError("Connector is closed.")
            waiter = self._again(response)
            if waiter is None:
                return

    def _unshaken(self, error: Exception) -> ClientConnectorError:
        if isinstance(error, ssl_module.CertificateError):
            return ClientConnectorCertificateError(self._key, error)
        if isinstance(error, ssl_module.SSLError):
            return ClientConnectorSSLError(self._key, error)
        assert isinstance(error, OSError)
        return ClientConnectorError(self._key, error)

    def _said(self, response: ClientResponse, failed: Exception) -> Exception:
        if isinstance(failed, OSError):
            self._connector._budget.look_at(failed)
        if not isinstance(failed, LimitOver):
            return failed
        told = ConnectionTimeoutError(f"Connection timeout to host {response._url}: {failed}")
        told.__cause__ = failed
        return told

    def _again(self, response: ClientResponse) -> Any:
        """Send the request over a connection to the addresses that are left."""
        now = response._loop.time()
        connection, session = response._connection, response._session
        protocol: Any = self.connection(now)
        assert connection is not None
        assert session is not None
        acquired = self._connector._acquired
        acquired.discard(connection._protocol)
        acquired.add(protocol)
        slot: Any = connection._slot
        slot.adopt(protocol)
        connection._protocol = response._protocol = protocol
        exchange = protocol.begin(response.method, self._pieces, session._settings)
        response._exchange = exchange
        if self._total and self._total > 0:
            exchange.set_timeout(max(self._total + self._began_at - now, 0.001))
        if self._read:
            exchange.set_read_timeout(self._read)
        return exchange.head_waiter()
