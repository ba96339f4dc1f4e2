"""aioresponses: a mock that takes the place of ClientSession._request."""

import asyncio
import re
import sys
from types import SimpleNamespace

import aiohttp
import witness  # noqa: F401
from aioresponses import CallbackResult, aioresponses
from yarl import URL

API = "http://api.test"


class Answer(aiohttp.ClientResponse):
    """What aioresponses 0.7 makes by hand, with the argument that aiohttp 3.14 has added."""

    def __init__(self, *arguments, **options):
        writer = SimpleNamespace(output_size=0)
        super().__init__(*arguments, stream_writer=writer, **options)


async def fetch(session, path, **options):
    async with session.get(f"{API}{path}", **options) as response:
        response.raise_for_status()
        return response.status, response.headers.get("X-Page"), await response.json()


async def against_mocks(session, mock, base):
    def get(path, **options):
        mock.get(f"{API}{path}", response_class=Answer, **options)

    get("/items?page=1", payload={"items": [1, 2]}, headers={"X-Page": "1"})
    get("/items?page=2", status=500, body="broken")
    get("/items?page=2", payload={"items": [3]}, repeat=True)
    get("/slow", timeout=True)
    get("/down", exception=aiohttp.ClientConnectionError("down"))
    get("/here", status=302, headers={"Location": "/there"})
    get("/there", body=b"line 1\nline 2\n", content_type="text/plain")
    mock.post(re.compile(r"^http://api\.test/items/\d+$"), callback=echo, repeat=True)

    print(await fetch(session, "/items", params={"page": 1}))
    try:
        await fetch(session, "/items", params={"page": 2})
    except aiohttp.ClientResponseError as error:
        print("failed", error.status, error.request_info.url)
    print(await fetch(session, "/items?page=2"), await fetch(session, "/items?page=2"))
    async with session.post(f"{API}/items/7", json={"name": "x"}) as response:
        print("post", response.status, response.reason, await response.text())
    for path in ("/slow", "/down", "/unknown"):
        try:
            await fetch(session, path)
        except (TimeoutError, aiohttp.ClientError) as error:
            print(path, type(error).__name__, str(error).partition(":")[0])
    async with session.get(f"{API}/here") as response:
        lines = [line async for line in response.content]
        print("redirected", response.status, response.url, lines)

    async with session.get(f"{base}/real", headers={"X-Agent": "tester"}) as response:
        print("passed through", response.status, await response.json())
    mock.assert_any_call(f"{API}/items/7", method="POST", json={"name": "x"})
    calls = mock.requests[("POST", URL(f"{API}/items/7"))]
    print("recorded", [call.kwargs["json"] for call in calls], len(mock.requests))


def echo(url, **options):
    payload = {"path": url.path, "got": options["json"]}
    return CallbackResult(status=201, payload=payload, response_class=Answer)


async def main(base):
    async with aiohttp.ClientSession() as session:
        with aioresponses(passthrough=[base]) as mock:
            await against_mocks(session, mock, base)
            # A session that is made while the mock is there is mocked as well.
            mock.get(f"{API}/new", payload="new", response_class=Answer)
            async with aiohttp.ClientSession() as other:
                print(await fetch(other, "/new"))
            mock.get(f"{API}/function", payload="function", response_class=Answer)
            async with aiohttp.request("GET", f"{API}/function") as response:
                print("aiohttp.request", await response.json())
        # And nothing is, afterwards.
        async with session.get(f"{base}/hits") as response:
            print("hits", await response.json())


asyncio.run(main(sys.argv[1]))
