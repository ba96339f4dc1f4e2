"""JSON lines: one object a line, the body in it.

    {"url": ..., "final_url": ..., "status": 200, "reason": "OK", "headers": [["Name", "value"]],
     "fetched_at": "2026-01-31T12:00:00.123456+00:00", "elapsed": 0.012, "attempts": 1,
     "redirects": [], "length": 5, "sha256": ..., "text": "hello"}

A body that is UTF-8 is in `text`, any other in `base64`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .base import AppendedFile, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aioxide.fetch.page import Page

__all__ = ["JsonLines", "describe"]

#: How each line begins, which tells a file of ours.
PREFIX = b'{"url": '


def describe(page: Page) -> dict[str, Any]:
    """All of a page but its body."""
    return {
        "url": page.url,
        "final_url": page.final_url,
        "status": page.status,
        "reason": page.reason,
        "headers": page.headers,
        "fetched_at": datetime.fromtimestamp(page.fetched_at, UTC).isoformat(),
        "elapsed": round(page.elapsed, 6),
        "attempts": page.attempts,
        "redirects": [
            {"url": hop.url, "status": hop.status, "headers": hop.headers} for hop in page.history
        ],
        "length": len(page.body),
        "sha256": hashlib.sha256(page.body).hexdigest(),
    }


def to_line(record: dict[str, Any]) -> bytes:
    """A record as a line. Header values that are not UTF-8 stay as escaped surrogates."""
    return json.dumps(record).encode("ascii") + b"\n"


class JsonLines:
    """A file of JSON lines. Raises StoreError where it is none of ours, or cannot be written."""

    raw = False

    def __init__(self, path: Path) -> None:
        self._urls: list[str] = []
        self.repaired = ""
        self._file = AppendedFile(path)
        try:
            cut = self._file.read(self._take)
        except BaseException:
            self._file.close()
            raise
        if cut:
            self.repaired = f"{path}: its last record was not whole; {cut:,} bytes were cut off"

    def _take(self, fd: int) -> int:
        whole = number = 0
        with open(os.dup(fd), "rb") as file:
            pending: bytes | None = None
            for line in file:
                # The last line is looked at closely; one with others behind it was written whole.
                if pending is not None:
                    number += 1
                    self._urls.append(self._url(pending, number))
                    whole += len(pending)
                pending = line
            if pending is not None:
                if is_whole(pending):
                    self._urls.append(json.loads(pending)["url"])
                    whole += len(pending)
                elif not is_torn(pending):
                    self._foreign(number + 1)
        return whole

    def _url(self, line: bytes, number: int) -> str:
        if line.startswith(PREFIX) and line.endswith(b"}\n"):
            try:
                end = line.index(b'", "', len(PREFIX)) + 1
                url = json.loads(line[len(PREFIX) : end])
                if isinstance(url, str):
                    return url
            except ValueError:
                pass
        return self._foreign(number)

    def _foreign(self, number: int) -> str:
        raise StoreError(
            f"{self._file.path}, line {number}: this is no record of aioxide fetch; "
            "choose another output, or take that line out"
        )

    def urls(self) -> Sequence[str]:
        return self._urls

    def put(self, pages: Sequence[Page]) -> None:
        lines: list[bytes] = []
        for page in pages:
            record = describe(page)
            try:
                record["text"] = page.body.decode()
            except UnicodeDecodeError:
                record["base64"] = base64.b64encode(page.body).decode("ascii")
            lines.append(to_line(record))
        self._file.append_all(lines)

    def close(self) -> None:
        self._file.close()


def is_whole(line: bytes) -> bool:
    """Whether a last line is all that was to be written."""
    if not line.endswith(b"}\n") or not line.startswith(PREFIX):
        return False
    try:
        record = json.loads(line)
        if "text" in record:
            body = record["text"].encode()
        else:
            body = base64.b64decode(record["base64"], validate=True)
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    return bool(hashlib.sha256(body).hexdigest() == record.get("sha256"))


def is_torn(line: bytes) -> bool:
    """Whether a last line is the beginning of one of ours, or what a crash of the machine leaves
    of one: zeros."""
    if b"\0" not in line:
        if line.endswith(b"\n"):
            return False
        try:
            # All but the end of the line is there.
            return "sha256" in json.loads(line)
        except (ValueError, TypeError):
            pass
    return line.startswith(PREFIX) or PREFIX.startswith(line) or not line.strip(b"\0")
