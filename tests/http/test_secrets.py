"""What one origin is told, another one is not: credentials, cookies, and connections."""

import asyncio
import ssl

import pytest
import yarl
from multidict import CIMultiDict

from aioxide import http

from .wire import OK, Server, answer, fetch

SECRETS = {
    "Authorization": "Bearer secret",
    "authorization": "Bearer secret",
    "Cookie": "secret=1",
    "COOKIE": "secret=1",
    "Proxy-Authorization": "Basic secret",
}


@pytest.fixture
def other(loop):
    """Another server, so another origin: its port differs."""
    server = Server(loop)
    yield server
    server.close()


async def redirected(session, server, target, other, status="302 Found", **options):
    """What the server that is redirected to is asked."""
    asking = asyncio.ensure_future(fetch(session, server.url, **options))
    _, first = await server.answers(answer(b"", f"Location: {target}", status=status))
    _, second = await other.answers(OK)
    assert await asking == (200, b"ok")
    return first[0], second[0]


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 T", "308 P"])
async def test_secret_headers_stay_with_their_origin(server, session, other, name, status):
    headers = CIMultiDict([(name, SECRETS[name]), (name, SECRETS[name]), ("X-Mine", "kept")])
    first, second = await redirected(session, server, other.url, other, status, headers=headers)
    assert first.all(name) == [SECRETS[name]] * 2
    assert second.all(name) == []
    assert second.all("X-Mine") == ["kept"]
    assert "secret" not in str(second.fields)


@pytest.mark.parametrize("name", SECRETS)
async def test_secret_headers_go_along_within_their_origin(server, session, name):
    asking = asyncio.ensure_future(fetch(session, server.url, headers={name: SECRETS[name]}))
    wire, _ = await server.answers(answer(b"", "Location: /there", status="302 Found"))
    request = await wire.request()
    wire.send(OK)
    await asking
    assert request.all(name) == [SECRETS[name]]


@pytest.mark.parametrize("where", ["request", "session", "jar", "url"])
async def test_secrets_of_every_source_stay_with_their_origin(server, make_session, other, where):
    options = {}
    url = yarl.URL(server.named("localhost"))
    if where == "request":
        session = make_session()
        options["cookies"] = {"secret": "1"}
    elif where == "session":
        session = make_session(headers=[("Authorization", "Bearer secret"), ("Cookie", "secret=1")])
    elif where == "jar":
        jar = http.CookieJar()
        jar.update_cookies({"secret": "1"}, url)
        session = make_session(cookie_jar=jar)
    else:
        session = make_session()
        url = url.with_user("me").with_password("secret")
    # Another host, since a cookie is for all ports of one.
    target = other.url
    asking = asyncio.ensure_future(fetch(session, url, **options))
    _, first = await server.answers(answer(b"", f"Location: {target}", status="302 Found"))
    _, second = await other.answers(OK)
    await asking
    assert first[0].all("Cookie") or first[0].all("Authorization")
    assert second[0].all("Cookie") == second[0].all("Authorization") == []


async def test_secrets_do_not_come_back_with_a_second_redirect(server, session, other):
    """There and back again: what was dropped once is not picked up."""
    asking = asyncio.ensure_future(
        fetch(session, server.url, headers={"Authorization": "Bearer secret"})
    )
    wire, _ = await server.answers(answer(b"", f"Location: {other.url}", status="302 Found"))
    await other.answers(answer(b"", f"Location: {server.url}back", status="302 Found"))
    request = await wire.request()
    wire.send(OK)
    await asking
    assert request.target == "/back"
    assert request.all("Authorization") == []


async def test_credentials_in_the_location_go_to_it_alone(server, session, other):
    target = other.url.replace("http://", "http://you:theirs@")
    first, second = await redirected(session, server, target, other)
    assert first.all("Authorization") == []
    assert second.all("Authorization") == [http.encode_basic_auth("you", "theirs")]


async def test_credentials_of_the_url_are_not_in_what_is_told(server, session):
    asking = asyncio.ensure_future(session.get(server.url.replace("http://", "http://me:secret@")))
    await server.answers(answer(b"", status="500 Oops"))
    async with await asking as response:
        with pytest.raises(http.ClientResponseError) as caught:
            response.raise_for_status()
        assert "secret" not in str(response.url)
        assert "secret" not in repr(response)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://x.example/", "javascript:alert(1)", "data:,x", "unix:///x"],
)
async def test_redirect_to_another_scheme_is_refused(server, session, location):
    asking = asyncio.ensure_future(fetch(session, server.url))
    await server.answers(answer(b"", f"Location: {location}", status="302 Found"))
    with pytest.raises(http.NonHttpUrlRedirectClientError):
        await asking


@pytest.mark.parametrize("location", ["http://", "http:///x", "http://[::1", "http://x:99999/"])
async def test_redirect_to_no_place_is_refused(server, session, location):
    asking = asyncio.ensure_future(fetch(session, server.url))
    await server.answers(answer(b"", f"Location: {location}", status="302 Found"))
    with pytest.raises((http.InvalidURL, http.ClientConnectorError)):
        await asking


async def test_redirects_have_an_end(server, session):
    asking = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    for _ in range(10):
        await wire.request()
        wire.send(answer(b"", "Location: /", status="302 Found"))
    with pytest.raises(http.TooManyRedirects):
        await asking


async def test_body_does_not_go_along_where_the_method_changes(server, session, other):
    _, second = await redirected(
        session, server, other.url, other, "303 See", method="POST", data=b"secret"
    )
    assert second.method == "GET"
    assert second.body == b""
    assert second.all("Content-Length") == []


# Connections are not shared across what they were made for


async def test_connections_of_other_names_are_not_used(server, session):
    """The same address and port by another name is another key: TLS names differ, too."""
    await asyncio.gather(fetch(session, server.url), server.answers(OK))
    await asyncio.gather(fetch(session, server.named("localhost")), server.answers(OK))
    assert session.connector.stats()["connects"] == 2


def keys(session, server, **options):
    request = http.ClientRequest(
        "GET", yarl.URL(server.named("localhost", "https")), session=session, **options
    )
    return request.connection_key


async def test_what_tells_connections_apart(server, session):
    contexts = [ssl.create_default_context(), ssl.create_default_context()]
    fingerprints = [http.Fingerprint(bytes(32)), http.Fingerprint(bytes([1] * 32))]
    found = [
        keys(session, server),
        keys(session, server, ssl=False),
        *(keys(session, server, ssl=context) for context in contexts),
        *(keys(session, server, ssl=fingerprint) for fingerprint in fingerprints),
        keys(session, server, server_hostname="a.example"),
        keys(session, server, server_hostname="b.example"),
        keys(session, server, proxy=yarl.URL("http://p.example")),
        keys(session, server, proxy=yarl.URL("http://q.example")),
        keys(
            session,
            server,
            proxy=yarl.URL("http://p.example"),
            proxy_auth=http.BasicAuth.decode(http.encode_basic_auth("a", "b")),
        ),
        keys(session, server, proxy=yarl.URL("http://p.example"), proxy_headers={"A": "b"}),
    ]
    assert len(set(found)) == len(found)
    assert keys(session, server) == keys(session, server)
