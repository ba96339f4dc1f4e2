"""`Retry`: after which errors a call is made again, and when.

aioxide-http has a policy, too. That one knows methods and kinds of HTTP errors; here any exception
of any function is to be judged, by its class. What both have in common is native: what a
Retry-After header says.
"""

from __future__ import annotations

import random
import sys
import time
from typing import TYPE_CHECKING, TypeAlias

from aioxide._aioxide import parse_retry_after

from ._checks import check_number, check_real

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["OVERLOADED", "HttpRetry", "Retry", "is_connection_error", "status_of"]

Judge: TypeAlias = "type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]"

OVERLOADED = (429, 502, 503, 504)


class Retry:
    """Makes a call up to `attempts` times, while it raises what `on` says.

    `on` is an exception class, a tuple of them, or a function that is given the exception and says
    whether to try again. The wait after the first attempt is `backoff` seconds, and doubles with
    each one up to `max_delay`; `backoff` may be a function from the number of the attempt (1 for
    the first) to seconds. `jitter` is the part of each wait that is left to chance, from 0 to 1, so
    that calls that failed together do not come back together.

    Raises ValueError for numbers that make no sense, TypeError for what is none.
    """

    __slots__ = ("attempts", "backoff", "jitter", "max_delay", "on")

    def __init__(
        self,
        attempts: int = 4,
        on: Judge = (OSError, TimeoutError),
        *,
        backoff: float | Callable[[int], float] = 0.1,
        jitter: float = 1.0,
        max_delay: float = 30.0,
    ) -> None:
        check_number("attempts", attempts, 1)
        check_real("jitter", jitter, "")
        if not 0 <= jitter <= 1:
            raise ValueError(f"jitter is from 0 to 1, not {jitter!r}")
        check_real("max_delay", max_delay)
        if not callable(backoff):
            check_real("backoff", backoff)
        if not max_delay >= 0 or (not callable(backoff) and not backoff >= 0):
            raise ValueError("backoff and max_delay are seconds, 0 or more")
        kinds = on if isinstance(on, tuple) else (on,) if isinstance(on, type) else ()
        for kind in kinds:
            check_exception(kind)
        if not kinds and not callable(on):
            raise TypeError(f"on is {type(on).__name__}; it is exceptions, or a function of one")
        self.attempts = attempts
        self.on = on
        self.backoff = backoff
        self.jitter = jitter
        self.max_delay = max_delay

    @classmethod
    def http(
        cls,
        attempts: int = 4,
        *,
        statuses: Collection[int] = OVERLOADED,
        on: Judge = (OSError, TimeoutError),
        max_retry_after: float = 60.0,
        backoff: float | Callable[[int], float] = 0.1,
        jitter: float = 1.0,
        max_delay: float = 30.0,
    ) -> HttpRetry:
        """A policy for HTTP requests whose errors carry a status, as aiohttp's do.

        An error with a status is tried again if that is one of `statuses`; one without a status if
        it is what `on` says, or one of aiohttp's connection errors. A Retry-After header is obeyed,
        for `max_retry_after` seconds at most; and everybody who shares the fan-out's limiter waits
        so long. Errors have a status in `status` (aiohttp's ClientResponseError, which
        `response.raise_for_status()` raises), or in `response.status_code` (httpx, requests).
        """
        retry = HttpRetry(attempts, on, backoff=backoff, jitter=jitter, max_delay=max_delay)
        retry.statuses = frozenset(statuses)
        retry.max_retry_after = max_retry_after
        return retry

    def __repr__(self) -> str:
        return f"<{type(self).__name__} up to {self.attempts} attempts>"

    def matches(self, error: Exception) -> bool:
        """Whether it is an error after which the call is made again."""
        on = self.on
        if isinstance(on, (type, tuple)):
            return isinstance(error, on)
        return bool(on(error))

    def pause(self, error: Exception) -> float | None:
        """For how many seconds the server wants no call at all; None if it did not say so."""
        return None

    def delay(self, error: Exception, attempt: int) -> float | None:
        """The seconds to wait after attempt number `attempt` (1 for the first), before the next;
        None if there is to be none."""
        if attempt >= self.attempts or not self.matches(error):
            return None
        backoff = self.backoff
        if callable(backoff):
            wait = backoff(attempt)
        else:
            # 2.0 ** 1024 is an OverflowError; no wait that is left of it matters.
            wait = backoff * 2.0 ** min(attempt - 1, 1000)
        wait = min(max(wait, 0.0), self.max_delay)
        wait -= wait * self.jitter * random.random()
        return max(wait, self.pause(error) or 0.0)


class HttpRetry(Retry):
    """What `Retry.http()` makes."""

    __slots__ = ("max_retry_after", "statuses")

    statuses: frozenset[int]
    max_retry_after: float

    def matches(self, error: Exception) -> bool:
        status = status_of(error)
        if status is not None:
            return status in self.statuses
        return super().matches(error) or is_connection_error(error)

    def pause(self, error: Exception) -> float | None:
        if status_of(error) not in self.statuses:
            return None
        value = _header(error, "Retry-After")
        if value is None:
            return None
        wait = parse_retry_after(value, time.time())
        return None if wait is None else min(wait, self.max_retry_after)


def check_exception(kind: object) -> None:
    """Raise TypeError for what is no class of exceptions."""
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        raise TypeError(f"on: {kind!r} is no class of exceptions")


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error carries."""
    status = getattr(error, "status", None)
    if status is None:
        status = getattr(getattr(error, "response", None), "status_code", None)
    # aiohttp's errors of a connection that never had an answer say 0.
    return status if isinstance(status, int) and status > 0 else None


def _header(error: BaseException, name: str) -> str | None:
    for owner in (error, getattr(error, "response", None)):
        get = getattr(getattr(owner, "headers", None), "get", None)
        if get is not None:
            value = get(name) or get(name.lower())
            if isinstance(value, str):
                return value
    return None


def is_connection_error(error: BaseException) -> bool:
    """Whether it is one of aiohttp's or ours, some of which are no OSError."""
    for name in ("aiohttp", "aioxide.http"):
        # Where a module has not been imported, nobody has raised its errors.
        module = sys.modules.get(name)
        for kind in ("ClientConnectionError", "ClientPayloadError"):
            known = getattr(module, kind, None)
            if isinstance(known, type) and isinstance(error, known):
                return True
    return False
