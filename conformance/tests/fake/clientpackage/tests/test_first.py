"""Tests of a client, each against a server of aiohttp's own."""

import asyncio

import aiohttp
import pytest
from aiohttp import ClientSession, CookieJar, test_utils, web


async def answer(request):
    return web.Response(text=request.method.lower())


def run(use):
    async def main():
        application = web.Application()
        application.router.add_route("*", "/", answer)
        async with test_utils.TestServer(application) as server:
            return await use(server.make_url("/"))

    return asyncio.run(main())


@pytest.mark.parametrize("method", ["get", "post"])
def test_method(method):
    async def use(url):
        async with ClientSession() as session, session.request(method, url) as response:
            return await response.text()

    assert run(use) == method


def test_function(holder):
    async def use(url):
        async with aiohttp.request("GET", url) as response:
            return response.status

    holder.status = run(use)
    assert holder.status == 200


def test_through_test_client():
    async def main():
        application = web.Application()
        application.router.add_get("/", answer)
        server = test_utils.TestServer(application)
        async with test_utils.TestClient(server) as client, client.get("/") as response:
            return response.status

    assert asyncio.run(main()) == 200


def test_private():
    async def use(url):
        async with ClientSession() as session, session.get(url):
            return session._connector._limit

    assert run(use) == 100


def test_without_a_client():
    async def use(url):
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        answer = await reader.readline()
        writer.close()
        return answer

    assert b"200" in run(use)


def test_jar_alone():
    async def main():
        return len(CookieJar())

    assert asyncio.run(main()) == 0


def test_broken_everywhere():
    async def use(url):
        async with ClientSession() as session, session.get(url) as response:
            return response.status

    assert run(use) == 404
