"""When a request is made again: `RetryPolicy`, and what a session does by itself.

The decision is made in `crates/aioxide-http/src/retry`; here is what Python says to it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
import time
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from aioxide import _aioxide, _suggest
from aioxide.http._errors import (
    ClientConnectionResetError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientHttpProxyError,
    ClientOSError,
    ClientProxyConnectionError,
    ClientResponseError,
    ClientSSLError,
    ConnectionTimeoutError,
    HttpProcessingError,
    ServerDisconnectedError,
    ServerFingerprintMismatch,
    SocketTimeoutError,
)
from aioxide.http._limit import LimitOver

if TYPE_CHECKING:
    from collections.abc import Collection

    from aioxide.http._request import ClientRequest
    from aioxide.http._response import ClientResponse

__all__ = ["Retries", "RetryPolicy"]

RetryError = Literal[
    "pool_timeout",
    "dns",
    "connect",
    "connect_timeout",
    "tls",
    "proxy",
    "disconnected",
    "read_timeout",
    "protocol",
]

#: Requests that mean the same when they are sent twice (RFC 9110, section 9.2.2).
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})

# The first that fits.
_KINDS: Final[tuple[tuple[type[BaseException], RetryError], ...]] = (
    (ClientConnectorDNSError, "dns"),
    (ClientSSLError, "tls"),
    (ServerFingerprintMismatch, "tls"),
    (ClientProxyConnectionError, "proxy"),
    (ClientHttpProxyError, "proxy"),
    (ClientConnectorError, "connect"),
    (SocketTimeoutError, "read_timeout"),
    (ServerDisconnectedError, "disconnected"),
    (ClientConnectionResetError, "disconnected"),
    (ClientOSError, "disconnected"),
)


def kind_of(error: BaseException) -> RetryError | None:
    """What a policy calls an error; None for what is not the connection's or the server's."""
    cause = error.__cause__
    if isinstance(error, ConnectionTimeoutError):
        over = isinstance(cause, LimitOver) and cause.field == "pool"
        return "pool_timeout" if over else "connect_timeout"
    for kind, name in _KINDS:
        if isinstance(error, kind):
            return name
    if isinstance(error, ClientResponseError) and isinstance(cause, HttpProcessingError):
        return "protocol"
    return None


@dataclasses.dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a request is made again, and how long after. For `ClientSession(retry=...)`, or the
    `retry` of one request.

    - attempts: how often it is made at most, the first time included;
    - backoff, factor, max_backoff: the wait after the first attempt, in seconds; how much longer
      each is than the one before; and how long at most;
    - jitter: a wait is anything between nothing and what it would be, so that clients that failed
      together do not come back together;
    - errors: after which errors, by name: pool_timeout (of ClientTimeout.pool), dns, connect,
      connect_timeout, tls, proxy, disconnected (the connection ended before the response's head),
      read_timeout (nothing came for so long), protocol (what came is no HTTP);
    - statuses: after which statuses of a response;
    - max_retry_after: for how many seconds a Retry-After is obeyed, a longer one for no longer;
      None for not at all;
    - any_method: also requests that are not idempotent, though the server may have acted on one
      that failed. Those that never left are made again in any case;
    - budget: no attempt begins later than so many seconds after the first; None for any time.

    ClientTimeout.total is for all attempts together. A request whose body cannot be sent twice is
    not made again. A body that breaks off while it is read is not the policy's. Raises ValueError
    for a setting that makes no sense.
    """

    attempts: int = 3
    backoff: float = 0.1
    factor: float = 2.0
    max_backoff: float = 10.0
    jitter: bool = True
    errors: Collection[RetryError] = (
        "dns",
        "connect",
        "connect_timeout",
        "disconnected",
        "read_timeout",
    )
    statuses: Collection[int] = (429, 502, 503, 504)
    max_retry_after: float | None = 60.0
    any_method: bool = False
    budget: float | None = None
    _rules: _aioxide.RetryRules = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known = get_args(RetryError)
        if isinstance(self.errors, str):
            raise ValueError(f"errors must be a collection of names, such as ({self.errors!r},)")
        for name in self.errors:
            if name not in known:
                hint = _suggest.among(name, known) or f"There are {', '.join(known)}."
                raise ValueError(f"there is no error {name!r} to retry after. {hint}")
        numbers: list[tuple[str, object]] = [("attempts", self.attempts)]
        numbers += [("statuses", status) for status in self.statuses]
        for setting, number in numbers:
            if not isinstance(number, int) or not 0 < number < 2**16:
                raise ValueError(f"{setting}: {number!r} is not possible")
        rules = _aioxide.RetryRules(
            attempts=self.attempts,
            backoff=self.backoff,
            factor=self.factor,
            max_backoff=self.max_backoff,
            jitter=self.jitter,
            errors=list(self.errors),
            statuses=list(self.statuses),
            max_retry_after=self.max_retry_after,
            any_method=self.any_method,
            budget=self.budget,
        )
        object.__setattr__(self, "_rules", rules)

    def __reduce__(self) -> tuple[type[RetryPolicy], tuple[Any, ...]]:
        # The native rules are made anew.
        fields = (field.name for field in dataclasses.fields(self) if field.init)
        return type(self), tuple(getattr(self, name) for name in fields)


def check_retry(retry: object) -> RetryPolicy | bool | None:
    """The argument `retry`, if it is one. Raises TypeError."""
    if retry is None or retry is False or isinstance(retry, RetryPolicy):
        return retry
    raise TypeError(
        "retry must be a RetryPolicy, None for what aiohttp does by itself, or False for no "
        f"request that is made twice, got {retry!r}"
    )


class Retries:
    """What is left to a request of its tries.

    Without a policy it is what aiohttp does: a request that is idempotent is made once more, at
    once, when its connection ended before the head of a response. With False, nothing is.
    """

    __slots__ = ("_began_at", "_loop", "_made", "_may_begin_again", "_policy", "_silently")

    def __init__(
        self,
        retry: RetryPolicy | bool | None,
        loop: asyncio.AbstractEventLoop,
        *,
        silently: bool,
        may_begin_again: bool,
    ) -> None:
        self._policy = retry if isinstance(retry, RetryPolicy) else None
        self._loop = loop
        self._began_at = loop.time()
        #: Attempts that were made.
        self._made = 1
        self._silently = silently and retry is None
        self._may_begin_again = may_begin_again and retry is not False

    async def after_error(self, error: Exception, request: ClientRequest) -> bool:
        """Wait, and say whether the request is to be made again. May be cancelled."""
        if isinstance(error, ClientConnectionResetError) and self._may_begin_again:
            # The connection ended before anything was sent, so any method may be tried again.
            self._may_begin_again = False
            return True
        silent = isinstance(error, (ClientOSError, ServerDisconnectedError)) and not isinstance(
            error, ClientConnectorError
        )
        if silent and self._silently:
            self._silently = False
            return await self._replayable(request)
        kind = kind_of(error) if self._policy is not None else None
        if kind is None:
            return False
        assert self._policy is not None
        attempt = await self._attempt(request)
        wait, why = self._policy._rules.after_error(attempt, kind, random.getrandbits(64))
        if wait is None:
            if why is not None:
                error.add_note(f"Not made again by its RetryPolicy: {why}")
            return False
        await self._wait(wait)
        return True

    async def after_response(self, response: ClientResponse, request: ClientRequest) -> bool:
        """The same after a response. One that is not the last is released."""
        policy = self._policy
        if policy is None or response.status not in policy.statuses:
            return False
        wait, _why = policy._rules.after_response(
            (self._made, request.method, _can_replay(request), self._loop.time() - self._began_at),
            response.status,
            response.headers.get("Retry-After"),
            time.time(),
            random.getrandbits(64),
        )
        if wait is None:
            return False
        response.release()
        await request.close()
        await self._wait(wait)
        return True

    async def _attempt(self, request: ClientRequest) -> tuple[int, str, bool, float]:
        replayable = await self._replayable(request)
        return self._made, request.method, replayable, self._loop.time() - self._began_at

    async def _replayable(self, request: ClientRequest) -> bool:
        if request._body is not None:
            await request.close()
        return _can_replay(request)

    async def _wait(self, seconds: float) -> None:
        self._made += 1
        await asyncio.sleep(seconds)


def _can_replay(request: ClientRequest) -> bool:
    return request._body is None or not request._body.consumed
