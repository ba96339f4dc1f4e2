"""The cookie jar. aiohttp's jar is the control where both can be asked the same."""

import asyncio
import json
import logging
import os
import pickle
import random
import stat
import subprocess
import sys
import types
from http.cookies import BaseCookie, CookieError, Morsel, SimpleCookie

import aiohttp
import aiohttp.cookiejar
import pytest
from yarl import URL

import aioxide
from aioxide.http import AbstractCookieJar, CookieJar, DummyCookieJar, _cookies

HERE = URL("https://example.com/a/b")
PLAIN = URL("http://example.com/a/b")
BELOW = URL("https://www.example.com/a/b")


@pytest.fixture
def anew():
    """Makes jars; they need a loop, and do nothing with it."""
    loop = aioxide.new_event_loop()
    yield lambda **options: CookieJar(loop=loop, **options)
    loop.close()


@pytest.fixture
def jar(anew):
    return anew()


@pytest.fixture
def clock(monkeypatch):
    """The time that jars go by."""
    clock = types.SimpleNamespace(now=1_800_000_000.0)
    monkeypatch.setattr(_cookies, "time", types.SimpleNamespace(time=lambda: clock.now))
    return clock


def sent(jar, url=HERE):
    """The value of the Cookie header, in both ways of asking for it."""
    header = jar._jar.header(_cookies.time.time(), _cookies.cookie_target(url))
    morsels = jar.filter_cookies(url)
    ready = "; ".join(f"{morsel.key}={morsel.coded_value}" for _, morsel in sorted(morsels.items()))
    assert ready == (header or "")
    return header


# What is taken, and what is sent


def given(name, value, **attributes):
    morsel = Morsel()
    morsel.set(name, value, value)
    morsel.update(attributes)
    return morsel


LOADED = SimpleCookie('a="1 2"; Path=/')


@pytest.mark.parametrize(
    ("cookies", "header"),
    [
        ({"a": "1", "b": "2"}, "a=1; b=2"),
        ([("a", "1"), ("b", "2"), ("a", "3")], "a=3; b=2"),
        (LOADED, 'a="1 2"'),
        ({"a": LOADED["a"]}, 'a="1 2"'),
        ({"filed": given("a", "1")}, "a=1"),
        ({"a": 1}, "a=1"),
        ({"a": "1;2"}, 'a="1\\0732"'),
        ({"a": given("a", "1", path="/other")}, None),
        ({"a": given("a", "1", domain="example.org")}, None),
        ({"a": given("a", "1", domain=".example.com")}, "a=1"),
        ({"a": given("a", "1", **{"max-age": "0"})}, None),
        ({"a": given("a", "1", **{"max-age": 1})}, "a=1"),
        ({"a": given("a", "1", **{"max-age": 10**30})}, "a=1"),
        ({"a": given("a", "1", **{"max-age": "9" * 400})}, "a=1"),
        ({"a": given("a", "1", **{"max-age": "soon"})}, "a=1"),
        ({"a": "\udcff"}, None),
        ({"a": Morsel()}, None),
        ({}, None),
    ],
)
def test_cookies_of_every_kind_are_taken(jar, cookies, header):
    jar.update_cookies(cookies, HERE)
    assert sent(jar) == header


@pytest.mark.parametrize("name", ["a b", "", "path"])
def test_name_that_cannot_be_one_is_refused(jar, name):
    with pytest.raises(CookieError):
        jar.update_cookies({name: "1"}, HERE)
    assert len(jar) == 0


def test_caller_keeps_its_morsel(jar):
    morsel = given("a", "1", domain=".example.com")
    jar.update_cookies({"a": morsel}, HERE)
    assert morsel["domain"] == ".example.com"
    assert morsel["path"] == ""


def test_shared_cookies_go_everywhere(jar):
    jar.update_cookies({"a": "1"})
    assert sent(jar, HERE) == "a=1"
    assert sent(jar, URL("http://127.0.0.1/")) == "a=1"
    assert jar.host_only_cookies == frozenset()


def test_quotes_of_a_server_go_back_as_they_came(jar):
    jar.update_cookies_from_headers(['a="x"; Path=/', "b=x=y; Path=/"], HERE)
    assert sent(jar) == 'a="x"; b="x=y"'


def test_without_quoting_values_go_as_they_are(anew):
    jar = anew(quote_cookie=False)
    jar.update_cookies({"a": "x y=z"}, HERE)
    assert sent(jar) == "a=x y=z"
    assert not jar.quote_cookie


def test_text_that_is_not_utf_8_is_no_cookie_but_hurts_no_other(jar):
    jar.update_cookies_from_headers(["a=\udcff", "b=1; Path=/; Comment=\udcff"], HERE)
    assert sent(jar) == "b=1"
    assert next(iter(jar))["comment"] == ""


def test_names_that_are_none_are_reported(jar, caplog):
    with caplog.at_level(logging.WARNING, logger="aiohttp.internal"):
        jar.update_cookies_from_headers(["a\\b=1"], HERE)
    assert "Illegal cookie name 'a\\\\b'" in caplog.text


def test_address_has_no_cookies_unless_unsafe(anew):
    address = URL("http://127.0.0.1:8080/")
    for unsafe, header in ((False, None), (True, "a=1; b=2")):
        jar = anew(unsafe=unsafe)
        jar.update_cookies({"a": "1"}, address)
        jar.update_cookies_from_headers(["b=2"], address)
        assert sent(jar, address) == header
        assert jar.unsafe is unsafe


def test_text_for_a_url_is_deprecated(jar):
    jar.update_cookies({"a": "1"})
    with pytest.warns(DeprecationWarning, match=r"yarl\.URL"):
        assert jar.filter_cookies("http://example.com/")["a"].value == "1"


# Where they go


def test_host_only_cookie_does_not_go_below(jar):
    jar.update_cookies_from_headers(["own=1; Path=/", "all=1; Path=/; Domain=example.com"], HERE)
    assert sent(jar) == "all=1; own=1"
    assert sent(jar, BELOW) == "all=1"
    assert jar.host_only_cookies == {("example.com", "", "own")}


def test_secure_cookie_goes_to_secure_origins_only(anew):
    for origins, plain in (
        (None, "b=1"),
        ("http://example.com", "a=1; b=1"),
        (URL("http://example.com:80/x"), "a=1; b=1"),
        (["http://other", URL("http://example.com")], "a=1; b=1"),
        ("http://example.com:8080", "b=1"),
        ("https://example.com", "b=1"),
    ):
        jar = anew(treat_as_secure_origin=origins)
        jar.update_cookies_from_headers(["a=1; Path=/; Secure", "b=1; Path=/"], HERE)
        jar.update_cookies({"c": given("c", "1", secure=True)})
        assert sent(jar, HERE) == "a=1; b=1; c=1"
        shared = "; c=1" if plain.startswith("a") else ""
        assert sent(jar, PLAIN) == plain + shared
    assert jar.treat_as_secure_origin == {URL("https://example.com")}


# When they end


def test_cookies_end_when_they_say(jar, clock):
    jar.update_cookies_from_headers(["a=1; Max-Age=10", "b=1"], HERE)
    assert sent(jar) == "a=1; b=1"
    clock.now += 9
    assert sent(jar) == "a=1; b=1"
    clock.now += 1
    assert len(jar) == 2
    assert sent(jar) == "b=1"
    assert len(jar) == 1


def test_ended_cookies_are_not_iterated(jar, clock):
    jar.update_cookies_from_headers(["a=1; Max-Age=10", "b=1"], HERE)
    clock.now += 11
    assert [morsel.key for morsel in jar] == ["b"]


def test_date_of_1970_deletes(jar):
    # Where aiohttp keeps the cookie: 0 is no date to it.
    jar.update_cookies_from_headers(["a=1"], HERE)
    jar.update_cookies_from_headers(["a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], HERE)
    assert sent(jar) is None


# Limits


def test_full_domain_is_trimmed(jar):
    for number in range(180):
        jar.update_cookies({f"a{number}": "1"}, HERE)
    assert len(jar) == 180
    sent(jar, HERE)
    jar.update_cookies({"new": "1"}, HERE)
    assert len(jar) == 150


def test_full_jar_is_trimmed(jar):
    for number in range(3301):
        jar.update_cookies({"a": "1"}, URL(f"https://h{number}.example.com/"))
    assert len(jar) == 3001
    assert sent(jar, URL("https://h0.example.com/")) is None
    assert sent(jar, URL("https://h3300.example.com/")) == "a=1"


def test_response_sets_fifty_cookies(jar):
    jar.update_cookies_from_headers([f"a{number}=1" for number in range(100)], HERE)
    assert len(jar) == 50


def test_header_has_a_limit(jar):
    jar.update_cookies({f"a{number}": "x" * 100 for number in range(140)}, HERE)
    assert 8000 < len("Cookie: " + sent(jar)) <= 8190


def test_request_carries_150_cookies(jar):
    jar.update_cookies({f"a{number}": "1" for number in range(170)}, HERE)
    assert sent(jar).count(";") == 149


# What is in the jar


def test_contents_are_seen_as_they_are_now(jar):
    contents = jar.cookies
    assert isinstance(contents, types.MappingProxyType)
    assert dict(contents) == {}
    jar.update_cookies({"a": "1"}, HERE)
    assert list(contents) == [("example.com", "/a")]
    assert contents["example.com", "/a"]["a"].value == "1"
    assert contents["example.com", "/a"]["a"]["path"] == "/a"
    with pytest.raises(KeyError):
        contents["example.org", ""]
    with pytest.raises(TypeError):
        contents["example.com", ""] = SimpleCookie()
    jar.clear()
    assert len(contents) == 0


def test_clear_takes_what_the_predicate_says(jar):
    jar.update_cookies({"a": "1", "b": "2"}, HERE)
    jar.clear(lambda morsel: morsel.value == "1")
    assert sent(jar) == "b=2"
    jar.clear()
    assert len(jar) == 0


def test_predicate_may_change_the_jar(jar):
    jar.update_cookies({"a": "1", "b": "2"}, HERE)

    def predicate(morsel):
        jar.clear()
        jar.update_cookies({"c": "3"}, HERE)
        return morsel.key == "a"

    jar.clear(predicate)
    assert sent(jar) == "c=3"


def test_failing_predicate_takes_nothing(jar):
    jar.update_cookies({"a": "1"}, HERE)
    with pytest.raises(ZeroDivisionError):
        jar.clear(lambda morsel: 1 / 0)
    assert sent(jar) == "a=1"


def test_clear_domain_takes_what_is_below(jar):
    for host in ("example.com", "www.example.com", "notexample.com"):
        jar.update_cookies({"a": "1"}, URL(f"http://{host}/"))
    jar.clear_domain("example.com")
    assert [morsel["domain"] for morsel in jar] == ["notexample.com"]


def test_iteration_gives_morsels_with_attributes(jar):
    jar.update_cookies_from_headers(["a=1; Secure; HttpOnly; SameSite=Lax; Max-Age=9"], HERE)
    (morsel,) = jar
    assert isinstance(morsel, Morsel)
    assert {name: value for name, value in morsel.items() if value} == {
        "domain": "example.com",
        "httponly": True,
        "max-age": "9",
        "path": "/a",
        "samesite": "Lax",
        "secure": True,
    }


def test_filtered_cookies_are_morsels_without_attributes(jar):
    jar.update_cookies_from_headers(["a=1; Secure"], HERE)
    filtered = jar.filter_cookies(HERE)
    assert type(filtered) is BaseCookie
    assert not any(filtered["a"].values())


# Files


def test_saved_jar_comes_back(anew, clock, tmp_path):
    jar = anew()
    headers = [
        "own=1; Path=/",
        "all=2; Path=/; Domain=example.com; HttpOnly; Partitioned; Max-Age=50",
        'quoted="3 4"; Path=/a; Secure',
    ]
    jar.update_cookies_from_headers(headers, HERE)
    jar.update_cookies({"shared": given("shared", "5", version=1)})
    jar.save(tmp_path / "jar")
    clock.now += 40
    loaded = anew()
    loaded.update_cookies({"other": "1"}, HERE)
    contents = loaded.cookies
    loaded.load(str(tmp_path / "jar"))
    assert sent(loaded) == sent(jar) == 'all=2; own=1; quoted="3 4"; shared=5'
    assert set(contents) == {("example.com", ""), ("example.com", "/a"), ("", "")}
    clock.now += 10
    assert sent(loaded) == 'own=1; quoted="3 4"; shared=5'


def test_loaded_host_only_cookie_does_not_go_below(anew, tmp_path):
    jar = anew()
    jar.update_cookies_from_headers(["own=1; Path=/", "all=1; Path=/; Domain=example.com"], HERE)
    jar.save(tmp_path / "jar")
    loaded = anew()
    loaded.load(tmp_path / "jar")
    assert loaded.host_only_cookies == jar.host_only_cookies == {("example.com", "", "own")}
    assert sent(loaded, BELOW) == "all=1"


def test_saved_file_is_private(jar, tmp_path):
    mask = os.umask(0)
    try:
        jar.save(tmp_path / "jar")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "jar").stat().st_mode) == 0o600


def test_file_is_that_of_aiohttp(anew, tmp_path):
    loop = asyncio.Runner(loop_factory=aioxide.new_event_loop)
    with loop:
        theirs = aiohttp.cookiejar.CookieJar(loop=loop.get_loop())
        jar = anew()
        for one in (theirs, jar):
            one.update_cookies_from_headers(
                ["a=1; Secure", 'b="2"; Domain=example.com; Path=/; SameSite=Lax'], HERE
            )
        theirs.save(tmp_path / "theirs")
        jar.save(tmp_path / "ours")
        assert json.loads((tmp_path / "ours").read_text()) == json.loads(
            (tmp_path / "theirs").read_text()
        )
        theirs.load(tmp_path / "ours")
        jar.load(tmp_path / "theirs")
        assert sent(jar) == 'a=1; b="2"'


class Exploit:
    """Pickled, it is a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "call",
    [
        (os.system, "true"),
        (eval, "1"),
        (subprocess.run, ["true"]),
        (getattr, "", "join"),
        (__import__, "os"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, pickle.HIGHEST_PROTOCOL])
def test_pickle_that_calls_something_is_refused(jar, tmp_path, call, protocol):
    jar.update_cookies({"a": "1"}, HERE)
    (tmp_path / "jar").write_bytes(pickle.dumps({("", ""): Exploit(*call)}, protocol))
    with pytest.raises(pickle.UnpicklingError, match="Forbidden class"):
        jar.load(tmp_path / "jar")
    assert sent(jar) == "a=1"


def test_pickle_of_an_older_jar_is_read(anew, tmp_path):
    jar = anew()
    jar.update_cookies_from_headers(["a=1; Path=/", "b=2; Secure; Path=/"], HERE)
    (tmp_path / "jar").write_bytes(pickle.dumps(jar._cookies, pickle.HIGHEST_PROTOCOL))
    loaded = anew()
    loaded.load(tmp_path / "jar")
    assert sent(loaded) == "a=1; b=2"
    assert sent(loaded, PLAIN) == "a=1"


RECORD = {"key": "a", "value": "1", "coded_value": "1"}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"example.com|": {"a": {**RECORD, "expires_timestamp": "soon"}}}, ValueError),
        ({"example.com|": {"a": {**RECORD, "expires_timestamp": float("nan")}}}, ValueError),
        ({"example.com|": {"a": {**RECORD, "expires_timestamp": 10**400}}}, ValueError),
        ({"example.com|": {"a": {**RECORD, "path": 5}}}, TypeError),
        ({"example.com|": {"a": {**RECORD, "max-age": []}}}, TypeError),
        ({"example.com|": {"a": {**RECORD, "value": 5}}}, TypeError),
        ({"example.com|": {"a": {"key": "a"}}}, KeyError),
        ({"example.com": {"a": RECORD}}, ValueError),
        ([], AttributeError),
    ],
)
def test_malformed_file_leaves_the_jar_as_it_is(jar, tmp_path, data, error):
    jar.update_cookies({"a": "1"}, HERE)
    (tmp_path / "jar").write_text(json.dumps(data))
    with pytest.raises(error):
        jar.load(tmp_path / "jar")
    assert sent(jar) == "a=1"


def test_file_is_no_more_trusted_than_a_server(jar, tmp_path):
    data = {
        "example.com|": {
            "control": {**RECORD, "key": "control", "value": "\udcff", "coded_value": "\udcff"},
            "foreign": {**RECORD, "key": "foreign", "domain": "example.org"},
            "good": {**RECORD, "key": "good"},
        }
    }
    (tmp_path / "jar").write_text(json.dumps(data))
    jar.load(tmp_path / "jar")
    assert [morsel.key for morsel in jar] == ["good"]


# Other jars


def test_jar_is_one_of_aiohttp(jar):
    assert AbstractCookieJar is aiohttp.abc.AbstractCookieJar
    assert isinstance(jar, aiohttp.abc.AbstractCookieJar)
    assert issubclass(DummyCookieJar, aiohttp.abc.AbstractCookieJar)


def test_jar_asks_for_a_loop():
    with pytest.raises(RuntimeError):
        CookieJar()


def test_dummy_keeps_nothing(loop_factory):
    loop = loop_factory()
    jar = DummyCookieJar(loop=loop)
    loop.close()
    jar.update_cookies({"a": "1"})
    jar.update_cookies_from_headers(["a=1"], HERE)
    jar.clear()
    jar.clear_domain("example.com")
    assert len(jar) == 0
    assert list(jar) == []
    assert jar.filter_cookies(HERE) == {}
    assert (jar.cookies, jar.host_only_cookies) == ({}, frozenset())
    assert (jar.unsafe, jar.quote_cookie) == (False, True)


def test_jar_works_without_aiohttp():
    program = """
import sys
sys.modules["aiohttp"] = None
import aioxide, yarl
from aioxide.http import AbstractCookieJar, CookieJar, DummyCookieJar
loop = aioxide.new_event_loop()
jar = CookieJar(loop=loop)
assert isinstance(jar, AbstractCookieJar) and AbstractCookieJar.__module__.startswith("aioxide")
jar.update_cookies_from_headers(["a=1"], yarl.URL("http://h/"))
assert jar.filter_cookies(yarl.URL("http://h/"))["a"].value == "1"
DummyCookieJar(loop=loop).update_cookies_from_headers(["a=1"], yarl.URL("http://h/"))
loop.close()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


# The same as aiohttp's

NAMES = ["a", "b", "path", "a[b]", "x{y}", "bad name", "bad\\name", ""]
VALUES = ["1", "", '"q"', '"q;r"', '"\\073"', "x=y", "a b", 'half"', "ü", "x" * 5000, "tab\t"]
ATTRIBUTES = [
    "Path=/",
    "Path=/a",
    "Path=/a/",
    "Path=/a/b",
    "Path=x",
    'Path="/a"',
    "Domain=example.com",
    "Domain=.example.com",
    "Domain=www.example.com",
    "Domain=com",
    "Domain=example.com.",
    "Domain=example.org",
    "Max-Age=0",
    "Max-Age=-1",
    "Max-Age=100",
    "Max-Age=x",
    "Expires=Wed, 01 Jan 2020 10:00:00 GMT",
    "Expires=Fri, 01-Jan-2100 10:00:00 GMT",
    "Expires=nonsense",
    "Secure",
    "HttpOnly=no",
    "SameSite=None",
    "Unknown=1",
    "Comment=" + "x" * 1100,
]
URLS = [
    URL(f"{scheme}://{host}{path}")
    for scheme in ("http", "https")
    for host in ("example.com", "www.example.com", "example.org", "127.0.0.1")
    for path in ("/", "/a", "/a/", "/a/b", "/ab")
]


@pytest.mark.parametrize("seed", range(24))
def test_random_cookies_are_kept_as_by_aiohttp(seed, tmp_path):
    choices = random.Random(seed)
    options = {"unsafe": choices.random() < 0.3, "quote_cookie": choices.random() < 0.7}
    loop = aioxide.new_event_loop()
    jars = [CookieJar(loop=loop, **options), aiohttp.cookiejar.CookieJar(loop=loop, **options)]
    loop.close()
    for step in range(60):
        url = choices.choice(URLS)
        if step % 20 == 19:
            for place, jar in enumerate(jars):
                jar.save(tmp_path / str(place))
                jar.load(tmp_path / str(place))
        elif choices.random() < 0.2:
            name, value = choices.choice("abc"), choices.choice(["1", "x y", "ü"])
            place = choices.choice([url, URL()])
            for jar in jars:
                jar.update_cookies({name: value}, place)
        else:
            headers = []
            for _ in range(choices.randrange(1, 4)):
                name, value = choices.choice(NAMES), choices.choice(VALUES)
                attributes = choices.sample(ATTRIBUTES, choices.randrange(4))
                headers.append("; ".join([f"{name}={value}", *attributes]))
            for jar in jars:
                jar.update_cookies_from_headers(headers, url)
        for asked in choices.sample(URLS, 8):
            ours, theirs = (
                [(name, m.key, m.value, m.coded_value) for name, m in found.items()]
                for found in (jar.filter_cookies(asked) for jar in jars)
            )
            assert ours == theirs
        ours, theirs = ([(m.key, m.value, m.coded_value, dict(m)) for m in jar] for jar in jars)
        assert ours == theirs
        assert jars[0].host_only_cookies == jars[1].host_only_cookies
        assert len(jars[0]) == len(jars[1])
