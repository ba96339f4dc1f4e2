"""What servers answer, and what becomes of it."""

import gzip
import json
import socket

import pytest

from .outputs import check, read
from .site import Answer, body_of


def summary(done):
    return json.loads(done.stdout)


def test_statuses(site, fetch, tmp_path):
    site.answer("/gone", Answer(410))
    site.answer("/empty", Answer(204))
    urls = [f"{site.url}/{path}" for path in ("page/1", "gone", "empty", "nowhere")]
    done = fetch.run(*urls, "-o", "out", "--json", "--failed", "failed.txt", code=1)
    assert summary(done)["errors"] == {"HTTP 410": 1, "HTTP 404": 1}
    check(tmp_path / "out", {urls[0]: body_of(1), urls[2]: b""})
    lines = [line.split("\t") for line in (tmp_path / "failed.txt").read_text().splitlines()]
    assert sorted(lines) == [
        [urls[1], "HTTP 410", "410 Gone"],
        [urls[3], "HTTP 404", "404 Not Found"],
    ]
    # The list of the failed is a list of URLs.
    site.answer("/gone", Answer(200, b"back"))
    fetch.run("-i", "failed.txt", "-o", "out", code=1)
    assert (urls[1], b"back") in read(tmp_path / "out")


def test_too_many_requests(site, fetch, tmp_path):
    """Retry-After holds the whole host, and nothing is lost by it."""
    site.answer("/a", Answer(429, Retry_After="1"), Answer(200, b"a"))
    urls = [f"{site.url}/a", *site.pages(range(5))]
    done = fetch.run(*urls, "-o", "out.jsonl", "--json", "--per-host", 1)
    said = summary(done)
    assert (said["fetched"], said["retries"]) == (6, 1)
    assert said["seconds"] >= 1
    expected = {url: body_of(number) for number, url in enumerate(site.pages(range(5)))}
    check(tmp_path / "out.jsonl", {urls[0]: b"a", **expected})


def test_too_many_requests_for_good(site, fetch):
    site.answer("/a", Answer(429, Retry_After="0"))
    done = fetch.run(f"{site.url}/a", "-o", "out.jsonl", "--retries", 2, code=1)
    assert site.asked["/a"] == 3
    assert "HTTP 429 1" in done.stdout
    assert "ask more slowly" in done.stdout


def test_redirects(site, fetch, tmp_path):
    site.answer("/old", Answer(301, Location="/older"))
    site.answer("/older", Answer(302, Location="/page/2"))
    urls = [f"{site.url}/old", f"{site.url}/page/2"]
    for name in ("out.jsonl", "out.warc.gz", "out"):
        fetch.run(*urls, "-o", name)
        check(tmp_path / name, dict.fromkeys(urls, body_of(2)))
    (record,) = [
        one
        for one in map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
        if one["url"] == urls[0]
    ]
    assert record["final_url"] == urls[1]
    assert [one["status"] for one in record["redirects"]] == [301, 302]


def test_archive_has_each_redirect(site, fetch, tmp_path):
    warcio = pytest.importorskip("warcio.archiveiterator")
    site.answer("/old", Answer(301, b"moved", Location="/page/2"))
    fetch.run(f"{site.url}/old", "-o", "out.warc")
    with open(tmp_path / "out.warc", "rb") as file:
        found = [
            (
                record.rec_type,
                record.rec_headers.get_header("WARC-Target-URI"),
                record.http_headers and record.http_headers.get_statuscode(),
            )
            for record in warcio.ArchiveIterator(file, check_digests="raise")
        ]
    assert found == [
        ("warcinfo", None, None),
        ("response", f"{site.url}/old", "301"),
        ("response", f"{site.url}/page/2", "200"),
    ]


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("/loop", "redirect loop"),
        ("ftp://example.org/", "bad redirect"),
        ("http://[::1/", "bad redirect"),
        ("http://127.0.0.1:1/", "connection refused"),
    ],
)
def test_bad_redirects(site, fetch, location, kind):
    site.answer("/loop", Answer(302, Location=location))
    done = fetch.run(f"{site.url}/loop", "-o", "out", "--json", "--retries", 0, code=1)
    assert summary(done)["errors"] == {kind: 1}


def test_huge_body(site, fetch):
    site.answer("/huge", Answer(200, b"x" * 50_001))
    packed = gzip.compress(b"x" * 50_001)
    site.answer("/packed", Answer(200, packed, Content_Encoding="gzip"))
    urls = [f"{site.url}/huge", f"{site.url}/packed"]
    done = fetch.run(*urls, "-o", "out", "--max-size", 50_000, code=1)
    assert "too large 2" in done.stdout
    assert "--max-size allows larger" in done.stdout
    assert site.asked["/huge"] == site.asked["/packed"] == 1
    fetch.run(*urls, "-o", "out", "--max-size", "50k", code=0)


def test_compressed_bodies(site, fetch, tmp_path):
    """An archive has them as they came, everything else has what they stand for."""
    packed = gzip.compress(b"plain " * 100)
    site.answer("/packed", Answer(200, packed, Content_Encoding="gzip"))
    url = f"{site.url}/packed"
    for name in ("out.jsonl", "out.warc.gz", "out.warc"):
        fetch.run(url, "-o", name)
        check(tmp_path / name, {url: b"plain " * 100})
    assert packed in (tmp_path / "out.warc").read_bytes()


def test_unreachable_hosts(fetch, tmp_path):
    """A port that refuses, a name that there is not, and a server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        urls = [
            "http://127.0.0.1:1/x",
            "http://no-such-host.invalid/",
            f"http://127.0.0.1:{silent.getsockname()[1]}/",
        ]
        done = fetch.run(
            *urls, "-o", "out", "--json", "--retries", 0, "--timeout", 0.3, "--failed", "f",
            code=1,
        )  # fmt: skip
    errors = summary(done)["errors"]
    assert errors == {"connection refused": 1, "host not found": 1, "timeout": 1}
    said = (tmp_path / "f").read_text()
    assert "\tcannot connect to 127.0.0.1:1: Connection refused\n" in said
    assert "\tcannot connect to no-such-host.invalid:80: " in said
    assert "\tno whole answer within 0.3 s (--timeout)\n" in said


@pytest.mark.parametrize("kind", ["http", "socks5", "socks5h"])
@pytest.mark.parametrize("where", ["127.0.0.1:1", "no-such-host.invalid:1080"])
def test_proxies_that_are_not_there(site, fetch, tmp_path, kind, where):
    """What is said is about the proxy, and not its password."""
    proxy = f"{kind}://who:secret@{where}"
    arguments = ("-o", "out", "--retries", 0, "--failed", "f", "--proxy", proxy, "--no-robots")
    done = fetch.run(*site.pages([1]), *arguments, code=1)
    said = done.stdout + done.stderr + (tmp_path / "f").read_text()
    assert where in said
    assert "secret" not in said
    assert site.url.partition("//")[2] not in said.replace(site.pages([1])[0], "")


def test_timeouts_get_a_hint(site, fetch):
    site.open.clear()
    done = fetch.run(site.pages([1])[0], "-o", "out", "--retries", 0, "--timeout", 0.2, code=1)
    site.open.set()
    assert "--timeout 0.4" in done.stdout


def test_body_that_is_cut_short(site, fetch, tmp_path):
    site.answer("/cut", Answer(200, b"half", Content_Length="8", Connection="close"))
    done = fetch.run(f"{site.url}/cut", "-o", "out.jsonl", "--json", "--retries", 1, code=1)
    assert summary(done)["errors"] == {"body cut short": 1}
    assert site.asked["/cut"] == 2
    assert read(tmp_path / "out.jsonl") == []


NAMES = [
    "/a%20b", "/%2e%2e/%2e%2e/etc", "/..%2f..%2fx", "/caf%C3%A9", "/é", "/" + "x" * 300, "/-rf",
    "/.hidden", "/a:b*c?d=e&f=<g>", "/con", "/a.tar.gz", "/page.HTML", "/%00", "/%0a",
]  # fmt: skip


def test_odd_names(site, fetch, tmp_path, listed):
    urls = [f"{site.url}{name}" for name in NAMES]
    for name in ("/a%20b", "/%2e%2e"):
        site.answer(name, Answer(200, b"odd"))
    site._server.RequestHandlerClass.usual, usual = (
        lambda self: Answer(200, self.path.encode()),
        site._server.RequestHandlerClass.usual,
    )
    try:
        for output in ("out", "out.sqlite", "out.jsonl", "out.warc.gz"):
            fetch.run("-i", listed(urls), "-o", output)
            assert {url for url, _ in read(tmp_path / output)} == set(urls)
            fetch.run("-i", listed(urls), "-o", output)
    finally:
        site._server.RequestHandlerClass.usual = usual
    names = [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(names) == len(urls) + 1
    assert all(name.isascii() and len(name) < 120 and name[0] not in ".-" for name in names)
    outside = {path.name for path in tmp_path.iterdir()} - {"urls.txt"}
    assert outside == {"out", "out.sqlite", "out.jsonl", "out.warc.gz"}


def test_headers_cookies_and_agent(site, fetch):
    site.answer("/away", Answer(302, Location=f"{site.url.replace('127.0.0.1', 'localhost')}/to"))
    site.answer("/to", Answer(200, b"there"))
    fetch.run(
        f"{site.url}/away", "-o", "out", "-H", "X-Test: yes", "--cookie", "session=7",
        "--user-agent", "tester/1.0",
    )  # fmt: skip
    asked = site.headers["/away"]
    assert (asked["X-Test"], asked["Cookie"], asked["User-Agent"]) == (
        "yes", "session=7", "tester/1.0",
    )  # fmt: skip
    # Another host, by a redirect: not its cookie.
    assert site.headers["/to"]["Cookie"] is None
    assert site.headers["/robots.txt"]["User-Agent"] == "tester/1.0"


def test_proxy(site, fetch, tmp_path):
    """A proxy is asked for the whole URL; here it is the site itself."""
    site.answer("http://elsewhere.invalid/x", Answer(200, b"by proxy"))
    fetch.run("http://elsewhere.invalid/x", "-o", "out.jsonl", "--proxy", site.url)
    check(tmp_path / "out.jsonl", {"http://elsewhere.invalid/x": b"by proxy"})


def test_limits(site, fetch):
    site.open.clear()
    child = fetch.start(*site.pages(range(20)), "-o", "out", "--per-host", 3, "--no-robots")
    site.wait_active(3)
    site.open.set()
    assert fetch.finish(child).returncode == 0
    assert site.peak == 3
    assert site.asked["/robots.txt"] == 0


def test_robots(site, fetch, tmp_path):
    rules = b"User-agent: *\nDisallow: /page/2\n\nUser-agent: tester\nDisallow: /page/1\n"
    site.answer("/robots.txt", Answer(200, rules))
    urls = site.pages([1, 2])
    done = fetch.run(*urls, "-o", "out.jsonl", "--json", code=1)
    assert summary(done)["errors"] == {"robots.txt": 1}
    assert dict(site.asked) == {"/robots.txt": 1, "/page/1": 1}
    done = fetch.run(*urls, "-o", "other.jsonl", "--user-agent", "tester/2", code=1)
    assert "robots.txt does not allow it" in done.stdout
    assert dict(read(tmp_path / "other.jsonl")) == {urls[1]: body_of(2)}
    fetch.run(*urls, "-o", "out.jsonl", "--no-robots")


def test_robots_that_cannot_be_read(site, fetch):
    """A host that cannot tell what it allows is not asked for anything: RFC 9309."""
    site.answer("/robots.txt", Answer(500))
    done = fetch.run(*site.pages([1]), "-o", "out", code=1)
    assert "answers 500" in done.stdout
    assert site.pages_asked() == 0


def test_crawl_delay(site, fetch):
    site.answer("/robots.txt", Answer(200, b"User-agent: *\nCrawl-delay: 1\n"))
    done = fetch.run(*site.pages([1, 2]), "-o", "out", "--json")
    assert summary(done)["seconds"] >= 1
    assert site.peak == 1
