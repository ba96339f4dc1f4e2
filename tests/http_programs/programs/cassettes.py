"""VCR.py: records what ClientSession._request does, and replays it without a server."""

import asyncio
import sys

import aiohttp
import vcr
import witness  # noqa: F401

RECORDER = vcr.VCR(match_on=["method", "uri", "body"])


async def visit(base):
    """A visit to the site; the same, whether it is there or on tape."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept": "text/*"}) as session:
        async with session.post(f"{base}/login", data={"name": "ann"}) as response:
            past = [(old.status, old.url.path) for old in response.history]
            print(response.status, response.url.path, past, await response.json())
        print("jar", [cookie.value for cookie in session.cookie_jar])
        async with session.get(f"{base}/home", params=[("a", "1"), ("a", "2")]) as response:
            print(response.status, response.url.query_string, await response.json())
            print(response.content_type, response.headers["Content-Length"], response.ok)
        async with session.get(f"{base}/stream") as response:
            print("lines", [line async for line in response.content])
        async with session.get(f"{base}/gone") as response:
            try:
                response.raise_for_status()
            except aiohttp.ClientResponseError as error:
                print("gone", error.status, error.message, await response.text())


async def main(base):
    for title in ("recorded", "replayed"):
        print(title)
        with RECORDER.use_cassette("visit.yaml", record_mode="once") as cassette:
            await visit(base)
            print("played", cassette.play_count, "of", len(cassette), cassette.all_played)
    with RECORDER.use_cassette("visit.yaml", record_mode="none"):
        async with aiohttp.ClientSession() as session:
            try:
                await session.get(f"{base}/unknown")
            except vcr.errors.CannotOverwriteExistingCassetteException as error:
                print(type(error).__name__)
    async with aiohttp.ClientSession() as session, session.get(f"{base}/hits") as response:
        print("hits", sorted((await response.json()).items()))


asyncio.run(main(sys.argv[1]))
