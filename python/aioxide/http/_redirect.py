"""Where a redirect leads, and what goes along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yarl import URL

from aioxide.http._errors import (
    ClientPayloadError,
    InvalidUrlRedirectClientError,
    NonHttpUrlRedirectClientError,
)

if TYPE_CHECKING:
    from multidict import CIMultiDict

    from aioxide.http._request import ClientRequest
    from aioxide.http._response import ClientResponse

#: What another origin must not be told. Every copy is dropped.
SECRETS = ("Authorization", "Cookie", "Proxy-Authorization")


@dataclass(frozen=True, slots=True)
class Redirect:
    """The request that a redirect asks for."""

    url: URL
    method: str
    data: Any
    other_origin: bool
    drops_body: bool

    @classmethod
    def of(
        cls, response: ClientResponse, request: ClientRequest, url: URL, *, requote: bool
    ) -> Redirect | None:
        """What a response of 301, 302, 303, 307 or 308 asks for; None without a Location.

        Raises InvalidUrlRedirectClientError, NonHttpUrlRedirectClientError, and ClientPayloadError
        when the body would have to be sent again and cannot.
        """
        status, asked = response.status, response.method
        drops_body = (status == 303 and asked != "HEAD") or (
            status in (301, 302) and asked == "POST"
        )
        body = request._body
        if not drops_body and body is not None and body.consumed:
            raise ClientPayloadError(
                "Cannot follow redirect with a consumed request body. Use bytes, a seekable "
                "file-like object, or set allow_redirects=False."
            )
        location = response.headers.get("Location") or response.headers.get("URI")
        if location is None:
            return None
        target = _resolved(location, url, requote)
        try:
            origin = target.origin()
        except ValueError as error:
            raise InvalidUrlRedirectClientError(target, "Invalid redirect URL origin") from error
        return cls(
            target,
            "GET" if drops_body else request.method,
            None if drops_body else body,
            url.origin() != origin,
            drops_body,
        )

    def change(self, headers: CIMultiDict[str]) -> None:
        """Take out of the headers what does not go along."""
        if self.drops_body:
            headers.popall("Content-Length", None)
        if self.other_origin:
            for name in SECRETS:
                headers.popall(name, None)


def _resolved(location: str, url: URL, requote: bool) -> URL:
    try:
        target = URL(location, encoded=not requote)
    except ValueError as error:
        raise InvalidUrlRedirectClientError(
            location, "Server attempted redirecting to a location that does not look like a URL"
        ) from error
    scheme = target.scheme
    if scheme not in ("http", "https", ""):
        raise NonHttpUrlRedirectClientError(location)
    rest = location.strip()[len(scheme) + 1 :]
    if not scheme or (scheme == url.scheme and not rest.startswith("//")):
        # `http:/path` and `http:path` are references to where we are, as browsers take them.
        return url.join(target)
    return target
