"""`ClientRequest`: one request, as it is about to be sent.

Middlewares see it and may change it: its headers, its body, its URL.
"""

from __future__ import annotations

import asyncio
import re
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from aioxide import _aioxide
from aioxide.http._errors import (
    ClientConnectionError,
    ClientConnectionResetError,
    ClientOSError,
)
from aioxide.http._header_names import CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING
from aioxide.http._payload import BytesPayload, JsonBytesPayload, JsonPayload, StringPayload
from aioxide.http._request_content import SOCKS, RequestContent
from aioxide.http._response import ClientResponse
from aioxide.http._timer import TimerNoop
from aioxide.http._version import HttpVersion, HttpVersion10, HttpVersion11
from aioxide.http._writer import RequestWriter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yarl import URL

    from aioxide.http._auth import BasicAuth
    from aioxide.http._connection import Connection
    from aioxide.http._session import ClientSession
    from aioxide.http._tracing import Trace

NOT_IN_METHOD = re.compile(r"[\x00-\x20\x7f-\x9f()<>@,;:\[\]={} \t\"\\\\/?]")
#: Payloads whose whole value lies in memory.
WHOLE_PAYLOADS = frozenset({BytesPayload, JsonBytesPayload, JsonPayload, StringPayload})
#: How responses are read that nobody says more of.
DEFAULT_SETTINGS = _aioxide.ResponseSettings()
#: A body up to this many bytes goes out with its head.
TOGETHER = 2**20


class ClientRequest(RequestContent):
    """A request to be sent over one connection."""

    response: ClientResponse | None = None
    _writer_task: asyncio.Task[None] | None = None
    _upload_tracker: Any = None
    _upload_attempt = 0
    _read_timeout: float | None = None
    _settings: _aioxide.ResponseSettings = DEFAULT_SETTINGS

    def __init__(
        self,
        method: str,
        url: URL,
        *,
        params: Any = None,
        headers: Any = None,
        skip_auto_headers: Iterable[str] | None = None,
        data: Any = None,
        cookies: Any = None,
        auth: BasicAuth | None = None,
        version: HttpVersion | str = HttpVersion11,
        compress: str | bool | None = None,
        chunked: bool | None = None,
        expect100: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
        response_class: type[ClientResponse] | None = None,
        proxy: URL | None = None,
        proxy_auth: BasicAuth | None = None,
        timer: Any = None,
        session: ClientSession | None = None,
        ssl: Any = True,
        proxy_headers: Any = None,
        traces: list[Trace] | None = None,
        trust_env: bool = False,
        server_hostname: str | None = None,
    ) -> None:
        if match := NOT_IN_METHOD.search(method):
            raise ValueError(
                f"Method cannot contain non-token characters {method!r} "
                f"(found at least {match.group()!r})"
            )
        if params:
            url = url.extend_query(params)
        self.original_url = url
        self.url = url.with_fragment(None) if url.raw_fragment else url
        self.method = method.upper()
        self.chunked = chunked
        self.compress = compress
        self.loop = loop or asyncio.get_running_loop()
        self.length: int | None = None
        self.session = session
        self._session = session
        self.response_class = response_class or ClientResponse
        self.server_hostname = server_hostname
        self._timer = TimerNoop() if timer is None else timer
        self._ssl = True if ssl is None else ssl
        self._traces = traces or []
        self.update_version(version)
        self.update_host(self.url)
        self.update_headers(headers)
        self.update_auto_headers(skip_auto_headers)
        if cookies:
            self.update_cookies(cookies)
        if data is not None or compress is not None:
            self.update_content_encoding(data)
        self.update_auth(auth)
        self.update_proxy(proxy, proxy_auth, proxy_headers)
        self.update_body_from_data(data)
        if data is not None or self.method not in self.GET_METHODS:
            self.update_transfer_encoding()
        self.update_expect_continue(expect100)

    def _target(self) -> str:
        url = self.url
        if self.method == "CONNECT":
            return f"{url.host_subcomponent}:{url.port}"
        if self.proxy is not None and not self.is_ssl() and self.proxy.scheme not in SOCKS:
            return str(url)
        return url.raw_path_qs

    def _complete_headers(self, force_close: bool) -> None:
        headers = self.headers
        if CONTENT_LENGTH in headers:
            # Two readers could take the request's end for two places.
            if TRANSFER_ENCODING in headers:
                raise ValueError("Content-Length and Transfer-Encoding exclude each other")
            if len(headers.getall(CONTENT_LENGTH)) > 1:
                raise ValueError("Content-Length is given more than once")
        if (
            self.method in self.POST_METHODS
            and CONTENT_TYPE not in headers
            and (self._skip_auto_headers is None or "content-type" not in self._skip_auto_headers)
        ):
            headers[CONTENT_TYPE] = "application/octet-stream"
        if CONNECTION not in headers:
            if force_close:
                if self.version == HttpVersion11:
                    headers[CONNECTION] = "close"
            elif self.version == HttpVersion10:
                headers[CONNECTION] = "keep-alive"

    def _request_body(self) -> _aioxide.RequestBody:
        """The framing that the headers announce."""
        if self.chunked or "chunked" in self.headers.get(TRANSFER_ENCODING, "").lower():
            return _aioxide.RequestBody.chunked()
        if self._body is None:
            return _aioxide.RequestBody.empty()
        length = self._content_length()
        if length is not None:
            return _aioxide.RequestBody.length(length)
        return _aioxide.RequestBody.chunked()

    def _content_length(self) -> int | None:
        text = self.headers.get(CONTENT_LENGTH)
        if text is None:
            return None
        try:
            return int(text)
        except ValueError:
            raise ValueError(f"Invalid Content-Length header: {text}") from None

    async def send(self, conn: Connection) -> ClientResponse:
        """Send the request over a connection, and make the response that awaits its head.

        A body that is not sent at once goes on in a task. Raises ClientConnectionResetError when
        the connection has ended, ValueError for headers that cannot be sent.
        """
        protocol = conn.protocol
        assert protocol is not None
        self._complete_headers(conn._connector.force_close)
        head = _aioxide.encode_request_head(
            self.method, self._target(), self.headers, self.version.minor
        )
        traces = self._traces
        for trace in traces:
            await trace.send_request_headers(self.method, self.url, self.headers)
        body = self._body
        pieces = [head]
        whole = body is None and not self._expects
        first: bytes | None = None
        if whole and "chunked" in self.headers.get(TRANSFER_ENCODING, "").lower():
            # An end is announced, and waited for.
            pieces.append(_aioxide.RequestBody.chunked().finish())
        if body is not None and not self._expects and not traces and not self.compress:
            # Bytes that are there go out with the head, in one system call.
            value = body._value if type(body) in WHOLE_PAYLOADS else None
            if value is not None and len(value) > TOGETHER:
                if type(self).write_bytes is WRITE_BYTES:
                    # The writer sends both, and waits for room.
                    first = head
                    pieces = []
            elif value is not None and self._upload_tracker is None:
                length = self._content_length()
                if length is not None and length < len(value):
                    # What is announced is what is sent, as with aiohttp.
                    value = memoryview(value)[:length]
                framing = self._request_body()
                pieces += framing.frame(value) if value else []
                end = framing.finish()
                if end:
                    pieces.append(end)
                whole = True
        exchange = protocol.begin(self.method, pieces, self._settings)
        task: asyncio.Task[None] | None = None
        writer: RequestWriter | None = None
        if whole:
            if self._read_timeout:
                exchange.set_read_timeout(self._read_timeout)
            if self._upload_tracker is not None:
                self._upload_tracker._attempt_finished(self._upload_attempt)
        else:
            writer = RequestWriter(
                protocol,
                self._request_body(),
                self._on_chunk_sent if traces else None,
                self.compress or None,
                first,
            )
            coroutine = self._write(writer, conn, exchange)
            if sys.version_info >= (3, 12):
                task = asyncio.Task(coroutine, loop=self.loop, eager_start=True)
            else:
                task = asyncio.create_task(coroutine)
            if task.done():
                task = None
            self._writer_task = task
        self.response = self.response_class(
            self.method,
            self.original_url,
            writer=task,
            continue100=None,
            timer=self._timer,
            request_info=self.request_info,
            traces=traces,
            loop=self.loop,
            session=self._session,
            stream_writer=writer,
        )
        self.response._exchange = exchange
        return self.response

    async def _write(self, writer: RequestWriter, conn: Connection, exchange: Any) -> None:
        """Send the body. What fails ends the exchange, and whoever awaits the response sees it."""
        tracker, attempt = self._upload_tracker, self._upload_attempt
        if tracker is not None:
            writer.on_body_write = partial(tracker._add, attempt)
            tracker._attempt_writing(attempt, writer)
        failure: BaseException | None = None
        try:
            if self._expects:
                waiter = exchange.continue_waiter()
                if waiter is not None:
                    await waiter
                if not exchange.went_on:
                    # The server has answered without wanting the body; it may still wait for it.
                    conn.protocol.force_close()
                    return
            try:
                await self.write_bytes(writer, conn, self._content_length())
            except OSError as error:
                failure = error
                if error.errno is not None or not isinstance(error, asyncio.TimeoutError):
                    text = f"Can not write request body for {self.url!s}"
                    failure = ClientOSError(error.errno, text)
                    failure.__cause__ = error
                exchange.abandon(failure)
            except Exception as error:  # noqa: BLE001 - whatever a payload raises
                failure = ClientConnectionError(
                    f"Failed to send bytes into the underlying connection {conn!s}: {error!r}"
                )
                failure.__cause__ = error
                exchange.abandon(failure)
            else:
                await writer.write_eof()
                if tracker is not None:
                    tracker._attempt_finished(attempt)
                if self._read_timeout:
                    exchange.set_read_timeout(self._read_timeout)
        except BaseException as error:
            if isinstance(error, ClientConnectionResetError) and exchange.ended:
                # The server has answered, and closed the connection, without waiting for the rest.
                return
            if not isinstance(error, asyncio.CancelledError):
                failure = error
            conn.close()
            raise
        finally:
            if tracker is not None:
                tracker._attempt_failed(attempt, failure)

    async def write_bytes(
        self, writer: RequestWriter, conn: Connection, content_length: int | None = None
    ) -> None:
        """Write the body to a writer. Subclasses may send something else."""
        if self._body is not None:
            await self._body.write_with_length(writer, content_length)

    async def close(self) -> None:
        """Wait until the body is sent, or sending it has failed."""
        task = self._writer_task
        if task is None:
            return
        try:
            await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise

    def terminate(self) -> None:
        """Send no more of the body."""
        task, self._writer_task = self._writer_task, None
        if task is not None and not self.loop.is_closed():
            task.cancel()

    async def _on_chunk_sent(self, chunk: bytes) -> None:
        for trace in self._traces:
            await trace.send_request_chunk_sent(self.method, self.url, chunk)


WRITE_BYTES = ClientRequest.write_bytes
