"""Header lines, as a program writes them and as a peer does.

What a line must not contain is refused both ways: who controls a CR or LF in a name, a file's name
or a content type would write headers of its own, or the next part.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from multidict import CIMultiDict, CIMultiDictProxy

from aioxide.http._errors import BadHttpMessage, InvalidHeader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["TOKEN", "header_block", "parse_headers", "safe_header"]

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""What RFC 9110 calls a token: names of headers, of parameters, types."""

_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

# Headers that a message has once; two that differ would mean different things to different readers.
_SINGLETONS = frozenset(
    {
        "content-length",
        "content-location",
        "content-range",
        "content-type",
        "etag",
        "host",
        "max-forwards",
        "server",
        "transfer-encoding",
        "user-agent",
    }
)


def safe_header(text: str) -> str:
    """Return a header's name or value, or raise ValueError for a control character but a tab."""
    if _FORBIDDEN.search(text) is not None:
        raise ValueError(
            "Forbidden control character detected in headers. Potential header injection attack."
        )
    return text


def header_block(headers: Mapping[str, str]) -> bytes:
    """Header lines and the empty line after them. Raises ValueError as safe_header()."""
    lines = [f"{safe_header(name)}: {safe_header(value)}\r\n" for name, value in headers.items()]
    return "".join([*lines, "\r\n"]).encode("utf-8")


def parse_headers(lines: Iterable[bytes]) -> CIMultiDictProxy[str]:
    """Read header lines without their ends, up to the first empty one.

    Raises InvalidHeader for a line that is none, also one that continues another; BadHttpMessage
    for a second header that a message has only once.
    """
    headers: CIMultiDict[str] = CIMultiDict()
    for line in lines:
        if not line:
            break
        raw_name, colon, raw_value = line.partition(b":")
        if not colon:
            raise InvalidHeader(line)
        name = raw_name.decode("utf-8", "surrogateescape")
        if TOKEN.fullmatch(name) is None:
            raise InvalidHeader(line if raw_name.strip(b" \t") != raw_name else raw_name)
        raw_value = raw_value.strip(b" \t")
        value = raw_value.decode("utf-8", "surrogateescape")
        if _FORBIDDEN.search(value) is not None:
            raise InvalidHeader(raw_value)
        if name in headers and name.lower() in _SINGLETONS:
            raise BadHttpMessage(f"Duplicate '{name}' header found.")
        headers.add(name, value)
    return CIMultiDictProxy(headers)
