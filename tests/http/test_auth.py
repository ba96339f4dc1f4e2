"""Names and passwords."""

import logging

import aiohttp
import aiohttp.helpers
import pytest
from yarl import URL

from aioxide.http import _auth

from .own import without_aiohttp

own = without_aiohttp()
BOTH = pytest.mark.parametrize("module", [_auth, own._auth], ids=["with", "without"])


def outcome(function, *args, **kwargs):
    try:
        result = function(*args, **kwargs)
    except Exception as error:
        return type(error), str(error)
    return tuple(result) if isinstance(result, tuple) else result


def test_class_is_that_of_aiohttp():
    assert _auth.BasicAuth is aiohttp.BasicAuth


@pytest.mark.parametrize(
    "args",
    [
        ("a", "b"),
        ("a", "b", "utf-8"),
        ("ä", "ö", "utf-8"),
        ("ä", "ö"),
        ("a",),
        ("a", "b:c"),
        ("a:b", "c"),
        ("", ""),
        ("☃", ""),
        (None, "b"),
        ("a", None),
    ],
)
@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated")
def test_credentials_are_encoded_as_by_aiohttp(args):
    def encode(cls):
        auth = cls(*args)
        return auth.login, auth.password, auth.encoding, auth.encode(), repr(auth)

    assert outcome(encode, own._auth.BasicAuth) == outcome(encode, aiohttp.BasicAuth)
    ours = outcome(_auth.encode_basic_auth, *args) if None not in args else None
    theirs = outcome(aiohttp.encode_basic_auth, *args) if None not in args else None
    assert ours == theirs


@BOTH
def test_making_one_warns(module):
    with pytest.warns(DeprecationWarning, match="use aiohttp.encode_basic_auth"):
        module.BasicAuth("a", "b")
    assert module.make_basic_auth("a", "b") == ("a", "b", "latin1")
    assert isinstance(module.make_basic_auth("a"), module.BasicAuth)


@pytest.mark.parametrize(
    "header",
    [
        "Basic YTpi",
        "basic YTpi",
        "Basic YTpiOmM=",
        "Basic Og==",
        "Basic YQ==",
        "Basic",
        "Bearer YTpi",
        "Basic YTpi!",
        "Basic YT\u00e4",
        "Basic  YTpi",
        "",
    ],
)
def test_header_is_decoded_as_by_aiohttp(header):
    ours = outcome(own._auth.BasicAuth.decode, header)
    assert ours == outcome(aiohttp.BasicAuth.decode, header)


@pytest.mark.parametrize(
    "url", ["http://h/", "http://a@h/", "http://a:b@h/", "http://:b@h/", "http://a%40b:%3A@h/p?q#f"]
)
@BOTH
def test_url_is_taken_apart_as_by_aiohttp(module, url):
    url = URL(url)
    assert module.strip_auth_from_url(url) == aiohttp.helpers.strip_auth_from_url(url)
    assert module.BasicAuth.from_url(url) == aiohttp.BasicAuth.from_url(url)
    with pytest.raises(TypeError, match="yarl"):
        module.BasicAuth.from_url(str(url))


@pytest.fixture
def netrc_file(tmp_path, monkeypatch):
    path = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(path))
    return path


@BOTH
def test_netrc_gives_the_password_of_a_host(module, netrc_file):
    netrc_file.write_text(
        "machine a.example login ann password secret\n"
        "machine b.example account bob password other\n"
        "machine c.example login eve\n"
    )
    for host in ("a.example", "b.example", "c.example", "d.example"):
        ours = outcome(module.basicauth_from_netrc, module.netrc_from_env(), host)
        theirs = outcome(
            aiohttp.helpers.basicauth_from_netrc, aiohttp.helpers.netrc_from_env(), host
        )
        assert ours == theirs
    assert module.basicauth_from_netrc(module.netrc_from_env(), "a.example") == (
        "ann",
        "secret",
        "latin1",
    )
    with pytest.raises(LookupError, match=r"No \.netrc file"):
        module.basicauth_from_netrc(None, "a.example")


def test_netrc_that_is_missing_or_bad_is_none(netrc_file, caplog):
    with caplog.at_level(logging.WARNING, logger="aiohttp.client"):
        assert _auth.netrc_from_env() is None
        netrc_file.write_text("machine\nnonsense here")
        assert _auth.netrc_from_env() is None
    assert [record.getMessage()[:20] for record in caplog.records] == [
        "Could not read .netr",
        "Could not parse .net",
    ]


def test_netrc_that_nobody_named_may_be_missing(tmp_path, monkeypatch, caplog):
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with caplog.at_level(logging.DEBUG, logger="aiohttp.client"):
        assert _auth.netrc_from_env() is None
    assert caplog.records == []
    path = tmp_path / ".netrc"
    path.write_text("machine a.example login ann password secret\n")
    path.chmod(0o600)
    assert _auth.basicauth_from_netrc(_auth.netrc_from_env(), "a.example").login == "ann"
