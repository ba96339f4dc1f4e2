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
                # No variable holds the error beyond this: its traceback holds this frame.
                try:
                    delay = self._delay(error, attempt, limiter)
                except Exception as mistake:  # noqa: BLE001
                    return None, mistake, attempt
                if delay is None:
                    return None, error, attempt
            await asyncio.sleep(delay)

    def _delay(self, error: Exception, attempt: int, limiter: Limiter | None) -> float | None:
        """The seconds until the next attempt, None for no more; and a pause for all, if the server
        wants one. Raises what the caller's own functions for `on` and `backoff` raise."""
        retry = self._retry
        if retry is None:
            return None
        delay = retry.delay(error, attempt)
        pause = None if limiter is None else retry.pause(error)
        if pause and limiter is not None:
            limiter.penalize(pause)
        return delay

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
