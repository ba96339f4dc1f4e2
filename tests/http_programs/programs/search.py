"""elasticsearch: its transport's node of aiohttp, with retries on another node."""

import asyncio
import sys

import witness  # noqa: F401
from elastic_transport import AiohttpHttpNode, TransportError
from elasticsearch import AsyncElasticsearch, NotFoundError, helpers


async def work(client):
    print((await client.info())["tagline"])
    created = await client.index(index="things", id="1", document={"name": "ü", "value": 1})
    print(created["result"], created.meta.status, created.meta.http_version)
    print((await client.get(index="things", id="1"))["_source"])
    try:
        await client.get(index="things", id="none")
    except NotFoundError as error:
        print("not found", error.status_code, error.body)
    print("exists", bool(await client.exists(index="things", id="none")))

    async def actions():
        for number in range(2, 60):
            value = -1 if number == 30 else number
            yield {"_index": "things", "_id": str(number), "value": value, "text": "x" * 500}

    done, failed = await helpers.async_bulk(client, actions(), chunk_size=20, raise_on_error=False)
    print("bulk", done, [failure["index"]["_id"] for failure in failed])
    found = await client.search(index="things", size=3, query={"range": {"value": {"gte": 50}}})
    hits = found["hits"]
    print(hits["total"]["value"], [hit["_id"] for hit in hits["hits"]])
    several = [client.get(index="things", id=str(number)) for number in range(2, 30)]
    print("at once", sum(found["_source"]["value"] for found in await asyncio.gather(*several)))


async def main(broken, node):
    async with AsyncElasticsearch(
        [broken, node],
        node_class=AiohttpHttpNode,
        http_compress=True,
        basic_auth=("ann", "secret"),
        retry_on_status=[503],
        max_retries=3,
        randomize_nodes_in_pool=False,
        request_timeout=10,
    ) as client:
        await work(client)
    async with AsyncElasticsearch("http://127.0.0.1:1", max_retries=1) as client:
        try:
            await client.info()
        except TransportError as error:
            print(type(error).__name__, len(error.errors))


asyncio.run(main(*sys.argv[1:]))
