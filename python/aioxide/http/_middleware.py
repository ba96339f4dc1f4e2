"""Client middlewares: functions around a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aioxide.http._request import ClientRequest
    from aioxide.http._response import ClientResponse

ClientHandlerType = Callable[["ClientRequest"], Awaitable["ClientResponse"]]
ClientMiddlewareType = Callable[["ClientRequest", ClientHandlerType], Awaitable["ClientResponse"]]


def build_client_middlewares(
    handler: ClientHandlerType, middlewares: Sequence[ClientMiddlewareType]
) -> ClientHandlerType:
    """The handler inside the middlewares; the first of them is outermost."""
    for middleware in reversed(middlewares):
        handler = _around(handler, middleware)
    return handler


def _around(handler: ClientHandlerType, middleware: ClientMiddlewareType) -> ClientHandlerType:
    def call(request: ClientRequest) -> Awaitable[ClientResponse]:
        return middleware(request, handler)

    return call
