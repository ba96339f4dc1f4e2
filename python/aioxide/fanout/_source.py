"""Where items come from: any iterable, asked for one item at a time."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Generic, TypeVar

__all__ = ["END", "Source"]

T = TypeVar("T")


class End:
    """The type of `END`."""


#: What `pull()` gives when there is nothing more.
END = End()


class Source(Generic[T]):
    """The items of an iterable or an asynchronous iterable.

    Raises TypeError for what is neither.
    """

    __slots__ = ("_async", "_lock", "cancelled", "ended", "length", "next")

    def __init__(self, items: Iterable[T] | AsyncIterable[T]) -> None:
        self._async: AsyncIterator[T] | None = None
        #: Gives the next item, or raises StopIteration; None where items have to be awaited.
        self.next: Callable[[], T] | None = None
        #: There is nothing more, or it has failed.
        self.ended = False
        #: Somebody cancelled it while it was asked.
        self.cancelled = False
        #: How many items there are about; None if nobody knows.
        self.length: int | None = None
        if isinstance(items, AsyncIterable):
            self._async = aiter(items)
            self._lock = asyncio.Lock()
            return
        try:
            iterator: Iterator[T] = iter(items)
        except TypeError:
            raise TypeError(
                f"items is {type(items).__name__}, which is no iterable, nor an asynchronous one"
            ) from None
        self.next = iterator.__next__
        length = operator.length_hint(items, -1)
        self.length = length if length >= 0 else None

    async def pull(self, ready: Callable[[], bool], wait: Callable[[], object]) -> T | End:
        """The next item of an asynchronous iterable, or END.

        One asks at a time, because an asynchronous generator can do no more; and it asks when
        `ready()`, and awaits `wait()` until then.
        """
        assert self._async is not None
        async with self._lock:
            while not self.ended and not ready():
                await wait()  # type: ignore[misc]
            if self.ended:
                return END
            try:
                return await anext(self._async)
            except StopAsyncIteration:
                self.ended = True
                return END
            except asyncio.CancelledError:
                self.cancelled = True
                raise

    @property
    def wants_close(self) -> bool:
        """It is an asynchronous generator that has not come to its end."""
        return not self.ended and hasattr(self._async, "aclose")

    async def close(self) -> None:
        """Close it, if it wants that."""
        if self.wants_close:
            self.ended = True
            await self._async.aclose()  # type: ignore[union-attr]
