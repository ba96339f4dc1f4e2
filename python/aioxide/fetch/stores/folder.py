"""A folder: a file for each body, and `fetch.jsonl`, which says which is which.

    out/fetch.jsonl
    out/example.org/notices-17-3f2a9c01d4e5b6a7.html

A file is written under another name and renamed; its line follows. So a file without a line is
whole, but its URL is fetched again; a line without its file is dropped, and the URL is, too.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from .base import AppendedFile, StoreError, reason
from .jsonl import describe, to_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aioxide.fetch.page import Page

__all__ = ["Folder", "file_name"]

MANIFEST = "fetch.jsonl"
_PART = ".part"
_NAME = re.compile(r"(?:.*-)?([0-9a-f]{16})(?:\.[a-z0-9]+)?")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_ENDING = re.compile(r"\.[a-z0-9]{1,8}")


class Folder:
    """A folder of bodies. Raises StoreError where it is none of ours, or cannot be written."""

    raw = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._urls: list[str] = []
        #: Files of ours that no line names, by the hash in their names.
        self._strays: dict[str, Path] = {}
        self.repaired = ""
        manifest = path / MANIFEST
        if path.is_file():
            raise StoreError(f"{path} is a file, and a folder is wanted; choose another output")
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not manifest.exists() and any(path.iterdir()):
                raise StoreError(f"{path} holds other files; choose a folder that is new or empty")
        except OSError as error:
            raise StoreError(f"cannot write {path}: {reason(error)}") from None
        self._manifest = AppendedFile(manifest)
        try:
            self._open()
        except OSError as error:
            self._manifest.close()
            raise StoreError(f"cannot use {path}: {reason(error)}") from None
        except BaseException:
            self._manifest.close()
            raise

    def _open(self) -> None:
        lines: list[bytes] = []
        cut = self._manifest.read(lambda fd: _read_lines(fd, lines, self._manifest.path))
        there = self._look()
        kept: list[bytes] = []
        lost = 0
        for line in lines:
            record = json.loads(line)
            name = record.get("file")
            if there.get(name) == record.get("length") and name is not None:
                kept.append(line)
                self._urls.append(record["url"])
                del there[name]
            else:
                lost += 1
        for name in there:
            match = _NAME.fullmatch(os.path.basename(name))
            if match is not None:
                self._strays[match[1]] = self._path / name
        if lost:
            self._rewrite(kept)
            self.repaired = f"{self._path}: {lost:,} files are gone or changed, and fetched again"
        elif cut:
            self.repaired = f"{self._path}: the last line of {MANIFEST} was not whole and is gone"

    def _look(self) -> dict[str, int]:
        """The files in the folders of hosts, with their sizes; those half written are removed."""
        found: dict[str, int] = {}
        for folder in self._path.iterdir():
            if folder.is_symlink() or not folder.is_dir():
                continue
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.endswith(_PART) and entry.name.startswith("."):
                        os.unlink(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        found[f"{folder.name}/{entry.name}"] = entry.stat().st_size
        return found

    def _rewrite(self, lines: list[bytes]) -> None:
        # In place: the lock is on this file. Cut first, so that no line is there twice.
        whole = b"".join(lines)
        self._manifest.read(lambda _: 0)
        self._manifest.append(whole)

    def urls(self) -> Sequence[str]:
        return self._urls

    def put(self, pages: Sequence[Page]) -> None:
        for number, page in enumerate(pages):
            name = file_name(page)
            try:
                self._write(name, page.body)
                record: dict[str, Any] = {"url": page.url, "file": name, **describe(page)}
                self._manifest.append(to_line(record))
            except StoreError as error:
                error.written = number
                raise

    def _write(self, name: str, body: bytes) -> None:
        path = self._path / name
        part = path.with_name(f".{path.name}{_PART}")
        try:
            path.parent.mkdir(exist_ok=True)
            try:
                part.write_bytes(body)
                os.replace(part, path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
            match = _NAME.fullmatch(path.name)
            stray = self._strays.pop(match[1], None) if match else None
            if stray is not None and stray != path:
                # The same URL, when its content was of another type.
                stray.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"cannot write {path}: {reason(error)}") from None

    def close(self) -> None:
        self._manifest.close()


def file_name(page: Page) -> str:
    """HOST/WORDS-HASH.ENDING: the words are the URL's, as far as any file system has them, the hash
    makes it the only one."""
    parts = urlsplit(page.url)
    host = _UNSAFE.sub("_", parts.netloc.rpartition("@")[2].lower()).strip("._") or "host"
    if len(host) > 100:
        host = f"{host[:83]}-{hashlib.sha256(host.encode()).hexdigest()[:16]}"
    path = unquote(parts.path).strip("/")
    if parts.query:
        path += f"-{unquote(parts.query)}"
    stem, ending = os.path.splitext(path)
    typed = page.header("Content-Type").partition(";")[0].strip().lower()
    guessed = mimetypes.guess_extension(typed) if typed != "application/octet-stream" else None
    ending = guessed or ending.lower()
    if not _ENDING.fullmatch(ending):
        ending = ""
    # A dot or a dash in front would hide the file, or look like an option.
    words = _UNSAFE.sub("-", stem).strip("-._")[:80].rstrip("-._")
    digest = hashlib.sha256(page.url.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{host}/{words}-{digest}{ending}" if words else f"{host}/{digest}{ending}"


def _read_lines(fd: int, lines: list[bytes], path: Path) -> int:
    whole = 0
    with open(os.dup(fd), "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                if not line.endswith(b"\n"):
                    break
                if "file" not in json.loads(line):
                    raise ValueError
            except (ValueError, TypeError):
                if b"\0" in line:
                    break
                raise StoreError(
                    f"{path}, line {number}: this is no record of aioxide fetch; "
                    "choose another folder, or take that line out"
                ) from None
            lines.append(line)
            whole += len(line)
    return whole
