"""`ClientResponse`: what a server answered.

The head lies in the native exchange and becomes Python objects when somebody asks for them; the
body lies there, too, until somebody asks for `content`.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json as jsonlib
import re
import sys
import traceback
import warnings
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from aioxide.diagnostics.sites import made_at
from aioxide.http._content_type import mime_type_of
from aioxide.http._errors import (
    ClientConnectionError,
    ClientError,
    ClientPayloadError,
    ClientResponseError,
    ContentTypeError,
    HttpProcessingError,
    RequestInfo,
)
from aioxide.http._response_head import ResponseHead
from aioxide.http._streams import EMPTY_PAYLOAD, StreamReader
from aioxide.http._version import HttpVersion10, HttpVersion11

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, TracebackType

    from yarl import URL

    from aioxide.http._connection import Connection
    from aioxide.http._dialled import Dialled
    from aioxide.http._session import ClientSession
    from aioxide.http._tracing import Trace

JSON_TYPE = re.compile(r"^application/(?:[\w.+-]+?\+)?json$", re.IGNORECASE)

#: Without a body, whatever the headers say; as is any response to HEAD.
BODILESS = frozenset({204, 304, *range(100, 200)})


def _closed() -> ClientConnectionError:
    # One for each: an exception keeps the frames that it was raised in.
    return ClientConnectionError("Connection closed")


def _ended(weak: weakref.ref[ClientResponse]) -> None:
    response = weak()
    if response is not None:
        response._response_eof()


class _Noop:
    """What release() returns: awaiting it does nothing."""

    def __await__(self) -> Any:
        return iter(())


class ClientResponse(ResponseHead):
    """A response whose head has come. Use it in `async with`, or read it to its end.

    Its connection goes back to the pool by itself when the body has been received whole; before
    that, `release()` gives the response up.
    """

    #: The connection that it waits for.
    _dialled: Dialled | None = None
    _began_at: float | None = None
    _failure: ClientPayloadError | None = None
    _body: bytes | None = None
    _content: Any = None
    _connection: Connection | None = None
    _source_traceback: traceback.StackSummary | None = None
    _made_at: tuple[CodeType, int] | None = None
    _error_body: bytes | None = None
    _closed = True
    _released = False
    _in_context = False
    _writer: asyncio.Task[None] | None = None
    _session: ClientSession | None = None
    _sent_by: Any = None
    _upload_complete: asyncio.Future[None] | None = None

    def __init__(
        self,
        method: str,
        url: URL,
        *,
        writer: asyncio.Task[None] | None,
        continue100: Any,
        timer: Any,
        request_info: RequestInfo,
        traces: list[Trace],
        loop: asyncio.AbstractEventLoop,
        session: ClientSession | None,
        stream_writer: Any = None,
    ) -> None:
        self.method = method
        self._real_url = url
        self._url = url.with_fragment(None) if url.raw_fragment else url
        self._request_info = request_info
        self._timer = timer
        self._traces = traces
        self._loop = loop
        if writer is not None:
            self._writer = writer
            writer.add_done_callback(self._forget_writer)
        self._stream_writer = self._sent_by = stream_writer
        if session is not None:
            self._session = session
            self._resolve_charset = session._resolve_charset
        if loop.get_debug():
            self._source_traceback = traceback.extract_stack(sys._getframe(1))

    def _forget_writer(self, _task: object = None) -> None:
        self._writer = None
        if self._upload_complete is not None and not self._upload_complete.done():
            self._upload_complete.set_result(None)

    @property
    def connection(self) -> Connection | None:
        """The connection, None when it was given back."""
        return self._connection

    @property
    def closed(self) -> bool:
        """Whether the response was received whole, released or closed."""
        return self._closed

    def __repr__(self) -> str:
        reason = (self.reason or "None").encode("ascii", "backslashreplace").decode("ascii")
        return f"<ClientResponse({self._url}) [{self.status} {reason}]>\n{self.headers}\n"

    # Its way.

    async def start(self, connection: Connection) -> ClientResponse:
        """Await the head."""
        self._closed = False
        self._connection = connection
        self._protocol = connection.protocol
        exchange = self._exchange
        try:
            with self._timer:
                waiter = exchange.head_waiter()
                if waiter is not None:
                    await waiter
                    exchange.head_waiter()
        except HttpProcessingError as error:
            raise self._refused(error) from error
        self._take_head()
        return self

    def _refused(self, error: HttpProcessingError) -> ClientResponseError:
        """What came is no response of HTTP."""
        return ClientResponseError(
            self.request_info,
            self.history,
            status=error.code,
            message=error.message,
            headers=error.headers,
        )

    def _take_head(self) -> None:
        """The head has come."""
        exchange = self._exchange
        if exchange.ended:
            ended = self._response_eof
        else:
            # Weakly: a response that the program forgets gives its connection up.
            ended = partial(_ended, weakref.ref(self))
        status, reason, minor, cookies = exchange.start(ended)
        self.status = status
        self.reason = reason
        self.version = HttpVersion11 if minor else HttpVersion10
        if cookies is not None:
            self._raw_cookie_headers = tuple(cookies)

    def _response_eof(self) -> None:
        """The body has come whole, or will come no more."""
        if self._closed or self._exchange.upgraded:
            return
        self._closed = True
        self._cleanup_writer()
        self._release_connection()

    def _cleanup_writer(self) -> None:
        if self._writer is not None:
            self._writer.cancel()
        self._stream_writer = None
        self._session = None

    def _release_connection(self) -> None:
        connection = self._connection
        if connection is None:
            return
        if self._writer is None:
            self._connection = None
            connection.release()
        else:
            self._writer.add_done_callback(lambda _task: self._release_connection())

    def _notify_content(self) -> None:
        content = self._content
        if content is not None and content.exception() is None:
            content.set_exception(_closed())
        self._released = True

    def close(self) -> None:
        """Give the response up, and close its connection."""
        if not self._released:
            self._notify_content()
        self._closed = True
        # A program's stand-in for a response may have none.
        loop: asyncio.AbstractEventLoop | None = self._loop
        if loop is not None and loop.is_closed():
            return
        self._cleanup_writer()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def release(self) -> Any:
        """Give the response up. Its connection is used again if the response was at its end."""
        if not self._released:
            self._notify_content()
        self._closed = True
        self._cleanup_writer()
        self._release_connection()
        return _Noop()

    async def wait_for_close(self) -> None:
        """Wait until the request is sent, then release the response."""
        await self._wait_for_writer()
        self.release()

    async def _wait_for_writer(self) -> None:
        if self._writer is None:
            return
        try:
            await self._writer
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise

    def raise_for_status(self) -> None:
        """Raise ClientResponseError if the status is 400 or more.

        The exception has the body as `body`, where all of it has come or was read, or the part of
        it that max_error_body asks for; else None.
        """
        if self.ok:
            return
        error = ClientResponseError(
            self.request_info,
            self.history,
            status=self.status,
            message=self.reason or "",
            headers=self.headers,
        )
        error.body = self._known_body()
        if not self._in_context:
            self.release()
        raise error

    def _known_body(self) -> bytes | None:
        """The body, as far as an exception can tell it without waiting."""
        if self._body is not None or self._error_body is not None:
            return self._error_body if self._body is None else self._body
        if self._exchange is None or self._content is not None or self._released:
            return None
        return self._exchange.peek()  # type: ignore[no-any-return]

    async def _keep_error_body(self, most: int) -> None:
        """Await up to `most` bytes of the body, and leave them to who reads it. What ends the body
        before its end leaves what has come."""
        if self._exchange is None or self._exchange.peek() is not None:
            return
        content = self.content
        pieces: list[bytes] = []
        left = most
        try:
            while left > 0 and (piece := await content.read(left)):
                pieces.append(piece)
                left -= len(piece)
        except ClientError:
            # The status says more, and the program reads the failure if it reads the body.
            pass
        self._error_body = b"".join(pieces)
        content._unread(self._error_body)

    def __del__(self) -> None:
        if self._closed:
            return
        connection = self._connection
        if connection is None:
            return
        connection.release()
        self._cleanup_writer()
        debug = self._loop.get_debug()
        # The response of a WebSocket is the WebSocket's.
        if debug or not (self._exchange is not None and self._exchange.upgraded):
            warnings.warn(
                f"Unclosed response {self!r}{made_at(self._made_at)}",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )
        if debug:
            context: dict[str, Any] = {"client_response": self, "message": "Unclosed response"}
            if self._source_traceback:
                context["source_traceback"] = self._source_traceback
            self._loop.call_exception_handler(context)

    @property
    def output_size(self) -> int:
        """How many bytes of the body were sent. UploadTracker tells more."""
        self._warn_of_upload("output_size")
        writer = self._sent_by
        return 0 if writer is None else writer.output_size

    @property
    def upload_complete(self) -> asyncio.Future[None]:
        """A future that is done when the body was sent. UploadTracker tells more."""
        self._warn_of_upload("upload_complete")
        if self._upload_complete is None:
            self._upload_complete = self._loop.create_future()
            if self._writer is None:
                self._upload_complete.set_result(None)
        return self._upload_complete

    @staticmethod
    def _warn_of_upload(name: str) -> None:
        warnings.warn(
            f"ClientResponse.{name} is deprecated, use aiohttp.UploadTracker instead",
            DeprecationWarning,
            stacklevel=3,
        )

    # The body.

    @property
    def content(self) -> StreamReader:
        """The body as a stream."""
        content = self._content
        if content is None and self._exchange is not None:
            if self._bodiless:
                # It stays readable after release(), as nothing is on its way.
                self._content = EMPTY_PAYLOAD
                return EMPTY_PAYLOAD
            limit = self._exchange.high // 2
            content = self._content = StreamReader(
                self._exchange, limit, timer=self._timer, loop=self._loop
            )
            if self._released:
                content.set_exception(_closed())
            else:
                # Whoever has the content needs the connection.
                content.on_eof(self._response_eof)
                self._exchange.attach(content)
        return content  # type: ignore[no-any-return]

    @content.setter
    def content(self, content: Any) -> None:
        self._content = content

    @property
    def _bodiless(self) -> bool:
        return self.status in BODILESS or self.method == "HEAD"

    async def read(self) -> bytes:
        """The whole body, decompressed. It is kept for the next time.

        Raises ClientPayloadError when it does not come whole, ClientConnectionError after
        release(), TimeoutError.
        """
        body = self._body
        if body is None:
            try:
                if self._failure is not None:
                    raise self._failure
                if self._released and not self._bodiless:
                    raise _closed()
                if self._content is None and self._exchange is not None:
                    body = self._exchange.read()
                    if type(body) is not bytes:
                        with self._timer:
                            await body
                        body = self._exchange.read()
                else:
                    body = await self._content.read()
                self._body = body
                for trace in self._traces:
                    await trace.send_response_chunk_received(self.method, self._url, body)
            except BaseException as error:
                if isinstance(error, ClientPayloadError):
                    self._failure = error
                self.close()
                raise
        elif self._released:
            raise ClientConnectionError("Connection closed")
        if self._writer is not None:
            await self._wait_for_writer()
            self._release_connection()
        return body

    def get_encoding(self) -> str:
        """The encoding of the text: what Content-Type names, UTF-8 for JSON, else the session's
        fallback, which may look at the body."""
        mime_type = mime_type_of(self.headers.get("Content-Type"))
        encoding = mime_type.parameters.get("charset")
        if encoding:
            with contextlib.suppress(LookupError, ValueError):
                return codecs.lookup(encoding).name
        if mime_type.type == "application" and mime_type.subtype in ("json", "rdap"):
            return "utf-8"
        if self._body is None:
            raise RuntimeError("Cannot compute fallback encoding of a not yet read body")
        return self._resolve_charset(self, self._body)

    async def text(self, encoding: str | None = None, errors: str = "strict") -> str:
        """The body as text, in the encoding that get_encoding() finds."""
        if self._body is None:
            await self.read()
        assert self._body is not None
        return self._body.decode(encoding or self.get_encoding(), errors)

    async def json(
        self,
        *,
        encoding: str | None = None,
        loads: Callable[[str], Any] = jsonlib.loads,
        content_type: str | None = "application/json",
    ) -> Any:
        """The body as JSON; None where it is empty.

        Raises ContentTypeError when the response is of another type, which None as content_type
        leaves unchecked.
        """
        if self._body is None:
            await self.read()
        if content_type:
            given = (self.headers.get("Content-Type") or "").lower()
            essence = given.partition(";")[0].strip()
            if content_type == "application/json":
                expected = JSON_TYPE.match(essence) is not None
            else:
                expected = content_type in given
            if not expected:
                raise ContentTypeError(
                    self.request_info,
                    self.history,
                    status=self.status,
                    message=f"Attempt to decode JSON with unexpected mimetype: {given}",
                    headers=self.headers,
                )
        assert self._body is not None
        stripped = self._body.strip()
        if not stripped:
            return None
        return loads(stripped.decode(encoding or self.get_encoding()))

    async def __aenter__(self) -> Self:
        self._in_context = True
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._in_context = False
        self.release()
        if self._writer is not None:
            await self.wait_for_close()
