"""One call in a thread."""

from __future__ import annotations

from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

    from ._lane import LaneState

__all__ = ["Job"]


class Job:
    """A call, and the future of its result. Whoever waits may stop waiting; the call goes on."""

    __slots__ = (
        "_args",
        "_context",
        "_fn",
        "_kwargs",
        "_lane",
        "_loop",
        "begun",
        "future",
        "orphaned",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        lane: LaneState,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        context: Context | None = None,
    ) -> None:
        self._loop = loop
        self._lane = lane
        self._fn = fn
        self._args = args
        self._kwargs = kwargs
        self._context = copy_context() if context is None else context
        self.future: asyncio.Future[Any] = loop.create_future()
        #: A thread is at it, or was.
        self.begun = False
        #: Is given the value when nobody waits for it any more, and None for a call that was not
        #: made.
        self.orphaned: Callable[[Any], None] | None = None

    def run(self) -> Job | None:
        """Make the call, in a thread. The loop is told how it ended. Gives the next of its lane."""
        value, error = None, None
        # Nobody waits for a call that has not begun: it is not made.
        if not self.future.cancelled():
            self.begun = True
            try:
                value = self._context.run(self._fn, *self._args, **self._kwargs)
            except BaseException as raised:  # noqa: BLE001
                error = raised
        following = self._lane.next_waiting()
        try:
            self._loop.call_soon_threadsafe(self._finish, value, error, following is None)
        except RuntimeError:
            # The loop is closed.
            return None
        else:
            return following
        finally:
            # The traceback of an error has this frame.
            del value, error

    def _finish(self, value: Any, error: BaseException | None, release: bool) -> None:
        if release:
            self._lane.release()
        future = self.future
        if not future.done():
            if error is None:
                future.set_result(value)
            elif isinstance(error, StopIteration):
                # No future takes one: it would end the generator that waits.
                stopped = RuntimeError("the call raised StopIteration")
                stopped.__cause__ = error
                future.set_exception(stopped)
            else:
                future.set_exception(error)
        elif error is None:
            self.drop(value)

    def drop(self, value: Any = None) -> None:
        """Nobody waits."""
        if self.orphaned is not None:
            self.orphaned(value)
