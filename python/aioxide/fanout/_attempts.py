"""What one item takes when there is more to it than a call: turns, time limits and repetitions."""

from __future__ import annotations

import asyncio
from inspect import isawaitable
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ._errors import MisuseError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ._limiter import Limiter
    from ._retry import Retry

__all__ = ["Attempts", "check_awaitable"]

T = TypeVar("T")
R = TypeVar("R")


def check_awaitable(call: object, made: object) -> None:
    """Raise TypeError for what a plain function has returned."""
    if type(made) is not CoroutineType and not isawaitable(made):
        raise MisuseError(
            f"{getattr(call, '__qualname__', call)} returned {type(made).__name__}, which cannot "
            "be awaited; give an async function, or executor=, or aioxide.threaded(function)"
        )


class Attempts(Generic[T, R]):
    """Calls for one item, until one succeeds or there is to be no more."""

    __slots__ = ("_call", "_limiter", "_note", "_retry", "_timeout")

    def __init__(
        self,
        call: Callable[[T], Awaitable[R]],
        limiter: Limiter | Callable[[T], Limiter] | None,
        retry: Retry | None,
        timeout: float | None,
        note: Callable[[float, Exception | None], None] | None,
    ) -> None:
        self._call = call
        self._limiter = limiter
        self._retry = retry
        self._timeout = timeout
        #: Is told how long each attempt took, and how it failed.
        self._note = note

    async def run(self, item: T) -> tuple[R | None, Exception | None, int]:
        """The value, or the last error, and the number of attempts.

        Raises TypeError if the function is none for a fan-out. When it is cancelled, so is the
        attempt.
        """
        limiter: Any = self._limiter
        if callable(limiter):
            try:
                limiter = limiter(item)
            except Exception as error:  # noqa: BLE001
                return None, error, 0
        attempt = 0
        while True:
            attempt += 1
            try:
                if limiter is None:
                    return await self._once(item), None, attempt
                async with limiter:
                    return await self._once(item), None, attempt
            except MisuseError:
                raise
            except Exception as error:  # noqa: BLE001
                failure = error
            retry = self._retry
            if retry is None:
                return None, failure, attempt
            try:
                delay = retry.delay(failure, attempt)
                pause = None if limiter is None else retry.pause(failure)
                if pause:
                    limiter.penalize(pause)
            except Exception as error:  # noqa: BLE001
                # What the caller's own function for `on` or `backoff` raises.
                error.__context__ = failure
                return None, error, attempt
            if delay is None:
                return None, failure, attempt
            await asyncio.sleep(delay)

    async def _once(self, item: T) -> R:
        note = self._note
        if note is None:
            return await self._timed(item)
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            value = await self._timed(item)
        except Exception as error:
            note(loop.time() - started, error)
            raise
        note(loop.time() - started, None)
        return value

    async def _timed(self, item: T) -> R:
        made = self._call(item)
        check_awaitable(self._call, made)
        if self._timeout is None:
            return await made
        try:
            async with asyncio.timeout(self._timeout) as scope:
                return await made
        except TimeoutError:
            if not scope.expired():
                raise
            raise TimeoutError(f"no result within {self._timeout:g} s") from None
