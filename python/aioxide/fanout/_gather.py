"""`gather(..., limit=N)`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ._awaitables import Awaitables, call
from ._engine import Engine
from ._errors import ItemCancelledError
from ._options import Options
from ._source import Source

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from ._result import Result

__all__ = ["gather"]


def gather(
    aws: Iterable[Awaitable[Any]], limit: int, *, return_exceptions: bool
) -> asyncio.Task[list[Any]]:
    """A task for the results of the awaitables, at most `limit` of them started at a time."""
    given = Awaitables(aws, limit)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        given.close()
        raise
    task = loop.create_task(_gather(given, limit, return_exceptions))
    if task.done():
        given.close()
    else:
        # Also when it is cancelled before its first step.
        task.add_done_callback(lambda _: given.close())
    return task


async def _gather(given: Awaitables, limit: int, return_exceptions: bool) -> list[Any]:
    options = Options(limit, on_error="collect" if return_exceptions else "raise")
    outcomes = Outcomes(len(given.distinct))
    engine = Engine(call, Source(given.distinct), outcomes, options, "gather")
    try:
        engine.start()
        try:
            await engine.join()
        except asyncio.CancelledError:
            given.cancel()
            raise
        if engine.failures:
            failure, engine.failures = engine.failures[0].error, []
            try:
                raise exception_of(failure)
            finally:
                del failure
        engine.check()
    finally:
        del engine
    found = outcomes.take()
    if len(given.given) == len(given.distinct):
        return found
    places = {id(one): value for one, value in zip(given.distinct, found, strict=True)}
    return [places[id(one)] for one in given.given]


def exception_of(error: Exception | None) -> BaseException:
    """What asyncio would raise for a call."""
    if isinstance(error, ItemCancelledError):
        return error.__cause__ or asyncio.CancelledError()
    assert error is not None
    return error


class Outcomes:
    """Values and exceptions, in order."""

    __slots__ = ("values",)

    def __init__(self, count: int) -> None:
        self.values: list[Any] = [None] * count

    def begin(self, index: int) -> None:
        pass

    def keep(self, index: int, item: Any, value: Any, attempts: int) -> None:
        self.values[index] = value

    def fail(self, failure: Result[Any, Any]) -> None:
        self.values[failure.index] = exception_of(failure.error)

    def skip(self, index: int) -> None:
        pass

    def finish(self) -> None:
        pass

    def results(self) -> dict[int, Any]:
        return dict(enumerate(self.take()))

    def take(self) -> list[Any]:
        """All of them. They are forgotten here: a traceback among them may lead to this object."""
        values, self.values = self.values, []
        return values
