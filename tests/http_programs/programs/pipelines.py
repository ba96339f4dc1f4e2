"""azure-core: pipelines of policies that end in its transport for aiohttp."""

import asyncio
import hashlib
import sys

import witness  # noqa: F401
from azure.core import AsyncPipelineClient
from azure.core.async_paging import AsyncItemPaged, AsyncList
from azure.core.exceptions import (
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    map_error,
)
from azure.core.pipeline.policies import AsyncRetryPolicy, HeadersPolicy, RequestIdPolicy
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import HttpRequest


def policies():
    retry = AsyncRetryPolicy(retry_total=3, retry_backoff_factor=0.001)
    return [RequestIdPolicy(), HeadersPolicy({"X-Program": "pipelines"}), retry]


def ask(client, method, url, **options):
    return HttpRequest(method, client.format_url(url), **options)


async def paging(client):
    async def get(at):
        response = await client.send_request(ask(client, "GET", at or "/pages"))
        return response.json()

    async def extract(found):
        return found.get("next"), AsyncList(found["value"])

    print("items", [item async for item in AsyncItemPaged(get, extract)])


async def sending(client):
    request = ask(client, "POST", "/throttled", json={"a": 1})
    response = await client.send_request(request)
    print(response.status_code, response.reason, response.content_type, response.json())

    async def parts():
        for number in range(4):
            yield b"%d" % number * 10_000

    response = await client.send_request(ask(client, "PUT", "/upload", content=parts()))
    print("stream", response.json())
    response = await client.send_request(ask(client, "PUT", "/upload", content=b"x" * 300_000))
    print("bytes", response.json())
    files = {"one": ("one.txt", b"of one", "text/plain")}
    request = ask(client, "POST", "/upload", files=files, data={"field": "value"})
    print("form", (await client.send_request(request)).json())


async def receiving(client):
    for url in ("/download", "/download?compressed=1"):
        request = ask(client, "GET", url, headers={"Accept-Encoding": "gzip"})
        response = await client.send_request(request, stream=True)
        whole = hashlib.sha256()
        size = 0
        async for data in response.iter_bytes():
            whole.update(data)
            size += len(data)
        await response.close()
        print(url, response.headers.get("content-encoding"), size, whole.hexdigest()[:12])
    request = ask(client, "GET", "/download?compressed=1", headers={"Accept-Encoding": "gzip"})
    response = await client.send_request(request, stream=True)
    raw = b"".join([data async for data in response.iter_raw()])
    print("raw", raw[:2] == b"\x1f\x8b", len(raw) < 420_000)


async def failing(client):
    response = await client.send_request(ask(client, "GET", "/problem"))
    try:
        map_error(response.status_code, response, {})
        response.raise_for_status()
    except HttpResponseError as error:
        print(type(error).__name__, error.status_code, error.error.code, error.error.message)
    try:
        response = await client.send_request(ask(client, "GET", "/cut"), stream=True)
        await response.read()
    except (IncompleteReadError, HttpResponseError) as error:
        print(type(error).__name__)
    try:
        await client.send_request(ask(client, "GET", "http://127.0.0.1:1/"), retry_total=0)
    except ServiceRequestError as error:
        print(type(error).__name__, type(error.inner_exception).__name__)


async def main(base):
    transport = AioHttpTransport(connection_timeout=5, read_timeout=5)
    async with AsyncPipelineClient(base, policies=policies(), transport=transport) as client:
        await paging(client)
        await sending(client)
        await receiving(client)
        await failing(client)
        hits = (await client.send_request(ask(client, "GET", "/hits"))).json()
        print(hits["POST /throttled"], hits["GET /pages"])


asyncio.run(main(sys.argv[1]))
