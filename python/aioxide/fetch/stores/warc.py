"""WARC 1.1 (ISO 28500), as archives and their tools read it; `.warc.gz` has a gzip member a record.

A `response` record holds the response as it came: its body is decoded from chunks, but not
decompressed. One that led elsewhere has a record of its own, without its body, in front of the
response that it led to. The record of the response that ends a URL has a field of its own,
`Aioxide-Url`, with the URL as it was given: it is what says that a URL is there.
"""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, NoReturn
from uuid import uuid4

from .base import AppendedFile, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from aioxide.fetch.page import Headers, Page

__all__ = ["Warc"]

FIELD = "Aioxide-Url"
#: A field of the first record, which tells a file of ours.
OWN = "Aioxide-Fetch"
FIRST = b"WARC/1.1\r\nWARC-Type: warcinfo\r\n"
_BLOCK = 1 << 20
#: The fields of a record are shorter, unless it is none.
_MOST_FIELDS = 1 << 18
# They tell how the bytes came, which is not how they are kept.
_OF_THE_WAY = {"transfer-encoding", "content-length"}


class Torn(Exception):
    """The rest of the file is no whole record."""


class Warc:
    """A WARC file. Raises StoreError where it is none, or cannot be written."""

    raw = True

    def __init__(self, path: Path) -> None:
        self._urls: list[str] = []
        self.repaired = ""
        self._zipped = path.name.lower().endswith(".gz")
        self._file = AppendedFile(path)
        try:
            cut = self._file.read(self._take)
            if not self._file.end:
                self._file.append(self._encode(info(path.name)))
        except BaseException:
            self._file.close()
            raise
        if cut:
            self.repaired = f"{path}: its last record was not whole; {cut:,} bytes were cut off"

    def _take(self, fd: int) -> int:
        """Where the last record ends that completes a URL."""
        whole = 0
        with open(os.dup(fd), "rb") as file:
            records = zipped_records(file) if self._zipped else plain_records(file)
            try:
                for end, fields in records:
                    if not whole and OWN.lower() not in fields:
                        self._foreign()
                    url = fields.get(FIELD.lower())
                    if url is not None:
                        self._urls.append(url)
                    if url is not None or not whole:
                        whole = end
            except Torn:
                file.seek(0)
                if not whole and not is_beginning(file.read(2048), self._zipped):
                    self._foreign()
        return whole

    def _foreign(self) -> NoReturn:
        raise StoreError(
            f"{self._file.path} is no WARC file that aioxide fetch has begun; choose another output"
        )

    def urls(self) -> Sequence[str]:
        return self._urls

    def put(self, pages: Sequence[Page]) -> None:
        self._file.append_all([b"".join(map(self._encode, records_of(page))) for page in pages])

    def _encode(self, record: bytes) -> bytes:
        if not self._zipped:
            return record
        packer = zlib.compressobj(wbits=31)
        return packer.compress(record) + packer.flush()

    def close(self) -> None:
        self._file.close()


def is_beginning(start: bytes, zipped: bool) -> bool:
    """Whether a file without a whole record is what is left of the first one of ours."""
    if len(start) == 2048:
        return False
    if zipped and start.strip(b"\0"):
        try:
            start = zlib.decompressobj(wbits=31).decompress(start)
        except zlib.error:
            return False
    return start.startswith(FIRST[: len(start)]) or not start.strip(b"\0")


# Writing


def record(kind: str, fields: Sequence[tuple[str, str]], content: bytes, date: float) -> bytes:
    """A record with its block."""
    when = datetime.fromtimestamp(date, UTC).isoformat(timespec="microseconds")
    all_fields = [
        ("WARC-Type", kind),
        ("WARC-Date", when.replace("+00:00", "Z")),
        *fields,
        ("WARC-Block-Digest", digest(content)),
        ("Content-Length", str(len(content))),
    ]
    head = "".join(f"{name}: {value}\r\n" for name, value in all_fields)
    return b"WARC/1.1\r\n" + head.encode("utf-8", "replace") + b"\r\n" + content + b"\r\n\r\n"


def info(name: str) -> bytes:
    """The first record of a file."""
    import time

    import aioxide

    content = (
        f"software: aioxide/{aioxide.__version__}\r\nformat: WARC File Format 1.1\r\n"
        "conformsTo: http://iipc.github.io/warc-specifications/specifications/warc-format/"
        "warc-1.1/\r\n"
    )
    fields = [
        ("WARC-Record-ID", new_id()),
        ("WARC-Filename", name),
        (OWN, "1"),
        ("Content-Type", "application/warc-fields"),
    ]
    return record("warcinfo", fields, content.encode(), time.time())


def records_of(page: Page) -> list[bytes]:
    """The records of a URL; the last one completes it."""
    last = new_id()
    made = [
        response(
            [("WARC-Record-ID", new_id()), ("WARC-Concurrent-To", last)],
            hop.url, hop.status, hop.reason, hop.headers, b"", page.fetched_at,
        )
        for hop in page.history
    ]  # fmt: skip
    made.append(
        response(
            [("WARC-Record-ID", last), (FIELD, page.url)],
            page.final_url, page.status, page.reason, page.headers, page.body, page.fetched_at,
        )
    )  # fmt: skip
    return made


def response(
    fields: Sequence[tuple[str, str]],
    url: str,
    status: int,
    reason: str,
    headers: Headers,
    body: bytes,
    date: float,
) -> bytes:
    """A response record."""
    lines = [f"HTTP/1.1 {status} {reason}".rstrip()]
    for name, value in headers:
        if name.lower() == "content-length" and value == str(len(body)):
            continue
        if name.lower() in _OF_THE_WAY:
            name = f"X-Archive-Orig-{name}"
        lines.append(f"{name}: {value}")
    lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n"
    all_fields = [
        *fields,
        ("WARC-Target-URI", url),
        ("WARC-Payload-Digest", digest(body)),
        ("Content-Type", "application/http; msgtype=response"),
    ]
    return record("response", all_fields, head + body, date)


def new_id() -> str:
    return f"<urn:uuid:{uuid4()}>"


def digest(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


# Reading


def zipped_records(file: BinaryIO) -> Iterator[tuple[int, dict[str, str]]]:
    """(where it ends, its fields) of each record of a file of gzip members. Raises Torn."""
    rest = b""
    at = 0
    while True:
        unpacker = zlib.decompressobj(wbits=31)
        start = bytearray()
        size = 0
        began = False
        while not unpacker.eof:
            data = rest or file.read(_BLOCK)
            rest = b""
            if not data:
                if began:
                    raise Torn
                return
            began = True
            try:
                plain = unpacker.decompress(data, _BLOCK)
                while unpacker.unconsumed_tail:
                    if len(start) < _MOST_FIELDS:
                        start += plain
                    size += len(plain)
                    plain = unpacker.decompress(unpacker.unconsumed_tail, _BLOCK)
            except zlib.error:
                raise Torn from None
            if len(start) < _MOST_FIELDS:
                start += plain
            size += len(plain)
            at += len(data) - len(unpacker.unused_data)
        rest = unpacker.unused_data
        fields, length = read_fields(bytes(start))
        if length + int(fields["content-length"]) + 4 != size:
            raise Torn
        yield at, fields


def plain_records(file: BinaryIO) -> Iterator[tuple[int, dict[str, str]]]:
    """As `zipped_records`, of a file that is not compressed."""
    at = 0
    while True:
        file.seek(at)
        start = file.read(4096)
        if not start:
            return
        while b"\r\n\r\n" not in start and len(start) < _MOST_FIELDS:
            more = file.read(_BLOCK)
            if not more:
                break
            start += more
        fields, length = read_fields(start)
        end = at + length + int(fields["content-length"])
        file.seek(end)
        if file.read(4) != b"\r\n\r\n":
            raise Torn
        at = end + 4
        yield at, fields


def read_fields(data: bytes) -> tuple[dict[str, str], int]:
    """The fields of a record, their names in lower case, and where its block begins."""
    head, blank, _ = data.partition(b"\r\n\r\n")
    version, _, lines = head.partition(b"\r\n")
    if not blank or not version.startswith(b"WARC/1."):
        raise Torn
    fields: dict[str, str] = {}
    for line in lines.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    if not fields.get("content-length", "").isdigit():
        raise Torn
    return fields, len(head) + 4
