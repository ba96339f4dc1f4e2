"""gql: GraphQL over its transports for aiohttp, by requests and by WebSockets."""

import asyncio
import io
import sys

import aiohttp
import witness  # noqa: F401
from gql import Client, FileVar, GraphQLRequest, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.exceptions import (
    TransportClosed,
    TransportConnectionFailed,
    TransportQueryError,
    TransportServerError,
)

THING = gql("query thing($name: String) { thing(name: $name) { name authorized } }")
LIVE = gql("subscription live($count: Int) { number(count: $count) }")


def thing(name):
    return GraphQLRequest(THING, variable_values={"name": name})


async def by_requests(base):
    transport = AIOHTTPTransport(
        url=f"{base}/graph",
        headers={"Authorization": "Bearer x"},
        client_session_args={"timeout": aiohttp.ClientTimeout(total=5)},
    )
    async with Client(transport=transport) as session:
        print(await session.execute(thing("ü")))
        many = await asyncio.gather(*(session.execute(thing(str(n))) for n in range(20)))
        print("at once", sum(int(found["thing"]["name"]) for found in many))
        batch = await session.execute_batch([thing("a"), thing("b")])
        print("batch", [found["thing"]["name"] for found in batch])
        result = await session.execute(thing("c"), get_execution_result=True)
        print("extensions", result.extensions)
        for text in ("{ fail }", "{ broken }"):
            try:
                await session.execute(gql(text))
            except (TransportQueryError, TransportServerError) as error:
                print(type(error).__name__, str(error).split(",")[0], getattr(error, "code", None))
        upload = gql("mutation up($file: Upload!) { upload(file: $file) { name } }")
        upload.variable_values = {"file": FileVar(io.BytesIO(b"x" * 100_000), filename="f.bin")}
        print(await session.execute(upload, upload_files=True))
    try:
        await transport.execute(thing("late"))
    except TransportClosed:
        print("closed")
    try:
        async with Client(transport=AIOHTTPTransport(url="http://127.0.0.1:1/")) as session:
            await session.execute(thing("nobody"))
    except (TransportConnectionFailed, aiohttp.ClientConnectorError) as error:
        print(type(error).__name__)


async def by_websockets(base):
    url = base.replace("http", "ws") + "/live"
    transport = AIOHTTPWebsocketsTransport(
        url=url, init_payload={"token": "secret"}, headers={"X-Live": "1"}, heartbeat=30
    )
    async with Client(transport=transport) as session:

        async def numbers(count):
            request = GraphQLRequest(LIVE, variable_values={"count": count})
            return [
                (found["number"], len(found["text"])) async for found in session.subscribe(request)
            ]

        print("live", await numbers(3))
        print("two at once", await asyncio.gather(numbers(1), numbers(2)))
        try:
            await numbers(7)
        except TransportQueryError as error:
            print(type(error).__name__, error.errors)
    try:
        async with Client(transport=AIOHTTPWebsocketsTransport(url=url)):
            print("not reached")
    except TransportConnectionFailed as error:
        print(type(error).__name__)
    async with aiohttp.ClientSession() as session:
        try:
            transport = AIOHTTPWebsocketsTransport(url=f"{url}/none", session=session)
            async with Client(transport=transport):
                print("not reached")
        except TransportConnectionFailed as error:
            print(type(error).__name__, type(error.__cause__).__name__)


async def main(base):
    await by_requests(base)
    await by_websockets(base)


asyncio.run(main(sys.argv[1]))
