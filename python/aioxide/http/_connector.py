"""`BaseConnector`: the connections that sessions share, and how many there may be."""

from __future__ import annotations

import asyncio
import math
import sys
import traceback
import warnings
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any, Self

from aioxide import _aioxide
from aioxide.http._aiohttp import lookup
from aioxide.http._connection import Connection
from aioxide.http._descriptors import DescriptorBudget
from aioxide.http._errors import ClientConnectionError, ConnectionKey
from aioxide.http._host_limit import HostLimits
from aioxide.http._limit import Limit
from aioxide.http._request_content import SOCKS
from aioxide.http._running import native_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from types import TracebackType

    from aioxide.http._host_limit import HostLimit
    from aioxide.http._request import ClientRequest
    from aioxide.http._timeout import ClientTimeout
    from aioxide.http._tracing import Trace

HTTP_SCHEMES = frozenset({"http", "https", ""})
WS_SCHEMES = frozenset({"ws", "wss"})
HIGH_LEVEL_SCHEMES = HTTP_SCHEMES | WS_SCHEMES


class _Sentinel:
    """What stands for an argument that is not given."""

    def __repr__(self) -> str:
        return "<not given>"


#: aiohttp's own where there is one: what wraps its client hands it on.
sentinel: Any = lookup("helpers", "sentinel") or _Sentinel()


class _Closing:
    """What close() returns: it may be awaited, or left alone."""

    def __init__(self, awaitable: Awaitable[Any] | None) -> None:
        self._awaitable = awaitable

    def __await__(self) -> Any:
        if self._awaitable is not None:
            yield from self._awaitable.__await__()


async def _all_done(waiters: list[Awaitable[Any]]) -> None:
    for result in await asyncio.gather(*waiters, return_exceptions=True):
        if isinstance(result, Exception) and not isinstance(result, OSError):
            asyncio.get_running_loop().call_exception_handler(
                {"message": "Error while closing connector", "exception": result}
            )


def _places(name: str, limit: Any) -> int:
    """How many connections a limit stands for; 0 for any number.

    Raises TypeError or ValueError, with the name of what was given.
    """
    if limit is None:
        return 0
    if not isinstance(limit, (int, float)):
        raise TypeError(f"{name} is {limit!r}; a number of connections is wanted, or None")
    if not limit >= 0:
        raise ValueError(f"{name} is {limit!r}; it is 0 for any number of connections, or more")
    return 0 if limit > sys.maxsize else math.ceil(limit)


class BaseConnector:
    """The connections of sessions, by where they lead.

    keepalive_timeout: seconds that a connection may be idle; 15 by default, None for ever.
    force_close: no connection is used twice. limit: connections in use at a time, 0 for any
    number, as is None. limit_per_host: the same for one host, port and encryption. Who wants one
    beyond these waits, first come, first served. host_limits: how often and how many at a time a
    host is asked, a HostLimit for each of all hosts, or a mapping to such of "host", "host:port",
    and "*" for all others. Raises RuntimeError outside a running aioxide loop,
    ValueError for a limit below 0.
    """

    _closed = True
    _source_traceback: traceback.StackSummary | None = None
    allowed_protocol_schema_set: frozenset[str] = HIGH_LEVEL_SCHEMES

    def __init__(
        self,
        *,
        keepalive_timeout: Any = sentinel,
        force_close: bool = False,
        limit: int = 100,
        limit_per_host: int = 0,
        enable_cleanup_closed: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
        timeout_ceil_threshold: float = 5,
        host_limits: HostLimit | Mapping[str, HostLimit] | None = None,
    ) -> None:
        if force_close:
            if keepalive_timeout is not None and keepalive_timeout is not sentinel:
                raise ValueError("keepalive_timeout cannot be set if force_close is True")
            keepalive_timeout = None
        elif keepalive_timeout is sentinel:
            keepalive_timeout = 15.0
        places = _places("limit", limit), _places("limit_per_host", limit_per_host)
        self._loop = native_loop(loop)
        self._timeout_ceil_threshold = timeout_ceil_threshold
        self._host_limits: HostLimits | None = None
        if host_limits is not None:
            self._host_limits = HostLimits(host_limits, self._loop)
        self._closed = False
        if self._loop.get_debug():
            self._source_traceback = traceback.extract_stack(sys._getframe(1))
        if enable_cleanup_closed:
            warnings.warn(
                "enable_cleanup_closed ignored: transports of this loop are closed by themselves",
                DeprecationWarning,
                stacklevel=2,
            )
        self._limit = limit
        self._limit_per_host = limit_per_host
        self._keepalive_timeout = keepalive_timeout
        self._force_close = force_close
        loop_: Any = self._loop
        self._pool = _aioxide.ConnectionPool(loop_, *places, keepalive_timeout, bool(force_close))
        self._keys: dict[ConnectionKey, int] = {}
        self._next_key = 0
        # How often numbers were forgotten: who remembers one looks at this.
        self._forgotten = 0
        self._acquired: set[Any] = set()
        self._cleanup_handle: asyncio.TimerHandle | None = None
        self._budget = DescriptorBudget(self._pool)

    def __del__(self) -> None:
        if self._closed or not self._pool.keys():
            return
        connections = [repr(list(found)) for found in self._conns.values()]
        self._close()
        warnings.warn(f"Unclosed connector {self!r}", ResourceWarning, stacklevel=2, source=self)
        context: dict[str, Any] = {
            "connector": self,
            "connections": connections,
            "message": "Unclosed connector",
        }
        if self._source_traceback is not None:
            context["source_traceback"] = self._source_traceback
        self._loop.call_exception_handler(context)

    def __enter__(self) -> Self:
        warnings.warn(
            '"with Connector():" is deprecated, use "async with Connector():" instead',
            DeprecationWarning,
            stacklevel=2,
        )
        return self

    def __exit__(self, *exc: object) -> None:
        self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        exc_traceback: TracebackType | None = None,
    ) -> None:
        await self.close()

    @property
    def force_close(self) -> bool:
        """Whether no connection is used twice."""
        return self._force_close

    @property
    def limit(self) -> int:
        """How many connections may be in use, 0 for any number."""
        return self._limit

    @property
    def limit_per_host(self) -> int:
        """How many connections to one host may be in use, 0 for any number."""
        return self._limit_per_host

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._closed

    def stats(self) -> dict[str, int]:
        """How many connections are idle and leased, requests waiting, and what was done so far:
        reused, connects, expired, dead (closed by the peer while idle), evicted. With host_limits
        also how many requests wait for their turn: limited."""
        stats = self._pool.stats()
        if self._host_limits is not None:
            stats["limited"] = self._host_limits.waiting()
        return stats

    @property
    def _conns(self) -> Mapping[ConnectionKey, deque[tuple[Any, float]]]:
        """The idle connections: a copy, for whoever looks inside."""
        found: dict[ConnectionKey, deque[tuple[Any, float]]] = {}
        for key, number in self._keys.items():
            idle = self._pool.idle(number)
            if idle:
                found[key] = deque((connection, 0.0) for connection in idle)
        return found

    # Taking and giving back.

    def _number_of(self, key: ConnectionKey) -> int:
        number = self._keys.get(key)
        if number is None:
            if len(self._keys) >= 1024 and len(self._keys) > 4 * len(self._pool.keys()):
                used = set(self._pool.keys())
                self._keys = {key: n for key, n in self._keys.items() if n in used}
                self._forgotten += 1
            number = self._keys[key] = self._next_key
            self._next_key += 1
        return number

    async def connect(
        self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout
    ) -> Connection:
        """A connection for a request: an idle one, or a new one.

        Waits while the limits are reached. Raises ClientConnectorError, TimeoutError after
        `timeout.connect` or `timeout.pool`.
        """
        # Some callers have nobody who traces, and say None.
        traces = traces or []
        limits = self._host_limits
        limiter = None if limits is None or self._closed else limits.limiter_for(req.url)
        if limiter is None:
            return await self._connect(req, traces, timeout)
        async with Limit("connect", timeout):
            permit = await self._turn(limiter, traces, timeout)
            try:
                connection = await self._connect(req, traces, timeout)
            except BaseException:
                permit.release()
                raise
        connection._permit = permit
        return connection

    async def _turn(
        self, limiter: _aioxide.HostLimiter, traces: list[Trace], timeout: ClientTimeout
    ) -> _aioxide.HostPermit:
        """Wait until a host may be asked once more."""
        try:
            turn = limiter.acquire(self._loop.time())
        except RuntimeError as error:
            raise ClientConnectionError(f"host_limits: {error}") from None
        if isinstance(turn, _aioxide.HostPermit):
            return turn
        for trace in traces:
            await trace.send_connection_queued_start()
        async with Limit("pool", timeout):
            permit = await self._permitted(limiter, turn)
        for trace in traces:
            await trace.send_connection_queued_end()
        return permit

    async def _permitted(
        self, limiter: _aioxide.HostLimiter, waiter: _aioxide.HostWaiter
    ) -> _aioxide.HostPermit:
        while True:
            try:
                await self._woken(waiter)
                turn = limiter.claim(waiter, self._loop.time())
            except BaseException:
                waiter.cancel()
                raise
            if isinstance(turn, _aioxide.HostPermit):
                return turn
            # A pause came in between.
            waiter = turn

    async def _connect(
        self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout
    ) -> Connection:
        key = req.connection_key
        if self._closed:
            raise ClientConnectionError("Connector is closed.")
        number = self._number_of(key)
        chooses = type(self)._get is not GET
        if chooses and (chosen := await self._get(key, traces)) is not None:
            self._tell_proxy(req)
            return chosen
        slot = self._pool.acquire(number, self._loop.time())
        if chooses:
            # What is idle is not wanted.
            while type(slot) is _aioxide.Slot and slot.connection is not None:
                self._discard(slot)
                slot = self._pool.acquire(number, self._loop.time())
        if type(slot) is _aioxide.Slot and slot.connection is not None:
            return await self._reused(req, key, slot, traces)
        async with Limit("connect", timeout):
            if type(slot) is not _aioxide.Slot:
                slot = await self._wait_for_slot(slot, traces, timeout)
                if slot.connection is not None:
                    if chooses:
                        self._discard(slot)
                        return await self._connect(req, traces, timeout)
                    return await self._reused(req, key, slot, traces)
            try:
                for trace in traces:
                    await trace.send_connection_create_start()
                connection = await self._create_connection(req, traces, timeout)
                if type(connection) is not _aioxide.HttpConnection:
                    connection = self._taken_over(connection)
                slot.adopt(connection)
                for trace in traces:
                    await trace.send_connection_create_end()
            except BaseException as error:
                self._discard(slot)
                if isinstance(error, OSError):
                    self._budget.look_at(error)
                if isinstance(error, asyncio.CancelledError):
                    self._raise_if_closed()
                raise
        if self.closed:
            self._discard(slot)
            raise ClientConnectionError("Connector is closed.")
        self._acquired.add(connection)
        return Connection(self, key, connection, self._loop, slot)

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        """An idle connection, None where there is none. A seam: packages that stand in for servers
        replace it, to refuse connections that were made before. Else nobody asks it."""
        slot = self._pool.take_idle(self._number_of(key), self._loop.time())
        if slot is None:
            return None
        return await self._leased(key, slot, traces)

    async def _leased(self, key: ConnectionKey, slot: Any, traces: list[Trace]) -> Connection:
        """The connection that a slot has, for a request."""
        if traces:
            try:
                for trace in traces:
                    await trace.send_connection_reuseconn()
            except BaseException:
                slot.release(self._loop.time())
                raise
        protocol = slot.connection
        self._acquired.add(protocol)
        return Connection(self, key, protocol, self._loop, slot)

    def _tell_proxy(self, req: ClientRequest) -> None:
        """Put what an HTTP proxy is told into a request over a connection that is there."""
        if req.proxy is not None and req.proxy.scheme not in SOCKS:
            self._update_proxy_auth_header_and_build_proxy_req(req)

    def _taken_over(self, protocol: Any) -> Any:
        """A package's connector has made a connection with another protocol, aiohttp's for one: its
        transport goes on with ours."""
        connection = self._factory()
        # It may hold what closes the transport when it is collected.
        connection.taken_from = protocol
        transport = protocol.transport
        transport.set_protocol(connection)
        connection.connection_made(transport)
        return connection

    def _discard(self, slot: Any) -> None:
        connection = slot.connection
        slot.discard()
        if connection is not None:
            connection.close()

    async def _reused(
        self, req: ClientRequest, key: ConnectionKey, slot: Any, traces: list[Trace]
    ) -> Connection:
        connection = await self._leased(key, slot, traces)
        self._tell_proxy(req)
        return connection

    async def _wait_for_slot(self, waiter: Any, traces: list[Trace], timeout: ClientTimeout) -> Any:
        try:
            for trace in traces:
                await trace.send_connection_queued_start()
            async with Limit("pool", timeout):
                await self._woken(waiter)
            for trace in traces:
                await trace.send_connection_queued_end()
            if self._closed:
                raise ClientConnectionError("Connector is closed.")
            return self._pool.claim(waiter, self._loop.time())
        finally:
            waiter.cancel()

    async def _woken(self, waiter: Any) -> None:
        try:
            await waiter.future
        except asyncio.CancelledError:
            self._raise_if_closed()
            raise

    def _raise_if_closed(self) -> None:
        """Raise ClientConnectionError for a wait that close() has cancelled, and nobody else."""
        task = asyncio.current_task()
        if self._closed and task is not None and not task.cancelling():
            raise ClientConnectionError("Connector is closed.") from None

    def _release(
        self,
        key: ConnectionKey,
        protocol: Any,
        *,
        should_close: bool = False,
        slot: Any = None,
    ) -> None:
        self._acquired.discard(protocol)
        if self._closed or should_close or protocol.should_close:
            if slot is not None:
                slot.discard()
            protocol.close()
            return
        if slot is not None:
            slot.release(self._loop.time())
            if self._cleanup_handle is None and self._keepalive_timeout is not None:
                self._watch_expiry()

    def _watch_expiry(self) -> None:
        when = self._pool.next_expiry()
        if when is not None:
            weak = weakref.ref(self)
            self._cleanup_handle = self._loop.call_at(when, _expire, weak)

    def _cleanup(self) -> None:
        """Close what was idle for too long."""
        self._cleanup_handle = None
        self._pool.expire(self._loop.time())
        self._watch_expiry()

    async def _create_connection(
        self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout
    ) -> Any:
        raise NotImplementedError

    def _update_proxy_auth_header_and_build_proxy_req(self, req: ClientRequest) -> ClientRequest:
        """The request to the proxy; the request itself where there is none on the way."""
        return req

    def _factory(self) -> Any:
        loop: Any = self._loop
        return _aioxide.HttpConnection(loop)

    # The end.

    def close(self, *, abort_ssl: bool = False) -> Awaitable[None]:
        """Close all connections, and cancel who waits for one. Awaiting the result waits until the
        connections have ended; with abort_ssl, TLS connections end without a farewell."""
        waiters = self._close(abort_ssl=abort_ssl)
        if not waiters:
            return _Closing(None)
        return _Closing(self._loop.create_task(_all_done(waiters)))

    def _close(self, *, abort_ssl: bool = False) -> list[Awaitable[Any]]:
        if self._closed:
            return []
        self._closed = True
        if self._loop.is_closed():
            return []
        if self._cleanup_handle is not None:
            self._cleanup_handle.cancel()
            self._cleanup_handle = None
        if self._host_limits is not None:
            self._host_limits.close()
        waiters: list[Awaitable[Any]] = []
        acquired, self._acquired = self._acquired, set()
        for connection in [*self._pool.close(), *acquired]:
            transport = connection.transport
            closed = connection.closed
            if (
                abort_ssl
                and transport is not None
                and transport.get_extra_info("sslcontext") is not None
            ):
                connection.abort()
            else:
                connection.close()
            if closed is not None:
                waiters.append(closed)
        self._keys.clear()
        return waiters


#: What nobody has replaced.
GET = BaseConnector._get


def _expire(weak: weakref.ref[BaseConnector]) -> None:
    connector = weak()
    if connector is not None and not connector.closed:
        connector._cleanup()
