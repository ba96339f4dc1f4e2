"""Names and passwords: Basic authentication, those in URLs, and those in a netrc file."""

from __future__ import annotations

import base64
import binascii
import locale
import logging
import os
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

from yarl import URL

from aioxide import _aioxide
from aioxide.http._aiohttp import shared

__all__ = [
    "BasicAuth",
    "basicauth_from_netrc",
    "encode_basic_auth",
    "make_basic_auth",
    "netrc_from_env",
    "strip_auth_from_url",
]

_log = logging.getLogger("aiohttp.client")


def encode_basic_auth(login: str, password: str = "", encoding: str = "utf-8") -> str:
    """The value of an Authorization header for a name and a password.

    Raises ValueError for a name with a colon, UnicodeEncodeError for what `encoding` lacks.
    """
    if ":" in login:
        raise ValueError('A ":" is not allowed in login (RFC 7617#section-2)')
    credentials = f"{login}:{password}".encode(encoding)
    return f"Basic {base64.b64encode(credentials).decode('ascii')}"


class _BasicAuth(NamedTuple):
    login: str
    password: str
    encoding: str


@shared("helpers")
class BasicAuth(_BasicAuth):
    """A name and a password, and the encoding in which they are sent.

    Making one warns that it is deprecated, in favour of encode_basic_auth(). Raises ValueError for
    a name with a colon, and for None. aiohttp's class where aiohttp is installed.
    """

    __slots__ = ()

    def __new__(cls, login: str, password: str = "", encoding: str = "latin1") -> Self:
        """Make one."""
        # What a caller without types can give.
        for name, value in (("login", login), ("password", password)):
            if value is None:
                raise ValueError(f"None is not allowed as {name} value")
        if ":" in login:
            raise ValueError('A ":" is not allowed in login (RFC 1945#section-11.1)')
        warnings.warn(
            "BasicAuth is deprecated and will be removed in aiohttp 4.0; "
            "use aiohttp.encode_basic_auth() with "
            "headers={'Authorization': ...} instead",
            DeprecationWarning,
            stacklevel=2,
        )
        return tuple.__new__(cls, (login, password, encoding))

    @classmethod
    def decode(cls, auth_header: str, encoding: str = "latin1") -> BasicAuth:
        """Read an Authorization header's value. Raises ValueError if it is not one of Basic."""
        scheme, blank, encoded = auth_header.partition(" ")
        if not blank:
            raise ValueError("Could not parse authorization header.")
        if scheme.lower() != "basic":
            raise ValueError(f"Unknown authorization method {scheme}")
        try:
            decoded = base64.b64decode(encoded.encode("ascii"), validate=True).decode(encoding)
        except binascii.Error:
            raise ValueError("Invalid base64 encoding.") from None
        login, colon, password = decoded.partition(":")
        if not colon:
            raise ValueError("Invalid credentials.")
        return make_basic_auth(login, password, encoding)

    @classmethod
    def from_url(cls, url: URL, *, encoding: str = "latin1") -> BasicAuth | None:
        """The name and password of a URL, None if it has none. Raises TypeError for no URL."""
        if not isinstance(url, URL):
            raise TypeError("url should be yarl.URL instance")
        if url.raw_user is None and url.raw_password is None:
            return None
        return make_basic_auth(url.user or "", url.password or "", encoding)

    def encode(self) -> str:
        """The value of an Authorization header."""
        return encode_basic_auth(self.login, self.password, self.encoding)


def make_basic_auth(login: str, password: str = "", encoding: str = "latin1") -> BasicAuth:
    """Make a BasicAuth of what is known to be right, without the warning."""
    return tuple.__new__(BasicAuth, (login, password, encoding))


def strip_auth_from_url(url: URL) -> tuple[URL, BasicAuth | None]:
    """The URL without name and password, and these, None if it has none."""
    if url.raw_user is None and url.raw_password is None:
        return url, None
    return url.with_user(None), make_basic_auth(url.user or "", url.password or "")


def netrc_from_env() -> _aioxide.Netrc | None:
    """Read the netrc file: the one that $NETRC names, else the one in the home directory.

    None if there is none or it cannot be read, which is logged unless it is plainly missing. It
    reads a file, so an event loop has it done in a thread.
    """
    named = os.environ.get("NETRC")
    if named is not None:
        path = Path(named)
    else:
        try:
            home = Path.home()
        except RuntimeError as error:
            _log.debug(
                "Could not resolve home directory when trying to look for .netrc file: %s", error
            )
            return None
        path = home / ("_netrc" if sys.platform == "win32" else ".netrc")
    try:
        return _aioxide.Netrc(_netrc_text(path))
    except OSError as error:
        there = False
        with suppress(OSError):
            there = path.is_file()
        if named or there:
            _log.warning("Could not read .netrc file: %s", error)
    except ValueError as error:
        _log.warning("Could not parse .netrc file: %s", error)
    return None


def _netrc_text(path: Path) -> str:
    # Ends of lines are the parser's to see.
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode(locale.getencoding())


def basicauth_from_netrc(netrc_obj: _aioxide.Netrc | None, host: str) -> BasicAuth:
    """The name and password for a host. Raises LookupError if the file has none, or is None."""
    if netrc_obj is None:
        raise LookupError("No .netrc file found")
    found = netrc_obj.authenticators(host)
    if found is None:
        raise LookupError(f"No entry for {host!s} found in the `.netrc` file.")
    login, account, password = found
    return make_basic_auth(login or account or "", password or "")
