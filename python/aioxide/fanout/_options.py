"""What `amap()` and `stream()` are told, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ._attempts import Attempts
from ._auto import AutoLimit, Throttle
from ._checks import check_number, check_real
from ._limiter import Limiter
from ._retry import Retry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ._rate import RateLike

__all__ = ["DEFAULT_LIMIT", "LimitLike", "OnError", "Options"]

LimitLike: TypeAlias = "int | Literal['auto'] | AutoLimit"
OnError: TypeAlias = Literal["raise", "collect", "skip"]

#: Calls at a time where nothing is said: aiohttp's number of connections.
DEFAULT_LIMIT = 100


@dataclass(frozen=True)
class Options:
    """The options of a fan-out. Raises TypeError or ValueError for what makes no sense."""

    limit: LimitLike = DEFAULT_LIMIT
    rate: RateLike | Limiter | Callable[[Any], Limiter] | None = None
    retry: Retry | int | None = None
    timeout: float | None = None
    on_error: OnError = "raise"
    max_errors: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.limit, str):
            if self.limit != "auto":
                raise ValueError(f"limit={self.limit!r}: a number of calls at a time, or 'auto'")
        elif not isinstance(self.limit, AutoLimit):
            check_number("limit", self.limit, 1, ", or 'auto'")
        if self.on_error not in ("raise", "collect", "skip"):
            raise ValueError(f"on_error={self.on_error!r}: 'raise', 'collect' or 'skip'")
        if self.timeout is not None:
            check_real("timeout", self.timeout)
            if not self.timeout > 0:
                raise ValueError(f"timeout is a number of seconds above 0, not {self.timeout!r}")
        if self.max_errors is not None:
            if self.on_error == "raise":
                raise ValueError(
                    "max_errors needs on_error='collect' or 'skip': "
                    "with 'raise' the first error ends the fan-out"
                )
            check_number("max_errors", self.max_errors, 0)
        if self.retry is not None and not isinstance(self.retry, Retry):
            check_number("retry", self.retry, 1, ", or a Retry")

    @property
    def first_limit(self) -> int:
        """Calls at a time, to begin with."""
        limit = self.limit
        if isinstance(limit, int):
            return limit
        return limit.start if isinstance(limit, AutoLimit) else AutoLimit().start

    def throttle(self) -> Throttle | None:
        """What moves the limit; None if it is fixed."""
        if isinstance(self.limit, int):
            return None
        settings = self.limit if isinstance(self.limit, AutoLimit) else AutoLimit()
        return Throttle(settings)

    def attempts(
        self, call: Callable[[Any], Awaitable[Any]], throttle: Throttle | None
    ) -> Attempts[Any, Any] | None:
        """What is to be done for an item beside the call; None for nothing."""
        rate, retry = self.rate, self.retry
        limiter: Limiter | Callable[[Any], Limiter] | None
        if rate is None or isinstance(rate, Limiter) or callable(rate):
            limiter = rate
        else:
            limiter = Limiter(rate)
        if isinstance(retry, int):
            retry = Retry(retry)
        if limiter is None and retry is None and self.timeout is None and throttle is None:
            return None
        note = None if throttle is None else throttle.note
        return Attempts(call, limiter, retry, self.timeout, note)
