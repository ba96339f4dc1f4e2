"""What a client raises.

Each class is aiohttp's where aiohttp is installed, so `except aiohttp.ClientError` catches it; else
it has the same name, bases, constructor, attributes and text, and can be pickled the same way.

    ClientError
      ClientResponseError             the server answered, and the answer is not usable
        ContentTypeError  WSServerHandshakeError  ClientHttpProxyError  TooManyRedirects
      ClientConnectionError           there is no connection, or no longer one
        ClientConnectionResetError    (ConnectionResetError)
        ClientOSError                 (OSError)
          ClientConnectorError        the connection could not be made
            ClientConnectorDNSError  ClientProxyConnectionError  UnixClientConnectorError
            ClientSSLError
              ClientConnectorSSLError           (ssl.SSLError)
              ClientConnectorCertificateError   (ssl.CertificateError)
        ServerConnectionError
          ServerDisconnectedError  ServerFingerprintMismatch
          ServerTimeoutError          (TimeoutError)
            ConnectionTimeoutError  SocketTimeoutError
      ClientPayloadError  UploadAbortedError
      InvalidURL                      (ValueError)
        InvalidUrlClientError
          InvalidUrlRedirectClientError         (RedirectClientError)
      RedirectClientError
      NonHttpUrlClientError
        NonHttpUrlRedirectClientError           (RedirectClientError)
    WSMessageTypeError                (TypeError)
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from typing import TYPE_CHECKING, Any

from aioxide.http._aiohttp import shared
from aioxide.http._connection_key import ConnectionKey, Fingerprint, RequestInfo
from aioxide.http._protocol_errors import (
    BadHttpMessage,
    BadHttpMethod,
    BadStatusLine,
    ContentEncodingError,
    ContentLengthError,
    DecompressSizeError,
    HttpBadRequest,
    HttpProcessingError,
    InvalidHeader,
    InvalidURLError,
    LineTooLong,
    PayloadEncodingError,
    TransferEncodingError,
    WebSocketError,
    WSHandshakeError,
)

if TYPE_CHECKING:
    from ssl import SSLContext

    from multidict import MultiMapping
    from yarl import URL

__all__ = [
    "BadHttpMessage",
    "BadHttpMethod",
    "BadStatusLine",
    "ClientConnectionError",
    "ClientConnectionResetError",
    "ClientConnectorCertificateError",
    "ClientConnectorDNSError",
    "ClientConnectorError",
    "ClientConnectorSSLError",
    "ClientError",
    "ClientHttpProxyError",
    "ClientOSError",
    "ClientPayloadError",
    "ClientProxyConnectionError",
    "ClientResponseError",
    "ClientSSLError",
    "ConnectionKey",
    "ConnectionTimeoutError",
    "ContentEncodingError",
    "ContentLengthError",
    "ContentTypeError",
    "DecompressSizeError",
    "Fingerprint",
    "HttpBadRequest",
    "HttpProcessingError",
    "InvalidHeader",
    "InvalidURL",
    "InvalidURLError",
    "InvalidUrlClientError",
    "InvalidUrlRedirectClientError",
    "LineTooLong",
    "NonHttpUrlClientError",
    "NonHttpUrlRedirectClientError",
    "PayloadEncodingError",
    "RedirectClientError",
    "RequestInfo",
    "ServerConnectionError",
    "ServerDisconnectedError",
    "ServerFingerprintMismatch",
    "ServerTimeoutError",
    "SocketTimeoutError",
    "TooManyRedirects",
    "TransferEncodingError",
    "UnixClientConnectorError",
    "UploadAbortedError",
    "WSHandshakeError",
    "WSMessageTypeError",
    "WSServerHandshakeError",
    "WebSocketError",
]

_CODE = "code {} is deprecated, use status instead"


@shared("client_exceptions")
class ClientError(Exception):
    """Whatever goes wrong with a request."""


@shared("client_exceptions")
class ClientResponseError(ClientError):
    """The server answered, and the answer is not what the client can use.

    `status` is the answer's, 0 where there is none; `message` says what is wrong (the reason phrase
    where it comes from raise_for_status()); `headers` are the answer's; `history` are the
    redirects' responses before it. `body` is what raise_for_status() knows of the body, or None;
    aiohttp's own class has it only then.
    """

    body: bytes | None = None

    def __init__(
        self,
        request_info: RequestInfo,
        history: tuple[Any, ...],
        *,
        code: int | None = None,
        status: int | None = None,
        message: str = "",
        headers: MultiMapping[str] | None = None,
    ) -> None:
        """Make one. Raises ValueError where both `status` and its old name `code` are given."""
        self.request_info = request_info
        if code is not None:
            if status is not None:
                raise ValueError(
                    "Both code and status arguments are provided; "
                    "code is deprecated, use status instead"
                )
            warnings.warn(_CODE.format("argument"), DeprecationWarning, stacklevel=2)
            status = code
        self.status = 0 if status is None else status
        self.message = message
        self.headers = headers
        self.history = history
        self.args = (request_info, history)

    def __str__(self) -> str:
        url = str(self.request_info.real_url)
        return f"{self.status}, message={self.message!r}, url={url!r}"

    def __repr__(self) -> str:
        shown = [repr(self.request_info), repr(self.history)]
        if self.status != 0:
            shown.append(f"status={self.status!r}")
        if self.message != "":
            shown.append(f"message={self.message!r}")
        if self.headers is not None:
            shown.append(f"headers={self.headers!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    @property
    def code(self) -> int:
        """The old name of `status`."""
        warnings.warn(_CODE.format("property"), DeprecationWarning, stacklevel=2)
        return self.status

    @code.setter
    def code(self, value: int) -> None:
        warnings.warn(_CODE.format("property"), DeprecationWarning, stacklevel=2)
        self.status = value


@shared("client_exceptions")
class ContentTypeError(ClientResponseError):
    """The body is not of the type that json() was told to expect."""


@shared("client_exceptions")
class WSServerHandshakeError(ClientResponseError):
    """The server does not open a WebSocket, or not the one that was asked for."""


@shared("client_exceptions")
class ClientHttpProxyError(ClientResponseError):
    """The proxy does not open a tunnel: it answered CONNECT with something other than 200."""


@shared("client_exceptions")
class TooManyRedirects(ClientResponseError):
    """There were more redirects than `max_redirects`."""


@shared("client_exceptions")
class ClientConnectionError(ClientError):
    """There is no connection, or there no longer is."""


@shared("client_exceptions")
class ClientConnectionResetError(ClientConnectionError, ConnectionResetError):
    """The connection was reset, or is closing, when something was written."""


@shared("client_exceptions")
class ClientOSError(ClientConnectionError, OSError):
    """The operating system reported an error of the connection."""


@shared("client_exceptions")
class ClientConnectorError(ClientOSError):
    """The connection could not be made. errno and strerror are those of `os_error`."""

    def __init__(self, connection_key: ConnectionKey, os_error: OSError) -> None:
        self._conn_key = connection_key
        self._os_error = os_error
        super().__init__(os_error.errno, os_error.strerror)
        self.args = (connection_key, os_error)

    @property
    def os_error(self) -> OSError:
        """What the operating system said."""
        return self._os_error

    @property
    def host(self) -> str:
        """The host of the connection."""
        return self._conn_key.host

    @property
    def port(self) -> int | None:
        """The port of the connection."""
        return self._conn_key.port

    @property
    def ssl(self) -> SSLContext | bool | Fingerprint:
        """How TLS was asked for."""
        return self._conn_key.ssl

    def __str__(self) -> str:
        tls = "default" if self.ssl is True else self.ssl
        return f"Cannot connect to host {self.host}:{self.port} ssl:{tls} [{self.strerror}]"

    # OSError's own would leave out what the constructor needs.
    __reduce__ = BaseException.__reduce__


@shared("client_exceptions")
class ClientConnectorDNSError(ClientConnectorError):
    """The host's name has no address."""


@shared("client_exceptions")
class ClientProxyConnectionError(ClientConnectorError):
    """The proxy cannot be connected to."""


@shared("client_exceptions")
class UnixClientConnectorError(ClientConnectorError):
    """The Unix socket at `path` cannot be connected to."""

    def __init__(self, path: str, connection_key: ConnectionKey, os_error: OSError) -> None:
        self._path = path
        super().__init__(connection_key, os_error)

    @property
    def path(self) -> str:
        """The path of the socket."""
        return self._path

    def __str__(self) -> str:
        tls = "default" if self.ssl is True else self.ssl
        return f"Cannot connect to unix socket {self.path} ssl:{tls} [{self.strerror}]"


@shared("client_exceptions")
class ServerConnectionError(ClientConnectionError):
    """The server ended the connection."""


@shared("client_exceptions")
class ServerDisconnectedError(ServerConnectionError):
    """The server closed the connection before it answered. `message` is the text, or what came."""

    def __init__(self, message: Any = None) -> None:
        self.message = "Server disconnected" if message is None else message
        self.args = (self.message,)


@shared("client_exceptions")
class ServerTimeoutError(ServerConnectionError, asyncio.TimeoutError):
    """The server took longer than it was given."""


@shared("client_exceptions")
class ConnectionTimeoutError(ServerTimeoutError):
    """Getting a connection took longer than `connect` or `sock_connect`."""


@shared("client_exceptions")
class SocketTimeoutError(ServerTimeoutError):
    """Nothing was received for longer than `sock_read`."""


@shared("client_exceptions")
class ServerFingerprintMismatch(ServerConnectionError):
    """The server's certificate is not the one that was expected."""

    def __init__(self, expected: bytes, got: bytes, host: str, port: int) -> None:
        self.expected = expected
        self.got = got
        self.host = host
        self.port = port
        self.args = (expected, got, host, port)

    def __repr__(self) -> str:
        shown = f"expected={self.expected!r} got={self.got!r}"
        return f"<{type(self).__name__} {shown} host={self.host!r} port={self.port!r}>"


@shared("client_exceptions")
class ClientPayloadError(ClientError):
    """The body cannot be read to its end, or not be sent."""


@shared("client_exceptions")
class UploadAbortedError(ClientError):
    """The body of the request was not sent in full."""


@shared("client_exceptions")
class InvalidURL(ClientError, ValueError):
    """A URL that cannot be requested, such as one without a host."""

    def __init__(self, url: str | URL, description: str | None = None) -> None:
        # Not always a URL: it may be what URL() refused.
        self._url = url
        self._description = description
        if description:
            super().__init__(url, description)
        else:
            super().__init__(url)

    @property
    def url(self) -> str | URL:
        """The URL, as it was given."""
        return self._url

    @property
    def description(self) -> str | None:
        """What is wrong with it."""
        return self._description

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"

    def __str__(self) -> str:
        return f"{self._url} - {self._description}" if self._description else str(self._url)


@shared("client_exceptions")
class InvalidUrlClientError(InvalidURL):
    """The program's URL cannot be requested."""


@shared("client_exceptions")
class RedirectClientError(ClientError):
    """A redirect that cannot be followed."""


@shared("client_exceptions")
class NonHttpUrlClientError(ClientError):
    """A URL of a scheme other than http and https."""


@shared("client_exceptions")
class InvalidUrlRedirectClientError(InvalidUrlClientError, RedirectClientError):
    """A redirect to a URL that cannot be requested."""


@shared("client_exceptions")
class NonHttpUrlRedirectClientError(NonHttpUrlClientError, RedirectClientError):
    """A redirect to a URL of a scheme other than http and https."""


@shared("client_exceptions")
class ClientSSLError(ClientConnectorError):
    """TLS could not be set up."""


@shared("client_exceptions")
class ClientConnectorSSLError(ClientSSLError, ssl.SSLError):
    """The TLS handshake failed."""


@shared("client_exceptions")
class ClientConnectorCertificateError(ClientSSLError, ssl.CertificateError):
    """The server's certificate was refused. `certificate_error` says why."""

    def __init__(self, connection_key: ConnectionKey, certificate_error: Exception) -> None:
        os_error = certificate_error if isinstance(certificate_error, OSError) else OSError()
        super().__init__(connection_key, os_error)
        self._certificate_error = certificate_error
        self.args = (connection_key, certificate_error)

    @property
    def certificate_error(self) -> Exception:
        """What the verification said."""
        return self._certificate_error

    @property
    def ssl(self) -> bool:
        """Whether the connection is one with TLS."""
        return self._conn_key.is_ssl

    def __str__(self) -> str:
        cause = self.certificate_error
        return (
            f"Cannot connect to host {self.host}:{self.port} ssl:{self.ssl} "
            f"[{type(cause).__name__}: {cause.args}]"
        )


@shared("client_exceptions")
class WSMessageTypeError(TypeError):
    """The message is not of the type that was asked for."""
