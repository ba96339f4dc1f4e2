"""Awaitables that a program has made already: the source of `gather()` and `as_completed()`."""

from __future__ import annotations

import asyncio
from inspect import CORO_CREATED, getcoroutinestate, isawaitable, iscoroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

from ._checks import check_number

__all__ = ["Awaitables", "call"]


class Awaitables:
    """Awaitables of a program, each once.

    Coroutines are started by whoever uses this, tasks and futures run already: they are not
    cancelled where the others are. Raises TypeError for what cannot be awaited, and ValueError for
    a limit that is none; then the coroutines are closed.
    """

    __slots__ = ("distinct", "given")

    def __init__(self, aws: Iterable[Awaitable[Any]], limit: int) -> None:
        self.given = list(aws)
        # By identity: not every awaitable has a hash.
        self.distinct = list({id(one): one for one in self.given}.values())
        try:
            check_number("limit", limit, 1)
            for one in self.distinct:
                if not isawaitable(one):
                    raise TypeError(
                        "An asyncio.Future, a coroutine or an awaitable is required, "
                        f"not {type(one).__name__}"
                    )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the coroutines that nobody has started."""
        for one in self.distinct:
            if iscoroutine(one) and getcoroutinestate(one) == CORO_CREATED:
                one.close()

    def cancel(self) -> None:
        """Cancel the tasks and futures."""
        for one in self.distinct:
            if asyncio.isfuture(one):
                one.cancel()


def call(aw: Awaitable[Any]) -> Awaitable[Any]:
    """What to await for one of them."""
    return watch(aw) if asyncio.isfuture(aw) else aw


async def watch(future: asyncio.Future[Any]) -> Any:
    """The future's result. When this is cancelled, the future is not."""
    if not future.done():
        await asyncio.wait([future])
    return future.result()
