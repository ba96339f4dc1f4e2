"""`ClientWebSocketResponse`: a WebSocket, from the side of the client."""

from __future__ import annotations

import asyncio
import json as jsonlib
from typing import TYPE_CHECKING, Any, Self

from aioxide.http._errors import (
    ClientConnectionResetError,
    ClientError,
    ServerTimeoutError,
    WebSocketError,
    WSMessageTypeError,
)
from aioxide.http._timeout import ClientWSTimeout, calculate_timeout_when
from aioxide.http._websocket_message import (
    CLOSED_MESSAGE,
    TYPES,
    WSCloseCode,
    WSMessage,
    WSMsgType,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from aioxide import _aioxide
    from aioxide.http._response import ClientResponse

_TEXT, _BINARY = WSMsgType.TEXT, WSMsgType.BINARY
_CLOSE, _PING, _PONG = WSMsgType.CLOSE, WSMsgType.PING, WSMsgType.PONG
_CLOSING, _CLOSED, _ERROR = WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR
_make = tuple.__new__


class TakenError(Exception):
    """Another task has taken what this one was woken for: the WebSocket is being closed."""


class WebSocketWriter:
    """What a WebSocket sends by; packages reach for it, and tests replace its methods, or set
    `_closing` to have what is sent refused."""

    _closing = False

    def __init__(self, websocket: _aioxide.WebSocket, connection: _aioxide.HttpConnection) -> None:
        self._websocket = websocket
        self._connection = connection

    @property
    def transport(self) -> Any:
        """The connection's transport, None when it is lost."""
        return self._connection.transport

    async def send_frame(self, message: Any, opcode: Any, compress: int | None = None) -> None:
        """Send a frame with a message of its own; waits while the connection has much to send."""
        if self._closing:
            raise ClientConnectionResetError("Cannot write to closing transport")
        self._websocket.send(opcode, message, compress or 0)
        waiter = self._connection.drain_waiter()
        if waiter is not None:
            await waiter

    async def close(self, code: int = 1000, message: bytes | str = b"") -> None:
        """Send a Close."""
        if isinstance(message, str):
            message = message.encode("utf-8")
        self._websocket.send_close(code, message)
        waiter = self._connection.drain_waiter()
        if waiter is not None:
            await waiter


class ClientWebSocketResponse:
    """A WebSocket. Receive by `async for`, or by receive() and its kin, in one task at a time.

    Made by ClientSession.ws_connect(). At the end, close it, best by `async with`.
    """

    def __init__(
        self,
        reader: _aioxide.WebSocket,
        writer: Any,
        protocol: str | None,
        response: ClientResponse,
        timeout: ClientWSTimeout,
        autoclose: bool,
        autoping: bool,
        loop: asyncio.AbstractEventLoop,
        *,
        heartbeat: float | None = None,
        compress: int = 0,
        client_notakeover: bool = False,
    ) -> None:
        self._response = response
        self._conn = response.connection
        self._writer = writer
        self._reader = reader
        self._protocol = protocol
        self._timeout = timeout
        self._autoclose = autoclose
        self._autoping = autoping
        self._loop = loop
        self._compress = compress
        self._client_notakeover = client_notakeover
        self._closed = False
        self._closing = False
        self._close_code: int | None = None
        self._exception: BaseException | None = None
        self._waiting = False
        self._close_wait: asyncio.Future[None] | None = None
        self._heartbeat = heartbeat
        self._pong_heartbeat = heartbeat / 2.0 if heartbeat is not None else 0.0
        self._heartbeat_cb: asyncio.TimerHandle | None = None
        self._heartbeat_when = 0.0
        self._pong_response_cb: asyncio.TimerHandle | None = None
        self._ping_task: asyncio.Task[None] | None = None
        if heartbeat is not None:
            reader.on_data(self._reset_heartbeat)
            self._reset_heartbeat()

    # Whether the peer is there.

    def _ceil_threshold(self) -> float:
        connection = self._conn
        return 5 if connection is None else connection._connector._timeout_ceil_threshold

    def _reset_heartbeat(self) -> None:
        """Something has come: the peer is there, and the next ping is due later."""
        if self._heartbeat is None or self._closed or self._closing:
            return
        self._cancel_pong_response_cb()
        threshold = self._ceil_threshold()
        when = calculate_timeout_when(self._loop.time(), self._heartbeat, threshold)
        self._heartbeat_when = when
        if self._heartbeat_cb is None:
            # A timer that comes early sets itself again.
            self._heartbeat_cb = self._loop.call_at(when, self._send_heartbeat)

    def _send_heartbeat(self) -> None:
        self._heartbeat_cb = None
        now = self._loop.time()
        if now < self._heartbeat_when:
            self._heartbeat_cb = self._loop.call_at(self._heartbeat_when, self._send_heartbeat)
            return
        when = calculate_timeout_when(now, self._pong_heartbeat, self._ceil_threshold())
        self._cancel_pong_response_cb()
        self._pong_response_cb = self._loop.call_at(when, self._pong_not_received)
        self._ping_task = self._loop.create_task(self._writer.send_frame(b"", _PING))
        self._ping_task.add_done_callback(self._pinged)

    def _pinged(self, task: asyncio.Task[None]) -> None:
        self._ping_task = None
        if not task.cancelled() and (error := task.exception()):
            self._fail(error)

    def _pong_not_received(self) -> None:
        text = f"No PONG received after {self._pong_heartbeat} seconds"
        self._fail(ServerTimeoutError(text))

    def _fail(self, error: BaseException) -> None:
        if self._closed:
            return
        self._set_closed()
        self._close_code = WSCloseCode.ABNORMAL_CLOSURE
        self._exception = error
        self._response.close()
        if self._waiting and not self._closing:
            self._reader.feed_message((_ERROR, error, None))

    def _cancel_pong_response_cb(self) -> None:
        if self._pong_response_cb is not None:
            self._pong_response_cb.cancel()
            self._pong_response_cb = None

    def _cancel_heartbeat(self) -> None:
        self._cancel_pong_response_cb()
        if self._heartbeat_cb is not None:
            self._heartbeat_cb.cancel()
            self._heartbeat_cb = None
        if self._ping_task is not None:
            self._ping_task.cancel()
            self._ping_task = None

    def _set_closed(self) -> None:
        self._closed = True
        self._cancel_heartbeat()

    def _set_closing(self) -> None:
        self._closing = True
        self._cancel_heartbeat()

    # What is known.

    @property
    def closed(self) -> bool:
        """Whether close() was called, or the WebSocket has ended."""
        return self._closed

    @property
    def close_code(self) -> int | None:
        """The code that it was closed with, None while it is open."""
        return self._close_code

    @property
    def protocol(self) -> str | None:
        """The subprotocol that was agreed."""
        return self._protocol

    @property
    def compress(self) -> int:
        """The bits of the window that messages are compressed with, 0 for none."""
        return self._compress

    @property
    def client_notakeover(self) -> bool:
        """Whether each message is compressed by itself."""
        return self._client_notakeover

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport says of itself, see asyncio.BaseTransport."""
        connection = self._response.connection
        transport = None if connection is None else connection.transport
        return default if transport is None else transport.get_extra_info(name, default)

    def exception(self) -> BaseException | None:
        """What the WebSocket failed with, or None."""
        return self._exception

    # Sending.

    async def send_frame(self, message: Any, opcode: Any, compress: int | None = None) -> None:
        """Send a frame with a message of its own, compressed with `compress` bits if given.

        Waits while the connection has much to send. Raises ClientConnectionResetError when it is
        closing.
        """
        await self._writer.send_frame(message, opcode, compress)

    async def ping(self, message: bytes = b"") -> None:
        """Send a ping."""
        await self._writer.send_frame(message, _PING)

    async def pong(self, message: bytes = b"") -> None:
        """Send a pong, asked or not."""
        await self._writer.send_frame(message, _PONG)

    async def send_str(self, data: str, compress: int | None = None) -> None:
        """Send a text message."""
        if not isinstance(data, str):
            raise TypeError(f"data argument must be str ({type(data)!r})")
        await self._writer.send_frame(data.encode("utf-8"), _TEXT, compress)

    async def send_bytes(self, data: Any, compress: int | None = None) -> None:
        """Send a binary message."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data argument must be byte-ish ({type(data)!r})")
        await self._writer.send_frame(data, _BINARY, compress)

    async def send_json(
        self,
        data: Any,
        compress: int | None = None,
        *,
        dumps: Callable[[Any], str] = jsonlib.dumps,
    ) -> None:
        """Send JSON as a text message."""
        await self.send_str(dumps(data), compress)

    async def send_json_bytes(
        self, data: Any, compress: int | None = None, *, dumps: Callable[[Any], bytes]
    ) -> None:
        """Send JSON that comes as bytes as a binary message."""
        await self.send_bytes(dumps(data), compress)

    # Receiving.

    async def _next(self) -> Any:
        reader = self._reader
        parts = reader.read()
        if parts.__class__ is not tuple:
            try:
                await parts
            finally:
                reader.stop_waiting()
            parts = reader.read()
            if parts.__class__ is not tuple:
                reader.stop_waiting()
                raise TakenError
        kind, data, extra = parts
        return _make(WSMessage, (TYPES[kind], data, extra))

    async def receive(self, timeout: float | None = None) -> Any:
        """The next message.

        Pings are answered and pongs dropped while autoping is on; a close is answered while
        autoclose is. After the end it is a message of the type CLOSED; what is wrong with the
        connection is one of the type ERROR. Raises TimeoutError after `timeout` seconds,
        RuntimeError when another task receives.
        """
        limit = timeout or self._timeout.ws_receive
        while True:
            if self._waiting:
                raise RuntimeError("Concurrent call to receive() is not allowed")
            if self._closed:
                return CLOSED_MESSAGE
            if self._closing:
                await self.close()
                return CLOSED_MESSAGE
            try:
                self._waiting = True
                try:
                    if limit:
                        async with asyncio.timeout(limit):
                            message = await self._next()
                    else:
                        message = await self._next()
                finally:
                    self._waiting = False
                    if self._close_wait is not None and not self._close_wait.done():
                        self._close_wait.set_result(None)
            except (asyncio.CancelledError, TimeoutError):
                self._close_code = WSCloseCode.ABNORMAL_CLOSURE
                raise
            except TakenError:
                self._close_code = WSCloseCode.OK
                await self.close()
                return CLOSED_MESSAGE
            except ClientError:
                self._set_closed()
                self._close_code = WSCloseCode.ABNORMAL_CLOSURE
                # The connection is lost: nobody else would give its place back.
                self._response.close()
                return CLOSED_MESSAGE
            except WebSocketError as error:
                self._close_code = error.code
                await self.close(code=error.code)
                return WSMessage(_ERROR, error, None)
            except Exception as error:  # noqa: BLE001 - it is the message, as with aiohttp
                self._exception = error
                self._set_closing()
                self._close_code = WSCloseCode.ABNORMAL_CLOSURE
                await self.close()
                return WSMessage(_ERROR, error, None)
            kind = message[0]
            if kind is _TEXT or kind is _BINARY:
                return message
            if kind is _CLOSE:
                self._set_closing()
                self._close_code = message.data
                if not self.closed and self._autoclose:
                    await self.close()
            elif kind is _CLOSING:
                self._set_closing()
            elif kind is _PING and self._autoping:
                await self.pong(message.data)
                continue
            elif kind is _PONG and self._autoping:
                continue
            return message

    async def receive_str(self, *, timeout: float | None = None) -> Any:
        """The data of the next message, which must be text: else WSMessageTypeError."""
        message = await self.receive(timeout)
        if message.type is not _TEXT:
            text = f"Received message {message.type}:{message.data!r} is not WSMsgType.TEXT"
            raise WSMessageTypeError(text)
        return message.data

    async def receive_bytes(self, *, timeout: float | None = None) -> bytes:
        """The data of the next message, which must be binary: else WSMessageTypeError."""
        message = await self.receive(timeout)
        if message.type is not _BINARY:
            text = f"Received message {message.type}:{message.data!r} is not WSMsgType.BINARY"
            raise WSMessageTypeError(text)
        return message.data  # type: ignore[no-any-return]

    async def receive_json(
        self, *, loads: Callable[[Any], Any] = jsonlib.loads, timeout: float | None = None
    ) -> Any:
        """The next message, which must be text, taken as JSON."""
        return loads(await self.receive_str(timeout=timeout))

    def __aiter__(self) -> ClientWebSocketResponse:
        return self

    async def __anext__(self) -> Any:
        message = await self.receive()
        if message.type in (_CLOSE, _CLOSING, _CLOSED):
            raise StopAsyncIteration
        return message

    # The end.

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"") -> bool:
        """Close it, and wait for the peer's answer, for `timeout.ws_close` seconds at most.

        Returns False when it was closed before. A receive() in another task returns a message of
        the type CLOSING.
        """
        if self._waiting and not self._closing:
            self._close_wait = self._loop.create_future()
            self._set_closing()
            self._reader.feed_message((_CLOSING, None, None))
            await self._close_wait
        if self._closed:
            return False
        self._set_closed()
        try:
            await self._writer.close(code, message)
            if self._close_code:
                self._response.close()
                return True
            async with asyncio.timeout(self._timeout.ws_close):
                while (found := await self._next()).type is not _CLOSE:
                    pass
        except asyncio.CancelledError:
            self._close_code = WSCloseCode.ABNORMAL_CLOSURE
            self._response.close()
            raise
        except Exception as error:  # noqa: BLE001 - kept for exception(), as with aiohttp
            self._close_code = WSCloseCode.ABNORMAL_CLOSURE
            self._exception = error
            self._response.close()
            return True
        self._close_code = found.data
        self._response.close()
        return True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()
