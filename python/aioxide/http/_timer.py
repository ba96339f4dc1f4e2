"""The limit of a whole request, as its reads see it.

A request runs in several tasks' time: whoever reads the body may be another task than whoever sent
it. So the limit is one TimeoutHandle of the request, which at its end cancels the tasks that are
inside its TimerContext just then; these see a TimeoutError instead, unless somebody else cancelled
them, too. A read outside sees it by assert_timeout().
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from math import ceil
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["BaseTimerContext", "TimeoutHandle", "TimerContext", "TimerNoop"]


class BaseTimerContext:
    """What a read waits in."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool | None:
        return None

    def assert_timeout(self) -> None:
        """Raise TimeoutError if the limit is over."""


class TimerNoop(BaseTimerContext):
    """No limit."""

    __slots__ = ()


class TimerContext(BaseTimerContext):
    """A limit that cancels the tasks inside it when timeout() is called."""

    __slots__ = ("_cancelled", "_entered", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._cancelled = False
        # Each task inside, and how many cancellations it had to deal with when it entered.
        self._entered: list[tuple[asyncio.Task[Any], int]] = []

    def assert_timeout(self) -> None:
        """Raise TimeoutError if the limit is over."""
        if self._cancelled:
            raise TimeoutError("ClientTimeout.total is over")

    def __enter__(self) -> Self:
        """Enter. Raises RuntimeError outside a task, TimeoutError if the limit is over."""
        task = asyncio.current_task(loop=self._loop)
        if task is None:
            raise RuntimeError("Timeout context manager should be used inside a task")
        self.assert_timeout()
        self._entered.append((task, task.cancelling()))
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool | None:
        current = asyncio.current_task(loop=self._loop)
        index = next(
            (at for at in reversed(range(len(self._entered))) if self._entered[at][0] is current),
            -1,
        )
        if index < 0:
            return None
        task, cancelling = self._entered.pop(index)
        if exc_type is asyncio.CancelledError and self._cancelled:
            # The limit's own cancellation is taken back. What is left is somebody else's, and goes
            # on as one.
            if task.uncancel() > cancelling:
                return None
            raise TimeoutError("ClientTimeout.total is over") from exc_val
        return None

    def timeout(self) -> None:
        """End the limit: cancel the tasks inside. Further calls do nothing."""
        if not self._cancelled:
            self._cancelled = True
            for task in {task for task, _ in self._entered}:
                task.cancel()


class TimeoutHandle:
    """A limit in seconds from start() on, and what is called at its end."""

    __slots__ = ("_callbacks", "_ceil_threshold", "_loop", "_timeout")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        timeout: float | None,
        ceil_threshold: float = 5,
    ) -> None:
        self._timeout = timeout
        self._loop = loop
        self._ceil_threshold = ceil_threshold
        self._callbacks: list[tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]] = []

    def register(self, callback: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        """Have a function called at the end. Its exceptions are dropped."""
        self._callbacks.append((callback, args, kwargs))

    def close(self) -> None:
        """Forget what is registered: the end does nothing then."""
        self._callbacks.clear()

    def start(self) -> asyncio.TimerHandle | None:
        """Begin; None, zero or less is no limit. The handle's cancel() calls the limit off."""
        timeout = self._timeout
        if timeout is None or timeout <= 0:
            return None
        when = self._loop.time() + timeout
        if timeout >= self._ceil_threshold:
            when = ceil(when)
        return self._loop.call_at(when, self)

    def timer(self) -> BaseTimerContext:
        """Make what reads wait in, ended by this."""
        if self._timeout is None or self._timeout <= 0:
            return TimerNoop()
        timer = TimerContext(self._loop)
        self.register(timer.timeout)
        return timer

    def __call__(self) -> None:
        """End: call what is registered."""
        for callback, args, kwargs in self._callbacks:
            with suppress(Exception):
                callback(*args, **kwargs)
        self._callbacks.clear()
