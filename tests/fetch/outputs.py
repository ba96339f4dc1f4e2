"""What is in an output, read without the code that wrote it: (URL, body) of each record."""

import base64
import gzip
import io
import json
import sqlite3
from contextlib import closing

import pytest

try:
    # At once: what it loads stays open, and no test shall be the one that opened it.
    from warcio.archiveiterator import ArchiveIterator
except ImportError:
    ArchiveIterator = None

#: The ending of each kind of output.
KINDS = {
    "folder": "",
    "sqlite": ".sqlite",
    "jsonl": ".jsonl",
    "warc": ".warc",
    "warc.gz": ".warc.gz",
}


def read(path):
    """All records of an output, in their order."""
    name = path.name
    if name.endswith(".sqlite"):
        with closing(sqlite3.connect(path)) as connection:
            return list(connection.execute("select url, body from pages"))
    if name.endswith(".jsonl"):
        with open(path, encoding="utf-8") as file:
            return [(record["url"], body_of(record)) for record in map(json.loads, file)]
    if ".warc" in name:
        return read_warc(path)
    with open(path / "fetch.jsonl", encoding="utf-8") as file:
        return [(one["url"], (path / one["file"]).read_bytes()) for one in map(json.loads, file)]


def body_of(record):
    return record["text"].encode() if "text" in record else base64.b64decode(record["base64"])


def read_warc(path):
    """By warcio, which checks the digests."""
    if ArchiveIterator is None:
        pytest.skip("warcio is not installed")
    found = []
    with open(path, "rb") as file:
        for record in ArchiveIterator(file, check_digests="raise"):
            url = record.rec_headers.get_header("Aioxide-Url")
            if url is None:
                continue
            body = record.raw_stream.read()
            if record.http_headers.get_header("Content-Encoding") == "gzip":
                body = gzip.GzipFile(fileobj=io.BytesIO(body)).read()
            found.append((url, body))
    return found


def check(path, expected):
    """Every URL is there exactly once, and intact; nothing else is."""
    records = read(path)
    assert len(records) == len(dict(records)), "a URL is there twice"
    assert dict(records) == expected
    if path.is_dir():
        files = {file for file in path.rglob("*") if file.is_file()}
        assert len(files) == len(expected) + 1, "there are files that no line names"
