"""Values of the command line, as argparse wants them: functions that raise ArgumentTypeError."""

from __future__ import annotations

import math
import re
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "agent",
    "cookie",
    "header",
    "interval",
    "proxy",
    "scheduler",
    "seconds",
    "size",
    "whole",
]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?", re.IGNORECASE)
#: SQLite's largest value is a little larger.
_MOST_SIZE = 900 << 20


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number of a range."""

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise ArgumentTypeError(f"a whole number from {least} to {most:,}, not {text!r}")
        return number

    return convert


def seconds(text: str) -> float:
    """A time above 0."""
    try:
        number = float(text.removesuffix("s"))
    except ValueError:
        number = 0.0
    if not 0 < number <= 86400:
        raise ArgumentTypeError(f"seconds, from above 0 to 86,400, not {text!r}")
    return number


def interval(text: str) -> float:
    """The seconds from one request to the next, of a rate."""
    from aioxide.fanout._rate import parse_rate

    try:
        # A bare number is one a second.
        count, period = parse_rate(float(text) if re.fullmatch(r"[\d.]+", text) else text)
    except ValueError:
        raise ArgumentTypeError(f"a rate like 5/s, 100/min or 0.5/s, not {text!r}") from None
    return period / count


def size(text: str) -> int:
    """Bytes."""
    match = _SIZE.fullmatch(text.strip())
    number = 0.0
    if match is not None:
        number = float(match[1]) * 1024 ** " kmg".index(match[2].lower() or " ")
    if not 1 <= number <= _MOST_SIZE or math.isnan(number):
        raise ArgumentTypeError(f"a size from 1 to 900M, like 500k or 64M, not {text!r}")
    return int(number)


def header(text: str) -> tuple[str, str]:
    """A header line."""
    name, colon, value = text.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or not _TOKEN.fullmatch(name) or not value.isprintable():
        raise ArgumentTypeError(f"'NAME: VALUE', not {text!r}")
    if name.lower() in ("host", "content-length", "transfer-encoding", "connection"):
        raise ArgumentTypeError(f"{name} is set for each request, and cannot be given")
    if name.lower() in ("cookie", "user-agent"):
        option = "--cookie" if name.lower() == "cookie" else "--user-agent"
        raise ArgumentTypeError(f"{option} is for that")
    return name, value


def cookie(text: str) -> tuple[str, str]:
    """A cookie."""
    name, equals, value = text.partition("=")
    if not equals or not _TOKEN.fullmatch(name) or not value.isprintable() or ";" in value:
        raise ArgumentTypeError(f"NAME=VALUE, not {text!r}")
    return name, value


def agent(text: str) -> str:
    """A User-Agent."""
    if not text.strip() or not text.isprintable():
        raise ArgumentTypeError(f"text of a header, not {text!r}")
    return text.strip()


def scheduler(text: str) -> str:
    """The address of a Dask scheduler."""
    if not re.fullmatch(r"(?:[a-z]+://)?[^\s/]+:\d{1,5}/?", text):
        raise ArgumentTypeError(f"tcp://HOST:PORT of a scheduler, not {text!r}")
    return text


def proxy(text: str) -> str:
    """The URL of a proxy."""
    try:
        parts = urlsplit(text)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        host = None
    if host is None:
        raise ArgumentTypeError(f"http://HOST:PORT, not {text!r}")
    if parts.scheme not in ("http", "https", "socks5", "socks5h"):
        raise ArgumentTypeError(
            f"a proxy of http, https, socks5 or socks5h; {parts.scheme}: is not supported"
        )
    return text
