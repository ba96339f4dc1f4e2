"""Stores: whatever is cut off a last record, all before it stays; and what is not ours is left."""

import fcntl
import resource
import shutil
import sqlite3
import subprocess
import sys

import pytest

from aioxide.fetch.page import Hop, Page
from aioxide.fetch.stores import StoreError, open_store

from .outputs import KINDS, check, read

BODIES = [b"", b"text \xc3\xa9\n", b"\x00\xff" * 40, b'"}\n{"url": "', b"\r\n\r\nWARC/1.1\r\n"]


def page(number, history=()):
    url = f"http://example.org/{number}?q=%22"
    body = BODIES[number % len(BODIES)]
    headers = [("Content-Type", "text/plain"), ("X", "\udcff"), ("Transfer-Encoding", "chunked")]
    return Page(url, url, 200, "OK", headers, body, 1e9 + number, 0.5, 1, list(history))


PAGES = [page(number) for number in range(6)]
PAGES[4].history.append(Hop("http://example.org/before", 301, "Moved", [("Location", "/4")]))
EXPECTED = {one.url: one.body for one in PAGES}


def fill(path, pages=PAGES):
    store = open_store(str(path))
    try:
        for one in pages:
            store.put([one])
    finally:
        store.close()


def reopen(path):
    store = open_store(str(path))
    try:
        return list(store.urls()), store.repaired
    finally:
        store.close()


def test_round_trip(output):
    fill(output)
    check(output, EXPECTED)
    urls, repaired = reopen(output)
    assert sorted(urls) == sorted(EXPECTED)
    assert repaired == ""


def test_many_at_once(output):
    store = open_store(str(output))
    store.put(PAGES)
    store.close()
    store.close()
    check(output, EXPECTED)


@pytest.mark.parametrize("kind", ["jsonl", "warc", "warc.gz"])
def test_cut_at_any_byte(tmp_path, kind, monkeypatch):
    """A file that ends anywhere is opened, has every whole record, and takes the others again."""
    monkeypatch.setattr("os.fsync", lambda fd: None)
    whole = tmp_path / f"whole{KINDS[kind]}"
    fill(whole)
    data = whole.read_bytes()
    path = tmp_path / f"cut{KINDS[kind]}"
    last = 0
    for size in range(len(data)):
        path.write_bytes(data[:size])
        urls, _ = reopen(path)
        assert urls == list(EXPECTED)[: len(urls)]
        assert len(urls) in (last, last + 1)
        last = len(urls)
        if size % 97 == 0:
            fill(path, [one for one in PAGES if one.url not in urls])
            check(path, EXPECTED)
    assert last == len(PAGES) - 1


@pytest.mark.parametrize("kind", ["jsonl", "warc", "warc.gz", "folder"])
def test_zeros_at_the_end(tmp_path, kind):
    """What a crash of the machine may leave: the size has grown, the data is not there."""
    path = tmp_path / f"out{KINDS[kind]}"
    fill(path, PAGES[:3])
    journal = path / "fetch.jsonl" if kind == "folder" else path
    with open(journal, "ab") as file:
        file.write(b"\0" * 5000)
    urls, repaired = reopen(path)
    assert urls == list(EXPECTED)[:3]
    assert "not whole" in repaired
    fill(path, PAGES[3:])
    check(path, EXPECTED)


@pytest.mark.parametrize("size", [0, 1, 20, 300])
def test_folder_whose_last_line_is_cut(tmp_path, size):
    fill(tmp_path / "out")
    manifest = tmp_path / "out" / "fetch.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(b"".join(lines[:-1]) + lines[-1][:size])
    (tmp_path / "out" / "example.org" / ".half.part").write_bytes(b"hal")
    urls, repaired = reopen(tmp_path / "out")
    assert urls == list(EXPECTED)[:-1]
    assert ("not whole" in repaired) == bool(size)
    fill(tmp_path / "out", PAGES[-1:])
    check(tmp_path / "out", EXPECTED)


def test_folder_with_a_body_that_no_line_names(tmp_path):
    """Its URL is fetched again; if it is of another type then, one file is left of it."""
    fill(tmp_path / "out", PAGES[:1])
    manifest = tmp_path / "out" / "fetch.jsonl"
    manifest.write_bytes(b"")
    again = page(0)
    again.headers[0] = ("Content-Type", "text/html")
    fill(tmp_path / "out", [again])
    check(tmp_path / "out", {again.url: again.body})


def test_folder_with_bodies_that_are_gone(tmp_path):
    fill(tmp_path / "out")
    bodies = sorted((tmp_path / "out" / "example.org").iterdir())
    bodies[0].unlink()
    bodies[1].write_bytes(b"something of another length")
    urls, repaired = reopen(tmp_path / "out")
    assert len(urls) == len(PAGES) - 2
    assert "2 files are gone or changed" in repaired
    fill(tmp_path / "out", [one for one in PAGES if one.url not in urls])
    check(tmp_path / "out", EXPECTED)


FOREIGN = {
    "text.jsonl": b"just text\n",
    "cut.jsonl": b"just text",
    "other.jsonl": b'{"id": 1}\n{"id": 2}\n',
    "same.jsonl": b'{"url": "http://h/"}\n',
    "last.jsonl": b'{"url": "http://h/"}',
    "archive.warc": b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n",
    "text.warc": b"text",
    "packed.warc.gz": __import__("gzip").compress(b"just text"),
    "long.warc.gz": __import__("gzip").compress(bytes(range(256)) * 100)[:-9],
    "text.warc.gz": b"just text",
    "text.sqlite": b"just text that is long enough to be looked at" * 10,
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_file_is_left_alone(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(FOREIGN[name])
    with pytest.raises(StoreError, match=name):
        open_store(str(path))
    assert path.read_bytes() == FOREIGN[name]


def test_foreign_database_is_left_alone(tmp_path):
    path = tmp_path / "x.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("create table pages (x)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="of something else"):
        open_store(str(path))
    assert path.read_bytes() == before


def test_foreign_folder_is_left_alone(tmp_path):
    (tmp_path / "photo").touch()
    with pytest.raises(StoreError, match="holds other files"):
        open_store(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["photo"]


def test_record_that_is_damaged_in_the_middle(tmp_path):
    path = tmp_path / "out.jsonl"
    fill(path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = b"oops\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(StoreError, match="line 3: this is no record"):
        open_store(str(path))
    assert path.read_bytes() == b"".join(lines)


def test_two_at_once(output):
    store = open_store(str(output))
    try:
        with pytest.raises(StoreError, match="another aioxide fetch is writing"):
            open_store(str(output))
    finally:
        store.close()
    reopen(output)


# In a process of its own, whose files cannot grow beyond a limit.
SMALL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
from aioxide._cli import main
main(sys.argv[2:])
"""


def test_full_disk(site, fetch, output, listed):
    """What was written before is whole, the message says what to do, and a rerun goes on."""
    urls = site.pages(range(60))
    arguments = ("-i", listed(urls), "-o", output)
    limit = 20_000 if output.suffix == "" else 200_000
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SMALL_DISK, str(limit), "fetch",
         *map(str, arguments)],
        cwd=fetch.folder, env=fetch.environment, capture_output=True, text=True, timeout=40,
        check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "aioxide: cannot write " in done.stderr
    assert "remain; run the same command again" in done.stdout
    before = len(read(output))
    assert 0 < before < 60
    fetch.run(*arguments)
    from .site import body_of

    check(output, {url: body_of(number) for number, url in enumerate(urls)})


def test_nothing_of_a_record_that_does_not_fit(tmp_path):
    """An error in the middle of a write leaves the file as it was before."""
    path = tmp_path / "out.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    store = open_store(str(path))
    try:
        store.put(PAGES[:2])
        size = path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, hard))
        try:
            with pytest.raises(StoreError, match="File too large; the limit is set by `ulimit -f`"):
                store.put(PAGES[2:3])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.stat().st_size == size
    finally:
        store.close()


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="there is no sqlite3 program")
def test_database_is_one_file_in_the_end(tmp_path):
    fill(tmp_path / "out.sqlite")
    assert [path.name for path in tmp_path.iterdir()] == ["out.sqlite"]


def test_lock_ends_with_the_process(tmp_path):
    path = tmp_path / "out.jsonl"
    fill(path)
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
