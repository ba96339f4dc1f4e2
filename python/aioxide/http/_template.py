"""Heads of requests that are alike: put together once, by `ClientRequest`, with holes for the rest.

Two requests are alike if their method, their host, the names of their headers and the kind of their
body are the same, and if both or neither have cookies. What differs is the target, the values of
the headers, the cookies and the length of the body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict

from aioxide import _aioxide
from aioxide.http._header_names import CONTENT_LENGTH, COOKIE, TRANSFER_ENCODING
from aioxide.http._payload import BytesPayload, JsonBytesPayload, JsonPayload, StringPayload
from aioxide.http._request import ClientRequest
from aioxide.http._response import ClientResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from yarl import URL

    from aioxide.http._payload import Payload
    from aioxide.http._session import ClientSession

#: What stands for a value while a head is put together. No header can have it.
HOLE = "\0{}"
COOKIES = HOLE.format("cookies")
#: Headers whose values decide how a request is sent.
DECIDING = frozenset({"content-length", "expect", "transfer-encoding"})

#: An empty body of each kind. Its length apart, the head is that of any other.
BODIES: dict[type[Payload], Callable[[], Any]] = {
    BytesPayload: bytes,
    StringPayload: str,
    JsonPayload: lambda: JsonPayload(None, dumps=lambda _: ""),
    JsonBytesPayload: lambda: JsonBytesPayload(None, dumps=lambda _: b""),
}


class Template:
    """What requests that are alike have in common."""

    __slots__ = ("_headers", "_holes", "method", "native")

    def __init__(self, request: ClientRequest, holes: dict[str, int | None]) -> None:
        self.method = request.method
        self._headers = request.headers
        self._holes = holes
        if not all(isinstance(value, str) for value in request.headers.values()):
            raise TypeError("the value of a header is not a str")
        self.native = _aioxide.HeadTemplate(
            request.method,
            [(str(name), holes.get(value, value)) for name, value in request.headers.items()],
            request.version.minor,
        )

    @classmethod
    def of(
        cls,
        session: ClientSession,
        method: str,
        url: URL,
        kind: type[Payload] | None,
        names: tuple[str, ...],
        with_cookies: bool,
    ) -> Template | None:
        """The template of a session's requests; None for those that need more than a head that is
        filled in. Raises what ClientRequest raises."""
        if not DECIDING.isdisjoint(name.lower() for name in names):
            return None
        holes: dict[str, int | None] = {HOLE.format(at): at for at in range(len(names))}
        headers = session._prepare_headers(dict(zip(names, holes, strict=True)))
        if with_cookies:
            # The jar's come behind the values of the headers.
            holes[COOKIES] = len(names)
            if COOKIE in headers:
                return None
        if kind is not None and CONTENT_LENGTH in headers:
            return None
        request = ClientRequest(
            method,
            url,
            headers=headers,
            skip_auto_headers=session._skip_auto_headers or None,
            data=None if kind is None else BODIES[kind](),
            cookies=COOKIES if with_cookies else None,
            version=session._version,
            loop=session._loop,
            response_class=ClientResponse,
            session=session,
        )
        assert session._connector is not None
        request._complete_headers(session._connector.force_close)
        if request._expects or request.method == "CONNECT" or TRANSFER_ENCODING in request.headers:
            return None
        if kind is not None:
            length = HOLE.format("length")
            holes[length] = None
            request.headers[CONTENT_LENGTH] = length
        return cls(request, holes)

    def headers(self, values: tuple[str, ...], length: int) -> CIMultiDict[str]:
        """The headers of one request, with the values that its head was filled in with."""
        filled: CIMultiDict[str] = CIMultiDict()
        for name, value in self._headers.items():
            if value in self._holes:
                at = self._holes[value]
                filled.add(name, str(length) if at is None else values[at])
            else:
                filled.add(name, value)
        return filled
