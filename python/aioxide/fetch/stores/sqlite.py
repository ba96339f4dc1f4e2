"""One SQLite file: the table `pages`, a row for each URL.

Written ahead (WAL): a commit is a write to the log, which SQLite puts in place when the file is
opened again, whoever opens it. When the run ends there is one file.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from typing import TYPE_CHECKING

from .base import StoreError, lock, reason
from .jsonl import describe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aioxide.fetch.page import Page

__all__ = ["Sqlite"]

#: "aiox": what such a file says it is.
APPLICATION = 0x61696F78
SCHEMA = """
create table pages (
    url text primary key,
    final_url text not null,
    status integer not null,
    reason text not null,
    headers text not null,     -- JSON: [["Name", "value"], ...]
    fetched_at text not null,  -- ISO 8601, UTC
    elapsed real not null,     -- seconds
    attempts integer not null,
    redirects text not null,   -- JSON
    length integer not null,
    sha256 text not null,
    body blob not null
) without rowid
"""
COLUMNS = (
    "url", "final_url", "status", "reason", "headers", "fetched_at", "elapsed", "attempts",
    "redirects", "length", "sha256",
)  # fmt: skip
INSERT = (
    f"insert or ignore into pages ({', '.join(COLUMNS)}, body) "
    f"values ({', '.join('?' * (len(COLUMNS) + 1))})"
)


class Sqlite:
    """A database. Raises StoreError where it is none of ours, or cannot be written."""

    raw = False
    repaired = ""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        # SQLite's own locks are of another kind. This descriptor has to be closed after SQLite's:
        # to close any of a file's gives up all locks of that kind.
        try:
            self._lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise StoreError(f"cannot write {path}: {reason(error)}") from None
        try:
            lock(self._lock, path)
            self._connection = self._open()
            self._urls = [url for (url,) in self._connection.execute("select url from pages")]
        except sqlite3.Error as error:
            self.close()
            if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
                raise StoreError(f"{path} is no SQLite file; choose another output") from None
            raise StoreError(f"cannot use {path}: {error}") from None
        except BaseException:
            self.close()
            raise

    def _open(self) -> sqlite3.Connection:
        path = self._path
        # Opened in one thread, used in another, never in two.
        connection = self._connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False
        )
        (application,) = connection.execute("pragma application_id").fetchone()
        (tables,) = connection.execute("select count(*) from sqlite_schema").fetchone()
        if application != APPLICATION and (application or tables):
            raise StoreError(f"{path} is an SQLite file of something else; choose another output")
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        if not tables:
            connection.execute("begin immediate")
            connection.execute(f"pragma application_id = {APPLICATION}")
            connection.execute(SCHEMA)
            connection.execute("commit")
        return connection

    def urls(self) -> Sequence[str]:
        return self._urls

    def put(self, pages: Sequence[Page]) -> None:
        connection = self._connection
        assert connection is not None
        rows = []
        for page in pages:
            record = describe(page)
            for name in ("headers", "redirects"):
                record[name] = json.dumps(record[name])
            record["reason"] = page.reason.encode("utf-8", "replace").decode()
            rows.append((*(record[name] for name in COLUMNS), page.body))
        try:
            self._insert(connection, rows)
        except sqlite3.Error:
            # As many as go.
            for number, row in enumerate(rows):
                try:
                    self._insert(connection, [row])
                except sqlite3.Error as error:
                    failed = StoreError(
                        f"cannot write {self._path}: {error}; make room, and run the same command "
                        "again"
                    )
                    failed.written = number
                    raise failed from None

    def _insert(self, connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
        try:
            connection.execute("begin immediate")
            connection.executemany(INSERT, rows)
            connection.execute("commit")
        except sqlite3.Error:
            # It may have been done by SQLite itself.
            with contextlib.suppress(sqlite3.Error):
                connection.execute("rollback")
            raise

    def close(self) -> None:
        connection, self._connection = self._connection, None
        fd, self._lock = self._lock, -1
        try:
            if connection is not None:
                connection.close()
        except sqlite3.Error as error:
            raise StoreError(f"cannot write {self._path}: {error}") from None
        finally:
            if fd >= 0:
                os.close(fd)
