"""Sitemaps: XML, an index of others, plain text, each of them gzipped or not."""

from __future__ import annotations

import asyncio
import re
import zlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree import ElementTree

from .page import Failure
from .sources import SourceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["MOST_SITEMAPS", "read", "read_all"]

#: What sitemaps.org allows is 50 MiB; some are larger.
MOST_BYTES = 256 << 20
MOST_SITEMAPS = 10_000
#: An index of indexes is not allowed; some have one.
MOST_DEPTH = 3
_PIECE = 1 << 20
_HTML = re.compile(rb"<(?:!doctype\s+)?html\b", re.IGNORECASE)


async def read_all(place: str, fetch: Callable[[str], Awaitable[bytes | Failure]]) -> list[str]:
    """The URLs of a sitemap and of those that it names. A place is a URL or a file.

    Raises SourceError.
    """
    urls: list[str] = []
    seen = {place}
    waiting = [(place, 0)]
    while waiting:
        here, depth = waiting.pop(0)
        data = await _load(here, fetch)
        found, others = read(data, here)
        urls += found
        for other in others:
            if other in seen:
                continue
            if depth + 1 > MOST_DEPTH or len(seen) >= MOST_SITEMAPS:
                raise SourceError(
                    f"{here}: its index names more sitemaps than are read "
                    f"({MOST_SITEMAPS:,}, {MOST_DEPTH} deep)"
                )
            if urlsplit(other).scheme not in ("http", "https"):
                raise SourceError(f"{here} names a sitemap that is no URL: {other!r}")
            seen.add(other)
            waiting.append((other, depth + 1))
    return urls


async def _load(place: str, fetch: Callable[[str], Awaitable[bytes | Failure]]) -> bytes:
    if urlsplit(place).scheme in ("http", "https"):
        data = await fetch(place)
        if isinstance(data, Failure):
            raise SourceError(f"cannot read the sitemap {place}: {data.text}")
        return data
    try:
        return await asyncio.to_thread(_from_file, place)
    except OSError as error:
        raise SourceError(f"cannot read the sitemap {place}: {error.strerror or error}") from None


def _from_file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(MOST_BYTES + 1)


def read(data: bytes, place: str) -> tuple[list[str], list[str]]:
    """(pages, other sitemaps) of a sitemap. Raises SourceError."""
    if data.startswith(b"\x1f\x8b"):
        data = _unzipped(data, place)
    if len(data) > MOST_BYTES:
        raise SourceError(f"the sitemap {place} is larger than {MOST_BYTES >> 20} MiB")
    start = data[:512].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start.startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        return _plain(data, place), []
    if _HTML.match(start):
        raise SourceError(
            f"{place} is a page of HTML, no sitemap; a site's robots.txt may say where its sitemap "
            "is"
        )
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise SourceError(f"the sitemap {place} is no XML: {error}") from None
    kind = _name(root.tag)
    if kind not in ("urlset", "sitemapindex"):
        raise SourceError(f"{place} is no sitemap: its root is <{kind}>, not <urlset>")
    found = [
        child.text.strip()
        for entry in root
        if _name(entry.tag) in ("url", "sitemap")
        for child in entry
        if _name(child.tag) == "loc" and child.text and child.text.strip()
    ]
    return (found, []) if kind == "urlset" else ([], found)


def _plain(data: bytes, place: str) -> list[str]:
    try:
        lines = [line.strip() for line in data.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        raise SourceError(f"the sitemap {place} is neither XML nor text") from None
    urls = [line for line in lines if line]
    for number, url in enumerate(urls, 1):
        if urlsplit(url).scheme not in ("http", "https"):
            raise SourceError(
                f"the sitemap {place} is neither XML nor a list of URLs: "
                f"its line {number} is {url[:60]!r}"
            )
    return urls


def _unzipped(data: bytes, place: str) -> bytes:
    """Decompressed no further than a sitemap may be large."""
    out = bytearray()
    rest = data
    try:
        while rest:
            unpacker = zlib.decompressobj(wbits=31)
            while not unpacker.eof:
                piece = unpacker.decompress(rest, _PIECE)
                if not piece and not unpacker.unconsumed_tail and not unpacker.eof:
                    raise SourceError(f"the sitemap {place} is cut short")
                out += piece
                if len(out) > MOST_BYTES:
                    return bytes(out)
                rest = unpacker.unconsumed_tail
            rest = unpacker.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise SourceError(f"the sitemap {place} is damaged: {error}") from None
    return bytes(out)


def _name(tag: object) -> str:
    """Without its namespace."""
    return str(tag).rpartition("}")[2].lower()
