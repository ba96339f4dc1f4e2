"""Digest authentication: a middleware that answers the challenges of one origin."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aioxide import _aioxide
from aioxide.http._errors import ClientError
from aioxide.http._payload_base import Payload

if TYPE_CHECKING:
    from yarl import URL

    from aioxide.http._middleware import ClientHandlerType
    from aioxide.http._request import ClientRequest
    from aioxide.http._response import ClientResponse

__all__ = ["DigestAuthMiddleware"]


def _target(url: URL) -> tuple[str, str, str]:
    return str(url.origin()), str(url), url.raw_path_qs


class DigestAuthMiddleware:
    """Answers Digest challenges (RFC 7616) with a login and a password.

    The credentials are for the origin of the first request that comes through, and for what that
    origin names as its protection space. Requests to anywhere else pass untouched, so what a
    redirect leads to gets nothing to guess the password by. With `preemptive`, requests carry
    credentials without being asked once a challenge is known that is for them.

    Raises ValueError for a login with a colon, and for None. Requests raise ClientError when a
    challenge cannot be answered.
    """

    def __init__(self, login: str, password: str, preemptive: bool = True) -> None:
        # What a caller without types can give.
        for name, value in (("login", login), ("password", password)):
            if value is None:
                raise ValueError(f"None is not allowed as {name} value")
        self._credentials = _aioxide.DigestCredentials(login, password, bool(preemptive))

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Make the request, once more with credentials if the server asks for them."""
        credentials = self._credentials
        target = _target(request.url)
        if not credentials.admits(target):
            return await handler(request)
        if credentials.is_preemptive(target):
            await self._authorize(request, target)
        response = await handler(request)
        if self._is_challenged(response):
            # Nobody else sees it, and the next request may want its connection.
            response.release()
            await self._authorize(request, target)
            response = await handler(request)
            # The answer to the answer is not answered, but what it says is known next time.
            self._is_challenged(response)
        return response

    def _is_challenged(self, response: ClientResponse) -> bool:
        fields = response.headers.getall("WWW-Authenticate", ())
        return self._credentials.challenged(response.status, list(fields), _target(response.url))

    async def _authorize(self, request: ClientRequest, target: tuple[str, str, str]) -> None:
        body = b""
        if self._credentials.needs_body and isinstance(request.body, Payload):
            body = await request.body.as_bytes()
        try:
            request.headers["Authorization"] = self._credentials.authorization(
                request.method, target, body, os.urandom(8)
            )
        except ValueError as error:
            raise ClientError(str(error)) from None
