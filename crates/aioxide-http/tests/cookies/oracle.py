"""Writes down what aiohttp does with cookies: the *.txt files beside this one.

    python oracle.py [CASES]

needs aiohttp 3.14.5 and Python 3.14, whose `Morsel` knows Partitioned. Each line is a case, or a
step of one; its fields are percent-encoded UTF-8 with tabs between. What the jar does is written as
steps: `> ` before what is done, `< ` before what comes out.
"""

import asyncio
import random
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from unittest import mock
from urllib.parse import quote

import aiohttp
from aiohttp import CookieJar, cookiejar
from aiohttp._cookie_helpers import parse_cookie_header, parse_set_cookie_headers
from aiohttp.client_reqrep import ClientRequest
from yarl import URL

HERE = Path(__file__).parent
SAFE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
RESERVED: Iterable[str] = Morsel._reserved  # type: ignore[attr-defined]

NAMES = ["a", "b", "sid", "__Host-x", "a[1]", "x:y", "path", "Secure", "$v", "n{}", "é", "a b", ""]
VALUES = [
    "1",
    "",
    "xyz",
    "a=b",
    "a b",
    '"q"',
    '"q;r"',
    '"q\\"r"',
    '"\\101\\041"',
    '"\\012"',
    '"un',
    'un"',
    "é",
    '"é"',
    "a,b",
    "  s  ",
    '"a  b"c',
    '"\\',
    "\\",
    '"tab\there"',
    '"\\377"',
    "x" * 300,
    '"a" b',
    '"\\é"',
    '{"j":1}',
    "'",
    '""',
    '"',
    "a\\;b",
]
DATES = [
    "Wed, 09 Jun 2021 10:18:14 GMT",
    "Wednesday, 09-Jun-21 10:18:14 GMT",
    "Wed Jun  9 10:18:14 2021",
    "Wed Jun 19 10:18:14 2038",
    "Sun, 06 Nov 2094 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 +0100",
    "Tue, 1 Jan 2030 00:00:00 -0000",
    "Monday, 31-Feb-2031 23:59:59 GMT",
    "1 Jan 2030 00:00:00",
    '"Wed, 09 Jun 2031 10:18:14 GMT"',
    "Jan 2030",
    "tomorrow",
    "2030-01-02T03:04:05Z",
    "Wed,09 Jun 2021 10:18:14 GMT",
    "Thu, 01-Jan-1970 00:00:10 GMT",
    "Wed Jun  9 10:18:14 2021 x",
    "Wed Jun 009 10:18:14 2021",
    "Wed, 9 Jun 2021 10:18:14 GMT",
    "Sonntagday, 06 Nov 1994 08:49:37 GMT",
]
ATTRIBUTES = [
    "Path=/",
    "Path=/a",
    "path=/a/",
    "PATH=/a/b",
    "Path",
    "Path=",
    "Path=a",
    "Path=/a//",
    'Path="/a"',
    "Domain=x.com",
    "Domain=.x.com",
    "domain=a.x.com",
    "Domain=x.com.",
    "Domain=",
    "Domain=com",
    "Domain=y.org",
    "Domain=X.com",
    "Domain=..x.com",
    "Max-Age=10",
    "Max-Age=0",
    "Max-Age=-5",
    "max-age=1_0",
    "Max-Age=+7",
    "Max-Age=abc",
    "Max-Age",
    'Max-Age=" 20 "',
    "Max-Age=99999999999999999999",
    "Max-Age=1.5",
    "Max-Age=0x10",
    "Max-Age=__1",
    "Secure",
    "secure=false",
    "HttpOnly",
    "httponly;",
    "SameSite=Lax",
    "samesite=None",
    "Partitioned",
    "Version=1",
    "Comment=hi",
    'Comment="a;b"',
    'Comment="a\\"b"',
    "Unknown=1",
    "Unknown",
    "=x",
    ";;",
    "é",
    "é=1",
    "Comment=é",
    'Comment="é"',
    'Comment="\\012"',
    "Comment=a\tb",
    "  ",
    "Comment=" + "c" * 1100,
    'Comment="' + "é" * 600 + '"',
    "Path = /s",
    "Path= /s2",
    'Comment= "open',
    "\\",
    "Comment= \\x",
    "a\\b=c",
    *(f"Expires={date}" for date in DATES),
]
HOSTS = ["x.com", "a.x.com", "b.a.x.com", "y.org", "127.0.0.1", "[::1]", "localhost", "x.com."]
PATHS = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/a//", "/%C3%A9", "", "/a/é"]


def field(text: str) -> str:
    return quote(text, safe=SAFE)


def line(*fields: str) -> str:
    return "\t".join(field(text) for text in fields)


def attributes(morsel: "Morsel[str]") -> list[str]:
    """What is set, by name."""
    given = [(name, morsel.get(name)) for name in sorted(RESERVED)]
    return [name if value is True else f"{name}={value}" for name, value in given if value]


def morsel_line(*before: str, morsel: "Morsel[str]") -> str:
    return line(*before, morsel.key, morsel.value, morsel.coded_value, *attributes(morsel))


def set_cookie(rng: random.Random) -> str:
    pair = f"{rng.choice(NAMES)}={rng.choice(VALUES)}"
    if rng.random() < 0.1:
        pair = rng.choice(
            ["", "novalue", " a = b ", "\ta\t=\tb\t", "=v", "a=1\x01", "a=\x7f", "a\tb=c", '"a"=b']
        )
    parts = [pair, *rng.choices(ATTRIBUTES, k=rng.randrange(6))]
    return rng.choice(["; ", ";", " ; ", "; ", " "]).join(parts)


def mutated(rng: random.Random, text: str) -> str:
    """With a few characters changed that mean something."""
    letters = list(text)
    for _ in range(rng.randrange(4)):
        place = rng.randrange(len(letters) + 1)
        letters[place : place + rng.randrange(2)] = rng.choice('";=\\ ,\té0a/:')
    return "".join(letters)


def set_cookies(rng: random.Random, cases: int) -> Iterable[str]:
    fields = [f"a=b; {attribute}" for attribute in ATTRIBUTES]
    fields += [f"{name}={value}" for name in NAMES for value in VALUES]
    fields += ["a=" + "v" * length for length in (4094, 4095, 4096)]
    fields += [
        "é" * 10 + "=" + "é" * 2048,
        "a=" + "é" * 2048,
        "a=b;" + "x;" * 31 + "Secure",
        "a=b;" + "x;" * 32 + "Secure",
    ]
    fields += [mutated(rng, set_cookie(rng)) for _ in range(cases)]
    for header in fields:
        parsed = parse_set_cookie_headers([header])
        yield morsel_line(header, morsel=parsed[0][1]) if parsed else line(header)


def cookie_headers(rng: random.Random, cases: int) -> Iterable[str]:
    fields = [f"a=1; {name}={value}; z=2" for name in NAMES for value in VALUES]
    for _ in range(cases):
        pairs = [f"{rng.choice(NAMES)}={rng.choice(VALUES)}" for _ in range(rng.randrange(5))]
        fields.append(mutated(rng, rng.choice(["; ", ";", " "]).join(pairs)))
    for header in fields:
        morsels = [morsel for _, morsel in parse_cookie_header(header)]
        yield line(header, *(part for m in morsels for part in (m.key, m.value, m.coded_value)))


def dates(rng: random.Random, cases: int) -> Iterable[str]:
    texts = list(DATES)
    parts = [
        "1",
        "31",
        "0",
        "32",
        "Jan",
        "FEBRUARY",
        "dec",
        "Mo",
        "99",
        "70",
        "69",
        "1601",
        "1600",
        "9999",
        "12345",
        "10:20:30",
        "1:2:3",
        "24:00:00",
        "23:60:00",
        "1:2",
        "GMT",
        "é",
        "1:2:3x",
        "2001x",
        "\x7f",
    ]
    for _ in range(cases):
        chosen = rng.sample(parts, k=rng.randrange(3, 8))
        texts.append(mutated(rng, rng.choice([" ", "-", ", ", ";"]).join(chosen)))
    for text in texts:
        seconds = CookieJar._parse_date(text)
        yield line(text, "" if seconds is None else str(seconds))


def quotings(rng: random.Random, cases: int) -> Iterable[str]:
    texts = ["", "abc", *(chr(code) for code in range(1, 0x180)), *VALUES]
    texts += ["".join(rng.choices('a" \\;,é€0/:', k=rng.randrange(9))) for _ in range(cases // 10)]
    for text in texts:
        yield line(text, SimpleCookie().value_encode(text)[1])


class Steps:
    """A jar, and what was done with it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rng: random.Random) -> None:
        self.rng = rng
        self.lines: list[str] = []
        self.now = 1_600_000_000
        unsafe, quoting, secure = rng.random() < 0.3, rng.random() < 0.8, rng.random() < 0.2
        origins = ["http://x.com:8080", "http://a.x.com"] if secure else []
        self.limits = rng.choice([(180, 150, 3300, 3000, 150, 8190), (4, 3, 9, 7, 3, 60)])
        self.jar = CookieJar(
            unsafe=unsafe, quote_cookie=quoting, treat_as_secure_origin=origins, loop=loop
        )
        self.step("jar", str(unsafe), str(quoting), str(secure), *map(str, self.limits))

    def step(self, *fields: str) -> None:
        self.lines.append("> " + line(*fields))

    def url(self) -> tuple[URL, list[str]]:
        rng = self.rng
        if rng.random() < 0.05:
            return URL(), ["", "", "", ""]
        port = rng.choice(["", "", ":8080", ":443"])
        scheme = rng.choice(["http", "https", "http", "wss", "ws"])
        url = URL(f"{scheme}://{rng.choice(HOSTS)}{port}{rng.choice(PATHS)}")
        return url, [url.scheme, url.raw_host or "", str(url.explicit_port or ""), url.path]

    def run(self) -> None:
        rng = self.rng
        self.now += rng.choice([0, 0, 1, 3, 30])
        action = rng.choices(
            [
                self.answer,
                self.give,
                self.request,
                self.entries,
                self.clear_domain,
                self.reload,
                self.clear_name,
            ],
            weights=[10, 2, 8, 3, 0.3, 0.6, 0.5],
        )[0]
        action()

    def answer(self) -> None:
        rng = self.rng
        url, parts = self.url()
        fields = []
        for _ in range(rng.choice([1, 1, 2, 5])):
            name, value = rng.choice(["a", "b", "c", "d", "e", "f", "g"]), rng.choice(VALUES[:12])
            plain = [text for text in ATTRIBUTES if text not in self.unwanted(url)]
            kept = [f"Path={path}" for path in ("/", "/a", "/a/b", "/a//", "/a/")]
            fields.append(
                "; ".join([f"{name}={value}", *rng.choices(plain + kept * 6, k=rng.randrange(4))])
            )
        self.step("answer", str(self.now), *parts, *fields)
        self.jar.update_cookies_from_headers(fields, url)

    def unwanted(self, url: URL) -> list[str]:
        """What aiohttp does otherwise: it keeps what ended with 1970, and a cookie without any
        domain makes it stumble later.
        """
        ended = [text for text in ATTRIBUTES if "1970 00:00:00" in text]
        return ended if url.raw_host else [*ended, "Domain=x.com."]

    def give(self) -> None:
        rng = self.rng
        url, parts = (URL(), ["", "", "", ""]) if rng.random() < 0.6 else self.url()
        morsel: Morsel[str] = Morsel()
        name = rng.choice(["a", "b", "c", "shared"])
        value = rng.choice(["1", "two words", '"q"', "é"])
        morsel.set(name, value, SimpleCookie().value_encode(value)[1])
        for attribute in rng.sample(
            [("path", "/a"), ("secure", True), ("max-age", "5"), ("domain", "x.com")],
            k=rng.randrange(2),
        ):
            morsel[attribute[0]] = attribute[1]
        filed = rng.choice([name, name, "other"])
        self.step(
            "give",
            str(self.now),
            *parts,
            filed,
            morsel.key,
            morsel.value,
            morsel.coded_value,
            *attributes(morsel),
        )
        self.jar.update_cookies({filed: morsel}, url)

    def request(self) -> None:
        url, parts = self.url()
        self.step("request", str(self.now), *parts)
        chosen = self.jar.filter_cookies(url)
        out = [part for name, m in chosen.items() for part in (name, m.key, m.value, m.coded_value)]
        request = mock.Mock(headers={})
        ClientRequest.update_cookies(request, chosen)
        self.lines.append("< " + line(request.headers.get("Cookie", ""), *out))

    def entries(self) -> None:
        self.step("entries", str(self.now))
        list(self.jar)
        for (domain, path), bucket in self.jar.cookies.items():
            for name, morsel in bucket.items():
                key = (domain, path, name)
                end = self.jar._expirations.get(key)
                host_only = key in self.jar.host_only_cookies
                shown = "" if end is None else str(int(end))
                self.lines.append(
                    "< " + morsel_line(domain, path, name, str(host_only), shown, morsel=morsel)
                )

    def clear_domain(self) -> None:
        domain = self.rng.choice(["x.com", "a.x.com", "com", "org", ""])
        self.step("clear_domain", str(self.now), domain)
        self.jar.clear_domain(domain)

    def clear_name(self) -> None:
        name = self.rng.choice("abc")
        self.step("clear_name", str(self.now), name)
        self.jar.clear(lambda morsel: morsel.key == name)

    def reload(self) -> None:
        self.step("reload", str(self.now))
        with tempfile.TemporaryDirectory() as folder:
            self.jar.save(Path(folder) / "jar")
            self.jar.load(Path(folder) / "jar")


LIMITS = [
    "_MAX_COOKIES_PER_DOMAIN",
    "_COOKIE_QUOTA_PER_DOMAIN",
    "_MAX_COOKIES_TOTAL",
    "_COOKIE_QUOTA_TOTAL",
    "_MAX_COOKIES_PER_REQUEST",
    "_MAX_COOKIE_HEADER_LENGTH",
]


def jars(rng: random.Random, cases: int) -> Iterable[str]:
    loop = asyncio.new_event_loop()
    for _ in range(cases // 20):
        steps = Steps(loop, rng)
        with ExitStack() as patches:
            for name, limit in zip(LIMITS, steps.limits, strict=True):
                patches.enter_context(mock.patch.object(cookiejar, name, limit))
            patches.enter_context(mock.patch("time.time", lambda steps=steps: float(steps.now)))
            for _ in range(rng.choice([5, 20, 60])):
                steps.run()
            steps.entries()
        yield from steps.lines
    loop.close()


PARTS: dict[str, Callable[[random.Random, int], Iterable[str]]] = {
    "set_cookie": set_cookies,
    "cookie_header": cookie_headers,
    "dates": dates,
    "quoting": quotings,
    "jar": jars,
}


def main() -> None:
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    for name, part in PARTS.items():
        header = f"# aiohttp {aiohttp.__version__}, by oracle.py"
        lines = [header, *part(random.Random(seed), cases)]
        (HERE / f"{name}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
