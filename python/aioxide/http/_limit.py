"""A limit of ClientTimeout that says so when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from aioxide.http._timeout import ceil_timeout

if TYPE_CHECKING:
    import asyncio
    from types import TracebackType


class LimitOver(TimeoutError):
    """A field of ClientTimeout is over; `field` is its name."""

    field = ""

    @classmethod
    def of(cls, name: str, seconds: float | None) -> Self:
        """The limit of that name, of so many seconds, is over."""
        over = cls(f"ClientTimeout.{name} of {seconds:g} s is over")
        over.field = name
        return over


class Limit:
    """`async with Limit("dns", timeout)`: the field of that name is the limit of what is inside.

    None is no limit. Raises TimeoutError, which names the field.
    """

    __slots__ = ("_name", "_seconds", "_timeout")

    def __init__(self, name: str, timeout: Any) -> None:
        self._name = name
        # aiohttp's own class has not all the fields.
        self._seconds = getattr(timeout, name, None)
        self._timeout: asyncio.Timeout | None = None
        if self._seconds is not None:
            self._timeout = ceil_timeout(self._seconds, timeout.ceil_threshold)

    async def __aenter__(self) -> None:
        if self._timeout is not None:
            await self._timeout.__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._timeout is None:
            return
        try:
            await self._timeout.__aexit__(exc_type, exc, tb)
        except TimeoutError as error:
            raise LimitOver.of(self._name, self._seconds) from error.__cause__
