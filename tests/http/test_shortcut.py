"""The short way of a request and the long one are the same to everybody who looks.

Each case is played twice, by sessions that are alike, one of which knows no short way: what goes
over the wire, what the response tells and what is raised must be equal. And it is the short way
that a case takes which is meant for it.
"""

import io
import itertools
import json
import random
from enum import IntEnum

import pytest
from multidict import CIMultiDict, istr

from aioxide import http

from .two_ways import players

pytestmark = pytest.mark.usefixtures("loop")
REDIRECTS = (301, 302, 303, 307, 308)


class Case:
    """A value of one dimension: whether it goes the short way, and how it is made."""

    def __init__(self, make, short):
        self.make = make
        self.short = short


def shortly(*values):
    return [Case(lambda value=value: value, True) for value in values]


def longly(*values):
    return [Case(lambda value=value: value, False) for value in values]


class Page(IntEnum):
    ONE = 1


class Text(str):
    __slots__ = ()


def pieces():
    async def generate():
        yield b"one"
        yield b"two"

    return {"data": generate()}


METHODS = shortly("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "post", "PURGE")
BAD_METHODS = longly("PO ST", "", 5, None, Text("GET"))
BODIES = [
    *shortly(
        {},
        {"data": None},
        {"json": None},
        {"data": None, "json": {"a": [1, "ü", None]}},
        {"json": ""},
        {"json": 0},
        {"json": [False]},
        {"data": b""},
        {"data": b"abc", "json": None},
        {"data": b"a" * 20_000},
        {"data": "text ü"},
        {"data": ""},
    ),
    Case(lambda: {"data": bytearray(b"bytes")}, True),
    Case(lambda: {"data": bytearray(b"b" * 200_000)}, True),
    # Not to be sent.
    *longly(
        {"json": object()},
        {"json": {1, 2}},
        {"data": "\ud800"},
        {"data": b"x", "json": 1},
        {"data": object()},
        {"data": {"a": "1", "b": "ü"}},
        {"data": [("a", "1")]},
        {"data": Text("text")},
    ),
    Case(lambda: {"data": memoryview(b"view")}, False),
    Case(lambda: {"data": io.BytesIO(b"file")}, False),
    Case(lambda: {"data": http.BytesPayload(b"payload")}, False),
    Case(lambda: {"data": http.FormData({"a": "1"})}, False),
    Case(pieces, False),
]
HEADERS = [
    *shortly(
        None,
        {},
        {"X-A": "1"},
        {"X-A": "1", "x-a": "2", "X-B": "ü\t"},
        {"x-s": "mine", "X-A": ""},
        {"user-agent": "me"},
        {"Content-Type": "text/x"},
        {"content-type": "a/b; charset=x"},
        {"HOST": "other.example"},
        {"Authorization": "Bearer x"},
        {"Accept": "a/b", "accept-encoding": "identity"},
        {"Content-Encoding": "gzip"},
        {"Connection": "keep-alive"},
        {istr("X-I"): "2"},
    ),
    *longly(
        {"Content-Length": "0"},
        {"transfer-encoding": "chunked"},
        {"Expect": "100-continue"},
        {"X": "a\r\nY: z"},
        {"X": "\0" + "0"},
        {"X": 5},
        {"X": None},
        {"X": "\ud800"},
        {"X": Text("x")},
        {"bad name": "x"},
        {"": "x"},
        {1: "x"},
        CIMultiDict([("A", "1"), ("a", "2")]),
        [("A", "1"), ("A", "2")],
        "text",
    ),
]
PARAMS = [
    *shortly(None, {}, {"a": "1"}, {"a": 1, "b": "ü & =", "x": ""}, {"a": 1.5}, {"a": [1, 2]}),
    *longly(
        "a=b", [("a", "1"), ("a", "2")], {"a": True}, {"a": None}, {"a": object()}, {1: "a"}, 7
    ),
    Case(lambda: {"a": Page.ONE}, True),
]
PATHS = shortly(
    "/p",
    "/p?x=1&x=2",
    "/p?x=1#fragment",
    "/ü p",
    "/cookie",
    "/nowhere",
    "/half",
    "/gone",
    "/bad",
    *(f"/status/{status}" for status in (204, 304, 400, 404, 500)),
    *(f"/redirect/{status}" for status in REDIRECTS),
)
OPTIONS = [
    *shortly(
        {},
        {"allow_redirects": True},
        {"allow_redirects": False},
        {"raise_for_status": True},
        {"raise_for_status": False},
        {"raise_for_status": None, "auth": None, "cookies": None, "proxy": None, "chunked": None},
        {"allow_redirects": False, "raise_for_status": True},
        {"timeout": http.ClientTimeout(total=50)},
        {"timeout": http.ClientTimeout(sock_read=50)},
        {"timeout": http.ClientTimeout(total=0, sock_read=0)},
        {"timeout": 50},
        {"timeout": 0.0},
        {"timeout": None},
    ),
    *longly(
        {"timeout": -1, "retry": False},
        {"timeout": http.ClientTimeout(first_byte=50)},
        {"timeout": "soon"},
        {"timeout": True},
        {"allow_redirects": 0},
        {"raise_for_status": 1},
        {"ssl": True},
        {"compress": "deflate"},
        {"chunked": True},
        {"expect100": True},
        {"read_until_eof": False},
        {"retry": False},
        {"cookies": {"mine": "1"}},
        {"skip_auto_headers": ["User-Agent"]},
        {"max_redirects": 1},
        {"max_error_body": 3},
        {"no_such_option": None},
        {"server_hostname": "x"},
    ),
]


class Refused(Exception):
    pass


async def refuse(response):
    if response.status >= 300:
        raise Refused(response.status, await response.text())


def compact(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


#: A session's options, and whether its requests go the short way: without a body, and with one.
SESSIONS = {
    "plain": (dict, True, True),
    "headers": (lambda: {"headers": {"X-S": "s", "content-type": "a/s", "X-A": "5"}}, True, True),
    "agent": (lambda: {"headers": {"USER-AGENT": "us", "Accept": "none"}}, True, True),
    "skipped": (
        lambda: {"skip_auto_headers": ["User-Agent", "content-type", "Accept"]},
        True,
        True,
    ),
    "cookies": (
        lambda: {"cookies": {"a": "1", "b": "x y"}, "cookie_jar": http.CookieJar(unsafe=True)},
        True,
        True,
    ),
    "json": (lambda: {"json_serialize": compact}, True, True),
    "json-bytes": (lambda: {"json_serialize_bytes": lambda x: compact(x).encode()}, True, True),
    "raising": (lambda: {"raise_for_status": True}, True, True),
    "asking": (lambda: {"raise_for_status": refuse}, True, True),
    "1.0": (lambda: {"version": http.HttpVersion10, "cookies": {"a": "1"}}, True, True),
    "once": (lambda: {"retry": False}, True, True),
    "limits": (
        lambda: {"timeout": http.ClientTimeout(total=60, connect=50, sock_read=40)},
        True,
        True,
    ),
    "no-limits": (lambda: {"timeout": http.ClientTimeout(total=-1)}, True, True),
    "length": (lambda: {"headers": {"Content-Length": "0"}}, True, False),
    "expecting": (lambda: {"headers": {"Expect": "100-continue"}}, False, False),
    "coding": (lambda: {"headers": {"Transfer-Encoding": "chunked"}}, False, False),
    "invalid": (lambda: {"headers": {"X": "a\nb"}}, False, False),
}


async def compare(short, long, method, path, cases, expected):
    """Play a case both ways."""

    def options():
        found = {}
        for name, case in cases.items():
            value = case.make()
            if name in ("headers", "params"):
                if value is not None:
                    found[name] = value
            else:
                found.update(value)
        return found

    url = short.server.url + path if isinstance(path, str) else path
    described = (method, path, options())
    one = await short.play(method, url, options())
    went = list(short.began)
    other = await long.play(method, url, options())
    assert one == other, described
    if expected is not None:
        assert any(went) == expected, described


def dimensions(**changed):
    """One case, plain but for what is given."""
    plain = {"body": BODIES[0], "headers": HEADERS[0], "params": PARAMS[0], "options": OPTIONS[0]}
    return {**plain, **changed}


def expected_of(session, method, path, cases):
    """Whether a case goes the short way; None where that is not the question."""
    _, without_body, with_body = SESSIONS[session]
    if not all(case.short for case in (method, path, *cases.values())):
        return False
    sends = any(value is not None for value in cases["body"].make().values())
    return with_body if sends else without_body


def variations():
    """Each value of each dimension with each method; and of body and path with each other."""
    for method, (name, values) in itertools.product(
        METHODS,
        [("body", BODIES), ("headers", HEADERS), ("params", PARAMS), ("options", OPTIONS)],
    ):
        for case in values:
            yield method, PATHS[0], dimensions(**{name: case})
    for method in BAD_METHODS:
        yield method, PATHS[0], dimensions()
    for path, method in itertools.product(PATHS, METHODS):
        for body in (BODIES[0], BODIES[3], BODIES[8]):
            yield method, path, dimensions(body=body)


def mixtures(count, seed):
    """Values of all dimensions together, most of them short."""
    chosen = random.Random(seed)

    def of(values):
        some = values if chosen.random() < 0.1 else [case for case in values if case.short]
        return chosen.choice(some)

    for _ in range(count):
        yield (
            of(METHODS),
            of(PATHS),
            {
                "body": of(BODIES),
                "headers": of(HEADERS),
                "params": of(PARAMS),
                "options": of(OPTIONS),
            },
        )


async def test_each_option(monkeypatch):
    async with players(dict, monkeypatch) as (short, long):
        for method, path, cases in variations():
            expected = expected_of("plain", method, path, cases)
            await compare(short, long, method.make(), path.make(), cases, expected)


@pytest.mark.parametrize("session", SESSIONS)
async def test_options_together(monkeypatch, session):
    async with players(SESSIONS[session][0], monkeypatch) as (short, long):
        for method, path, cases in mixtures(150, session):
            expected = expected_of(session, method, path, cases)
            if session == "cookies" and "Cookie" in (cases["headers"].make() or ()):
                expected = False
            await compare(short, long, method.make(), path.make(), cases, expected)
