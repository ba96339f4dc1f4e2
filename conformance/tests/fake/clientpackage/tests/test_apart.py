"""A file in which what is made counts, whether or not there is a request."""

import asyncio

import aiohttp


def test_jar():
    async def main():
        return len(aiohttp.CookieJar())

    assert asyncio.run(main()) == 0


def test_mock(mocked_loop):
    assert aiohttp.FormData({"a": "b"}).is_multipart is False
