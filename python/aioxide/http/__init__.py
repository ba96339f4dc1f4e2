"""aiohttp's client, on aioxide's loop.

    from aioxide import http

    async with http.ClientSession() as session:
        async with session.get("http://example.org/") as response:
            print(response.status, await response.text())

Names, arguments and behaviour are those of aiohttp 3.14; exceptions are aiohttp's own classes where
aiohttp is installed. It needs multidict and yarl (the extra `http` of the package), and
runs on aioxide's loop only.
"""

from aioxide.http import _needs as _needs
from aioxide.http._auth import BasicAuth as BasicAuth
from aioxide.http._auth import encode_basic_auth as encode_basic_auth
from aioxide.http._connection import Connection as Connection
from aioxide.http._connector import BaseConnector as BaseConnector
from aioxide.http._content_disposition import (
    content_disposition_filename as content_disposition_filename,
)
from aioxide.http._content_disposition import parse_content_disposition as parse_content_disposition
from aioxide.http._cookies import AbstractCookieJar as AbstractCookieJar
from aioxide.http._cookies import CookieJar as CookieJar
from aioxide.http._cookies import DummyCookieJar as DummyCookieJar
from aioxide.http._digest import DigestAuthMiddleware as DigestAuthMiddleware
from aioxide.http._errors import *  # noqa: F403
from aioxide.http._form import FormData as FormData
from aioxide.http._host_limit import HostLimit as HostLimit
from aioxide.http._middleware import ClientHandlerType as ClientHandlerType
from aioxide.http._middleware import ClientMiddlewareType as ClientMiddlewareType
from aioxide.http._multipart import BodyPartReader as BodyPartReader
from aioxide.http._multipart import MultipartReader as MultipartReader
from aioxide.http._multipart import MultipartWriter as MultipartWriter
from aioxide.http._one_shot import request as request
from aioxide.http._payload import *  # noqa: F403
from aioxide.http._request import ClientRequest as ClientRequest
from aioxide.http._resolver import AbstractResolver as AbstractResolver
from aioxide.http._resolver import AsyncResolver as AsyncResolver
from aioxide.http._resolver import DefaultResolver as DefaultResolver
from aioxide.http._resolver import ThreadedResolver as ThreadedResolver
from aioxide.http._response import ClientResponse as ClientResponse
from aioxide.http._retry import RetryPolicy as RetryPolicy
from aioxide.http._session import ClientSession as ClientSession
from aioxide.http._streams import EMPTY_PAYLOAD as EMPTY_PAYLOAD
from aioxide.http._streams import StreamReader as StreamReader
from aioxide.http._tcp import TCPConnector as TCPConnector
from aioxide.http._timeout import ClientTimeout as ClientTimeout
from aioxide.http._timeout import ClientWSTimeout as ClientWSTimeout
from aioxide.http._tracing import *  # noqa: F403
from aioxide.http._unix import UnixConnector as UnixConnector
from aioxide.http._upload_tracker import UploadTracker as UploadTracker
from aioxide.http._version import HttpVersion as HttpVersion
from aioxide.http._version import HttpVersion10 as HttpVersion10
from aioxide.http._version import HttpVersion11 as HttpVersion11
from aioxide.http._websocket import ClientWebSocketResponse as ClientWebSocketResponse
from aioxide.http._websocket_message import WSCloseCode as WSCloseCode
from aioxide.http._websocket_message import WSMessage as WSMessage
from aioxide.http._websocket_message import WSMsgType as WSMsgType
from aioxide.http._zlib_backend import set_zlib_backend as set_zlib_backend
