"""Signals of what happens to a request.

A TraceConfig has one signal per event. The session freezes it and makes a Trace per request, which
sends the signals with (session, context, params). TraceConfig and the parameters are aiohttp's
classes where aiohttp is installed: OpenTelemetry and others make and compare those.
"""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, overload

from aioxide.http._aiohttp import shared
from aioxide.http._signal import Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from multidict import CIMultiDict
    from yarl import URL

__all__ = [
    "Trace",
    "TraceConfig",
    "TraceConnectionCreateEndParams",
    "TraceConnectionCreateStartParams",
    "TraceConnectionQueuedEndParams",
    "TraceConnectionQueuedStartParams",
    "TraceConnectionReuseconnParams",
    "TraceDnsCacheHitParams",
    "TraceDnsCacheMissParams",
    "TraceDnsResolveHostEndParams",
    "TraceDnsResolveHostStartParams",
    "TraceRequestChunkSentParams",
    "TraceRequestEndParams",
    "TraceRequestExceptionParams",
    "TraceRequestHeadersSentParams",
    "TraceRequestRedirectParams",
    "TraceRequestStartParams",
    "TraceResponseChunkReceivedParams",
]


class _Event:
    """A signal of a TraceConfig, as a read-only attribute."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._attribute = f"_{name}"

    @overload
    def __get__(self, config: None, owner: type) -> _Event: ...
    @overload
    def __get__(self, config: TraceConfig, owner: type) -> Signal: ...
    def __get__(self, config: TraceConfig | None, owner: type) -> _Event | Signal:
        if config is None:
            return self
        signal: Signal = getattr(config, self._attribute)
        return signal

    def __set__(self, config: TraceConfig, value: Any) -> None:
        raise AttributeError(f"{self._attribute[1:]} is a signal: append to it")


@shared("tracing")
class TraceConfig:
    """Signals to append coroutine functions to, called as `receiver(session, context, params)`.

    `context` is made by `trace_config_ctx_factory(trace_request_ctx=...)` for each request. What a
    receiver raises ends the request. A session freezes the signals.
    """

    on_request_start = _Event()
    on_request_chunk_sent = _Event()
    on_response_chunk_received = _Event()
    on_request_end = _Event()
    on_request_exception = _Event()
    on_request_redirect = _Event()
    on_connection_queued_start = _Event()
    on_connection_queued_end = _Event()
    on_connection_create_start = _Event()
    on_connection_create_end = _Event()
    on_connection_reuseconn = _Event()
    on_dns_resolvehost_start = _Event()
    on_dns_resolvehost_end = _Event()
    on_dns_cache_hit = _Event()
    on_dns_cache_miss = _Event()
    on_request_headers_sent = _Event()

    def __init__(self, trace_config_ctx_factory: Callable[..., Any] = SimpleNamespace) -> None:
        for name in _EVENTS:
            setattr(self, f"_{name}", Signal(self))
        self._trace_config_ctx_factory = trace_config_ctx_factory

    def trace_config_ctx(self, trace_request_ctx: Any = None) -> Any:
        """Make the context of a request from what the program gave with it."""
        return self._trace_config_ctx_factory(trace_request_ctx=trace_request_ctx)

    def freeze(self) -> None:
        """Allow sending, and no more changes."""
        for name in _EVENTS:
            getattr(self, name).freeze()


_EVENTS = (
    "on_request_start",
    "on_request_chunk_sent",
    "on_response_chunk_received",
    "on_request_end",
    "on_request_exception",
    "on_request_redirect",
    "on_connection_queued_start",
    "on_connection_queued_end",
    "on_connection_create_start",
    "on_connection_create_end",
    "on_connection_reuseconn",
    "on_dns_resolvehost_start",
    "on_dns_resolvehost_end",
    "on_dns_cache_hit",
    "on_dns_cache_miss",
    "on_request_headers_sent",
)


@shared("tracing")
@dataclasses.dataclass(frozen=True, slots=True)
class TraceRequestStartParams:
    """A request begins."""

    method: str
    url: URL
    headers: CIMultiDict[str]


@shared("tracing")
@dataclasses.dataclass(frozen=True, slots=True)
class TraceRequestChunkSentParams:
    """A piece of the request's body was written."""

    method: str
    url: URL
    chunk: bytes


@shared("tracing")
@dataclasses.dataclass(frozen=True, slots=True)
class TraceResponseChunkReceivedParams:
    """A piece of the response's body was read."""

    method: str
    url: URL
    chunk: bytes


@shared("tracing")
@dataclasses.dataclass(frozen=True, slots=True)
class TraceRequestEndParams:
    """The response's head is there. `response` is the ClientResponse."""

    method: str
    url: URL
    headers: CIMultiDict[str]
    response: Any


@shared("tracing")
@dataclasses.dataclass(frozen=True, slots=True)
class TraceRequestExceptionParams:
    """The request failed."""

    method: str
    url: URL
    headers: CIMultiDict[str]
    exception: BaseException


@shared("tracing")
@dataclasses.dataclass(frozen=True, slots=True)
class TraceRequestRedirectParams:
    """The response is a redirect that is followed. `response` is the ClientResponse."""

    method: str
    url: URL
    headers: CIMultiDict[str]
    response: Any


@shared("tracing")
@dataclasses.dataclass(frozen=True, slots=True)
class TraceConnectionQueuedStartParams:
    """The request waits until the limits leave room for a connection."""


@shared("tracing")
@dataclasses.dataclass(frozen=True, slots=True)
class TraceConnectionQueuedEndParams:
    """The wait is over."""


@shared("tracing")
@dataclasses.dataclass(frozen=True, slots=True)
class TraceConnectionCreateStartParams:
    """A connection is about to be made."""


@shared("tracing")
@dataclasses.dataclass(frozen=True, slots=True)
class TraceConnectionCreateEndParams:
    """The connection is made."""


@shared("tracing")
@dataclasses.dataclass(frozen=True, slots=True)
class TraceConnectionReuseconnParams:
    """An idle connection is used again."""


@shared("tracing")
@dataclasses.dataclass(frozen=True, slots=True)
class TraceDnsResolveHostStartParams:
    """A name is about to be looked up."""

    host: str


@shared("tracing")
@dataclasses.dataclass(frozen=True, slots=True)
class TraceDnsResolveHostEndParams:
    """The look-up is over."""

    host: str


@shared("tracing")
@dataclasses.dataclass(frozen=True, slots=True)
class TraceDnsCacheHitParams:
    """The addresses are known, or are being looked up for somebody else."""

    host: str


@shared("tracing")
@dataclasses.dataclass(frozen=True, slots=True)
class TraceDnsCacheMissParams:
    """The addresses are not known."""

    host: str


@shared("tracing")
@dataclasses.dataclass(frozen=True, slots=True)
class TraceRequestHeadersSentParams:
    """The request's head was written."""

    method: str
    url: URL
    headers: CIMultiDict[str]


class Trace:
    """The signals of one TraceConfig for one request.

    Each method waits for the receivers of its event, one after the other, and raises what they
    raise; a cancellation goes to the receiver that is running.
    """

    __slots__ = ("_session", "_trace_config", "_trace_config_ctx")

    def __init__(self, session: Any, trace_config: TraceConfig, trace_config_ctx: Any) -> None:
        self._trace_config = trace_config
        self._trace_config_ctx = trace_config_ctx
        self._session = session

    async def _send(self, signal: Signal, params: object) -> None:
        await signal.send(self._session, self._trace_config_ctx, params)

    async def send_request_start(self, method: str, url: URL, headers: CIMultiDict[str]) -> None:
        """Send on_request_start."""
        params = TraceRequestStartParams(method, url, headers)
        await self._send(self._trace_config.on_request_start, params)

    async def send_request_chunk_sent(self, method: str, url: URL, chunk: bytes) -> None:
        """Send on_request_chunk_sent."""
        params = TraceRequestChunkSentParams(method, url, chunk)
        await self._send(self._trace_config.on_request_chunk_sent, params)

    async def send_response_chunk_received(self, method: str, url: URL, chunk: bytes) -> None:
        """Send on_response_chunk_received."""
        params = TraceResponseChunkReceivedParams(method, url, chunk)
        await self._send(self._trace_config.on_response_chunk_received, params)

    async def send_request_end(
        self, method: str, url: URL, headers: CIMultiDict[str], response: Any
    ) -> None:
        """Send on_request_end."""
        params = TraceRequestEndParams(method, url, headers, response)
        await self._send(self._trace_config.on_request_end, params)

    async def send_request_exception(
        self, method: str, url: URL, headers: CIMultiDict[str], exception: BaseException
    ) -> None:
        """Send on_request_exception."""
        params = TraceRequestExceptionParams(method, url, headers, exception)
        await self._send(self._trace_config.on_request_exception, params)

    async def send_request_redirect(
        self, method: str, url: URL, headers: CIMultiDict[str], response: Any
    ) -> None:
        """Send on_request_redirect."""
        params = TraceRequestRedirectParams(method, url, headers, response)
        await self._send(self._trace_config.on_request_redirect, params)

    async def send_connection_queued_start(self) -> None:
        """Send on_connection_queued_start."""
        params = TraceConnectionQueuedStartParams()
        await self._send(self._trace_config.on_connection_queued_start, params)

    async def send_connection_queued_end(self) -> None:
        """Send on_connection_queued_end."""
        params = TraceConnectionQueuedEndParams()
        await self._send(self._trace_config.on_connection_queued_end, params)

    async def send_connection_create_start(self) -> None:
        """Send on_connection_create_start."""
        params = TraceConnectionCreateStartParams()
        await self._send(self._trace_config.on_connection_create_start, params)

    async def send_connection_create_end(self) -> None:
        """Send on_connection_create_end."""
        params = TraceConnectionCreateEndParams()
        await self._send(self._trace_config.on_connection_create_end, params)

    async def send_connection_reuseconn(self) -> None:
        """Send on_connection_reuseconn."""
        params = TraceConnectionReuseconnParams()
        await self._send(self._trace_config.on_connection_reuseconn, params)

    async def send_dns_resolvehost_start(self, host: str) -> None:
        """Send on_dns_resolvehost_start."""
        params = TraceDnsResolveHostStartParams(host)
        await self._send(self._trace_config.on_dns_resolvehost_start, params)

    async def send_dns_resolvehost_end(self, host: str) -> None:
        """Send on_dns_resolvehost_end."""
        params = TraceDnsResolveHostEndParams(host)
        await self._send(self._trace_config.on_dns_resolvehost_end, params)

    async def send_dns_cache_hit(self, host: str) -> None:
        """Send on_dns_cache_hit."""
        await self._send(self._trace_config.on_dns_cache_hit, TraceDnsCacheHitParams(host))

    async def send_dns_cache_miss(self, host: str) -> None:
        """Send on_dns_cache_miss."""
        await self._send(self._trace_config.on_dns_cache_miss, TraceDnsCacheMissParams(host))

    async def send_request_headers(self, method: str, url: URL, headers: CIMultiDict[str]) -> None:
        """Send on_request_headers_sent."""
        params = TraceRequestHeadersSentParams(method, url, headers)
        await self._send(self._trace_config.on_request_headers_sent, params)
