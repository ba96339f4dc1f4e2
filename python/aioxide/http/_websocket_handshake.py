"""Opening a WebSocket: `ClientSession.ws_connect()`."""

from __future__ import annotations

import os
import re
import warnings
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict

from aioxide import _aioxide
from aioxide.http import _ssl
from aioxide.http._connector import sentinel
from aioxide.http._errors import WSServerHandshakeError
from aioxide.http._timeout import DEFAULT_WS_CLIENT_TIMEOUT, ClientWSTimeout
from aioxide.http._websocket import WebSocketWriter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yarl import URL

    from aioxide.http._auth import BasicAuth
    from aioxide.http._response import ClientResponse
    from aioxide.http._session import ClientSession
    from aioxide.http._websocket import ClientWebSocketResponse

EXTENSIONS = "Sec-WebSocket-Extensions"
#: What may wait to be received, in bytes, before the peer is slowed down.
HIGH = 2 * 2**16


def _timeouts(timeout: Any, receive_timeout: float | None) -> ClientWSTimeout:
    result = DEFAULT_WS_CLIENT_TIMEOUT
    if timeout is not sentinel:
        if isinstance(timeout, (int, float)) or timeout is None:
            warnings.warn(
                "parameter 'timeout' of type 'float' is deprecated, please use "
                "'timeout=ClientWSTimeout(ws_close=...)'",
                DeprecationWarning,
                stacklevel=4,
            )
            result = ClientWSTimeout(ws_close=timeout)
        else:
            result = timeout
    if receive_timeout is not None:
        warnings.warn(
            "float parameter 'receive_timeout' is deprecated, please use parameter "
            "'timeout=ClientWSTimeout(ws_receive=...)'",
            DeprecationWarning,
            stacklevel=4,
        )
        result = ClientWSTimeout(ws_receive=receive_timeout, ws_close=result.ws_close)
    return result


async def connect_websocket(
    session: ClientSession,
    url: str | URL,
    *,
    method: str = "GET",
    protocols: Iterable[str] = (),
    timeout: Any = sentinel,
    receive_timeout: float | None = None,
    autoclose: bool = True,
    autoping: bool = True,
    heartbeat: float | None = None,
    auth: BasicAuth | None = None,
    origin: str | None = None,
    params: Any = None,
    headers: Any = None,
    proxy: str | URL | None = None,
    proxy_auth: BasicAuth | None = None,
    ssl: Any = True,
    verify_ssl: bool | None = None,
    fingerprint: bytes | None = None,
    ssl_context: Any = None,
    server_hostname: str | None = None,
    proxy_headers: Any = None,
    compress: int = 0,
    max_msg_size: int = 4 * 1024 * 1024,
    decode_text: bool = True,
) -> ClientWebSocketResponse:
    """Ask for a WebSocket, and check the answer. Raises WSServerHandshakeError if it is none."""
    limits = _timeouts(timeout, receive_timeout)
    protocols = tuple(protocols)
    offer = _aioxide.WebSocketOffer(os.urandom(16), compress)
    asked: CIMultiDict[str] = CIMultiDict(headers or {})
    asked.setdefault("Upgrade", "websocket")
    asked.setdefault("Connection", "Upgrade")
    asked.setdefault("Sec-WebSocket-Version", "13")
    asked["Sec-WebSocket-Key"] = offer.key
    if protocols:
        asked["Sec-WebSocket-Protocol"] = ",".join(protocols)
    if origin is not None:
        asked["Origin"] = origin
    if offer.extensions is not None:
        asked[EXTENSIONS] = offer.extensions
    if ssl is None:
        warnings.warn(
            "ssl=None is deprecated, please use ssl=True", DeprecationWarning, stacklevel=3
        )
    response = await session.request(
        method,
        url,
        params=params,
        headers=asked,
        read_until_eof=False,
        auth=auth,
        proxy=proxy,
        proxy_auth=proxy_auth,
        ssl=_ssl.merged(ssl, verify_ssl, ssl_context, fingerprint),
        server_hostname=server_hostname,
        proxy_headers=proxy_headers,
    )
    try:
        return _opened(
            session,
            response,
            offer,
            protocols,
            limits,
            autoclose=autoclose,
            autoping=autoping,
            heartbeat=heartbeat,
            max_msg_size=max_msg_size,
            decode_text=decode_text,
        )
    except BaseException:
        response.close()
        raise


def _window_of(response: ClientResponse) -> int:
    """The bits of the client's window, as far as the server limits them."""
    found = re.search(
        r"client_max_window_bits\s*=\s*\"?(\d+)", response.headers.get(EXTENSIONS, "")
    )
    return 15 if found is None else int(found[1])


def _opened(
    session: ClientSession,
    response: ClientResponse,
    offer: _aioxide.WebSocketOffer,
    protocols: tuple[str, ...],
    limits: ClientWSTimeout,
    *,
    autoclose: bool,
    autoping: bool,
    heartbeat: float | None,
    max_msg_size: int,
    decode_text: bool,
) -> ClientWebSocketResponse:
    try:
        protocol, deflate = offer.check(response.status, response.raw_headers, protocols)
    except ValueError as error:
        raise WSServerHandshakeError(
            response.request_info,
            response.history,
            message=str(error),
            status=response.status,
            headers=response.headers,
        ) from None
    connection = response.connection
    assert connection is not None
    websocket = _aioxide.WebSocket(connection.protocol, max_msg_size, decode_text, HIGH, deflate)
    made = session._ws_response_class(
        websocket,
        WebSocketWriter(websocket, connection.protocol),
        protocol,
        response,
        limits,
        autoclose,
        autoping,
        session._loop,
        heartbeat=heartbeat,
        compress=0 if deflate is None else _window_of(response),
        client_notakeover=False if deflate is None else deflate[3],
    )
    response._exchange.stop_timers()
    connection.protocol.set_successor(websocket)
    return made
