"""What requests of a session carry, on the short way and on the long one."""

import asyncio
import contextlib
from http.cookies import CookieError

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

import aioxide
from aioxide import http


def on_loop(main):
    """Make a test of a coroutine function, on aioxide's loop."""

    def test():
        with asyncio.Runner(loop_factory=aioxide.new_event_loop) as runner:
            runner.run(main())

    test.__name__ = main.__name__
    test.__doc__ = main.__doc__
    return test


@contextlib.asynccontextmanager
async def serving():
    """A server that says which Cookie headers came, and sets what the query asks for."""

    async def handle(request):
        answer = web.json_response(request.headers.getall("Cookie", []))
        if target := request.query.get("to"):
            answer = web.Response(status=302, headers={"Location": target})
        for cookie in request.query.getall("set", []):
            answer.headers.add("Set-Cookie", cookie)
        return answer

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    try:
        yield URL(f"http://127.0.0.1:{port}/")
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def session_with_server(**options):
    async with serving() as url:
        options.setdefault("cookie_jar", http.CookieJar(unsafe=True))
        async with http.ClientSession(**options) as session:
            yield session, url


async def carried(session, url, **options):
    async with session.get(url, **options) as response:
        header = response.request_info.headers.getall("Cookie", [])
        came = await response.json()
    assert header == came
    return came


@on_loop
async def test_cookies_of_a_response_are_carried_from_then_on():
    async with session_with_server() as (session, url):
        assert await carried(session, url) == []
        assert await carried(session, url % {"set": "a=1"}) == []
        for _ in range(3):
            assert await carried(session, url) == ["a=1"]
        assert await carried(session, url % {"set": "b=2"}) == ["a=1"]
        assert await carried(session, url) == ["a=1; b=2"]
        assert await carried(session, url % {"set": "a=; Max-Age=0"}) == ["a=1; b=2"]
        assert await carried(session, url) == ["b=2"]
        session.cookie_jar.clear()
        assert await carried(session, url) == []


@on_loop
async def test_both_ways_send_the_same_bytes():
    heads = []

    async def answer(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
    jar = http.CookieJar(unsafe=True)
    async with server, http.ClientSession(cookie_jar=jar, headers={"X": "y"}) as session:
        jar.update_cookies({"b": "1 2", "a": "ü"}, URL(url))
        for options in ({}, {}, {"max_redirects": 3}):
            async with session.get(url, **options):
                pass
    first, *others = heads
    assert b'\r\nCookie: a="\\374"; b="1 2"\r\n' in first
    assert others == [first, first]


@on_loop
async def test_cookies_of_a_request_join_those_of_the_session():
    async with session_with_server(cookies={"a": "1", "b": "2"}) as (session, url):
        assert await carried(session, url, cookies={"b": "3", "c": "4 5"}) == ['a=1; b=3; c="4 5"']
        assert await carried(session, url, cookies={}) == ["a=1; b=2"]
        assert await carried(session, url) == ["a=1; b=2"]


@on_loop
async def test_cookies_of_a_request_know_no_limits():
    async with session_with_server() as (session, url):
        cookies = {f"a{number:03}": "1" for number in range(400)}
        (header,) = await carried(session, url, cookies=cookies)
        assert header.count("=1") == 400


@on_loop
async def test_cookie_that_cannot_be_sent_is_an_error():
    async with session_with_server() as (session, url):
        for cookie in ({"a": "\udcff"}, {"a": "x\r\ny"}, {"a b": "1"}):
            with pytest.raises(CookieError):
                await session.get(url, cookies=cookie)
        assert await carried(session, url, cookies={"a": "1"}) == ["a=1"]


@on_loop
async def test_cookies_of_the_headers_are_joined_with_those_of_the_jar():
    async with session_with_server(headers={"Cookie": "h=1; a=0"}) as (session, url):
        assert await carried(session, url) == ["h=1; a=0"]
        assert await carried(session, url % {"set": "a=1"}) == ["h=1; a=0"]
        for _ in range(2):
            assert await carried(session, url) == ["a=1; h=1"]


@on_loop
async def test_cookies_of_a_host_do_not_follow_a_redirect_to_another():
    async with session_with_server(cookie_jar=http.CookieJar(unsafe=True)) as (session, url):
        other = url.with_host("localhost")
        await carried(session, url % {"set": "a=1"})
        assert await carried(session, url) == ["a=1"]
        async with session.get(url % {"to": str(other), "set": "b=2"}) as response:
            assert response.url == other
            assert await response.json() == []
        async with session.get(url % {"to": str(other)}, cookies={"c": "3"}) as response:
            assert await response.json() == []
        assert await carried(session, url) == ["a=1; b=2"]


@on_loop
async def test_secure_cookies_do_not_go_over_plain_http():
    async with session_with_server() as (session, url):
        await carried(session, url % {"set": "a=1; Secure"})
        assert len(session.cookie_jar) == 1
        assert await carried(session, url) == []


@on_loop
async def test_own_jar_is_asked():
    class Own(http.CookieJar):
        def filter_cookies(self, request_url=URL()):  # noqa: B008
            filtered = super().filter_cookies(request_url)
            filtered["own"] = "1"
            return filtered

    async with session_with_server(cookie_jar=Own(unsafe=True)) as (session, url):
        await carried(session, url % {"set": "a=1"})
        assert await carried(session, url) == ["a=1; own=1"]
        assert await carried(session, url, cookies={"b": "2"}) == ["a=1; b=2; own=1"]


@on_loop
async def test_dummy_keeps_nothing_and_sends_what_a_request_gives():
    async with session_with_server(cookie_jar=http.DummyCookieJar()) as (session, url):
        await carried(session, url % {"set": "a=1"})
        assert await carried(session, url) == []
        assert await carried(session, url, cookies={"b": "2"}) == ["b=2"]


@on_loop
async def test_jar_of_aiohttp_serves_too():
    jar = aiohttp.CookieJar(unsafe=True)
    async with session_with_server(cookie_jar=jar) as (session, url):
        await carried(session, url % {"set": "a=1"})
        assert await carried(session, url) == ["a=1"]


@on_loop
async def test_jar_serves_a_session_of_aiohttp():
    async with serving() as url:
        async with aiohttp.ClientSession(cookie_jar=http.CookieJar(unsafe=True)) as session:
            async with session.get(url % {"set": 'a="x y"'}):
                pass
            assert await carried(session, url) == ['a="x y"']


@on_loop
async def test_response_shows_what_it_sets():
    async with session_with_server() as (session, url):
        target = (url % {}).with_query([("set", "a=1; Path=/x"), ("set", 'b="2"'), ("set", "bad")])
        async with session.get(target) as response:
            assert {name: m.value for name, m in response.cookies.items()} == {"a": "1", "b": "2"}
            assert response.cookies["a"]["path"] == "/x"
            assert response.cookies["b"].coded_value == '"2"'
