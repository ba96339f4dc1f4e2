"""What `session.get()` and `session.ws_connect()` return: a coroutine that is a context manager,
too."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from types import TracebackType

    from aioxide.http._response import ClientResponse
    from aioxide.http._session import ClientSession
    from aioxide.http._websocket import ClientWebSocketResponse  # noqa: F401 - in a string below

T = TypeVar("T")


class _BaseRequestContextManager(Coroutine[Any, Any, T], Generic[T]):
    """A coroutine that may also be entered by `async with`."""

    __slots__ = ("_coro", "_resp")

    def __init__(self, coro: Coroutine[Any, Any, T]) -> None:
        self._coro = coro

    def send(self, arg: None) -> Any:
        """Go on, as a coroutine does."""
        return self._coro.send(arg)

    def throw(self, *args: Any, **kwargs: Any) -> Any:
        """Raise inside, as a coroutine does."""
        return self._coro.throw(*args, **kwargs)

    def close(self) -> None:
        """End the coroutine."""
        self._coro.close()

    def __await__(self) -> Generator[Any, Any, T]:
        return self._coro.__await__()

    def __iter__(self) -> Generator[Any, Any, T]:
        return self.__await__()

    async def __aenter__(self) -> T:
        self._resp: T = await self._coro
        return self._resp

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        raise NotImplementedError


class _RequestContextManager(_BaseRequestContextManager["ClientResponse"]):
    """What a request returns: its response, which is released at the end of `async with`."""

    __slots__ = ()

    async def __aenter__(self) -> ClientResponse:
        response = self._resp = await self._coro
        response._in_context = True
        return response

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        response = self._resp
        response._in_context = False
        response.release()
        # A package may have put a response of its own in its place.
        if getattr(response, "_writer", None) is not None:
            await response.wait_for_close()


class _WSRequestContextManager(_BaseRequestContextManager["ClientWebSocketResponse"]):
    """What ws_connect() returns: a WebSocket, which is closed at the end of `async with`."""

    __slots__ = ()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self._resp.close()


class _SessionRequestContextManager:
    """What `aioxide.http.request()` returns: a request with a session of its own."""

    __slots__ = ("_coro", "_resp", "_session")

    def __init__(self, coro: Coroutine[Any, Any, ClientResponse], session: ClientSession) -> None:
        self._coro = coro
        self._resp: ClientResponse | None = None
        self._session = session

    async def __aenter__(self) -> ClientResponse:
        try:
            self._resp = await self._coro
        except BaseException:
            await self._session.close()
            raise
        return self._resp

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        assert self._resp is not None
        self._resp.close()
        await self._session.close()
