"""Sitemaps in all their forms."""

import gzip

import pytest

from aioxide.fetch import sitemap
from aioxide.fetch.sources import SourceError

from .outputs import check
from .site import Answer, body_of

NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def urlset(urls):
    entries = "".join(f"<url><loc>\n{url} </loc><lastmod>2026</lastmod></url>" for url in urls)
    return f'<?xml version="1.0"?><urlset xmlns="{NAMESPACE}">{entries}</urlset>'.encode()


def index(urls):
    entries = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
    return f'<sitemapindex xmlns="{NAMESPACE}">{entries}</sitemapindex>'.encode()


@pytest.mark.parametrize("packed", [False, True])
def test_index(site, fetch, tmp_path, packed):
    """An index of two, one of them gzipped, one plain text; and one that names itself."""
    pack = gzip.compress if packed else bytes
    urls = site.pages(range(6))
    parts = [f"{site.url}/{name}" for name in ("a.xml.gz", "b.txt", "index.xml")]
    site.answer("/index.xml", Answer(200, pack(index(parts))))
    site.answer("/a.xml.gz", Answer(200, gzip.compress(urlset(urls[:4])), Content_Type="x/y"))
    site.answer("/b.txt", Answer(200, "\n".join(urls[3:]).encode()))
    done = fetch.run("--sitemap", parts[2], "-o", "out.jsonl")
    assert "1 URL given more than once" in done.stderr
    check(tmp_path / "out.jsonl", {url: body_of(number) for number, url in enumerate(urls)})


def test_file(site, fetch, tmp_path):
    (tmp_path / "map.xml").write_bytes(urlset(site.pages([1])))
    fetch.run("--sitemap", "map.xml", "-o", "out.jsonl")
    check(tmp_path / "out.jsonl", {site.pages([1])[0]: body_of(1)})


def test_missing(site, fetch):
    done = fetch.run("--sitemap", f"{site.url}/none.xml", "-o", "out.jsonl", code=2)
    assert f"cannot read the sitemap {site.url}/none.xml: 404 Not Found" in done.stderr


def test_bad_url_in_it(site, fetch):
    site.answer("/map.xml", Answer(200, urlset(["/relative"])))
    done = fetch.run("--sitemap", f"{site.url}/map.xml", "-o", "out.jsonl", code=2)
    assert f"sitemap {site.url}/map.xml: '/relative' is not a URL to fetch" in done.stderr


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"<html><body/></html>", "it is a page of HTML, no sitemap"),
        (b"\n<!DOCTYPE html><p>not closed", "it is a page of HTML, no sitemap"),
        (b"<rss><channel/></rss>", "is no sitemap: its root is <rss>"),
        (b"<urlset><url>", "is no XML"),
        (b"hello\nworld", "neither XML nor a list of URLs: its line 1 is 'hello'"),
        (b"\xff\xff", "neither XML nor text"),
        (gzip.compress(b"http://h/", mtime=0)[:-6], "is cut short"),
        (b"\x1f\x8b\x00\x00", "is damaged"),
    ],
)
def test_what_is_none(data, why):
    with pytest.raises(SourceError, match=why):
        sitemap.read(data, "it")


def test_bomb(monkeypatch):
    """It is unpacked no further than a sitemap may be large."""
    monkeypatch.setattr(sitemap, "MOST_BYTES", 10_000)
    with pytest.raises(SourceError, match="is larger than"):
        sitemap.read(gzip.compress(b"x" * 5_000_000), "it")


def test_entities_are_not_blown_up():
    entities = "".join(
        f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' if n else '<!ENTITY e0 "xxxxxxxxxx">'
        for n in range(12)
    )
    data = f"<!DOCTYPE x [{entities}]><urlset><url><loc>&e11;</loc></url></urlset>".encode()
    with pytest.raises(SourceError, match="is no XML"):
        sitemap.read(data, "it")


def test_depth(run_async):
    """An index that names another one, and so on, comes to an end."""

    async def fetch(url):
        number = int(url.rpartition("/")[2])
        return index([f"http://h/{number + 1}"])

    with pytest.raises(SourceError, match="more sitemaps than are read"):
        run_async(sitemap.read_all("http://h/0", fetch))
