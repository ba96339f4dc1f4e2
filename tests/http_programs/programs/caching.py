"""aiohttp-client-cache: a session derived from ClientSession that answers from a cache."""

import asyncio
import sys

import witness  # noqa: F401
from aiohttp_client_cache import CacheBackend, CachedSession


async def main(base):
    cache = CacheBackend(expire_after=60, allowed_methods=("GET", "POST"), ignored_params=["token"])
    async with CachedSession(base_url=base, cache=cache) as session:
        for query in ({"a": 1}, {"a": 1, "token": "x"}, {"a": 2}):
            async with session.get("/page/one", params=query) as response:
                print(response.from_cache, response.status, await response.json())
        async with session.get("/page/one", params={"a": 1}) as response:
            print("cookies", response.cookies["seen"].value, response.links["next"]["url"].path)
            print("url", response.url.path_qs, response.method, response.reason, response.ok)

        for _ in range(2):
            async with session.get("/moved") as response:
                past = [(old.status, old.url.path) for old in response.history]
                print("moved", response.from_cache, response.url.path, past)

        for _ in range(2):
            async with session.get("/large") as response:
                sizes = [len(data) async for data in response.content.iter_chunked(1 << 16)]
                print("large", response.from_cache, sum(sizes))

        for body in ({"q": 1}, {"q": 1}, {"q": 2}):
            async with session.post("/page/form", json=body) as response:
                print("post", response.from_cache, await response.json())

        for _ in range(2):
            async with session.get("/broken") as response:
                print("broken", response.from_cache, response.status, await response.text())

        async with session.disabled(), session.get("/page/one", params={"a": 1}) as response:
            print("disabled", getattr(response, "from_cache", False), response.status)
        async with session.get("/page/one", params={"a": 2}, refresh=True) as response:
            print("refreshed", response.from_cache, response.status)

        await session.delete_expired_responses()
        urls = [url.path_qs async for url in session.cache.get_urls()]
        print("kept", sorted(url for url in urls if url))

    async with CachedSession(base_url=base, cache=CacheBackend(cache_control=True)) as session:
        for path in ("/no-store", "/no-store", "/tagged", "/tagged"):
            async with session.get(path) as response:
                print(path, getattr(response, "from_cache", False), await response.text())
        async with session.disabled(), session.get("/hits") as response:
            for path, count in sorted((await response.json()).items()):
                print(count, path)


asyncio.run(main(sys.argv[1]))
