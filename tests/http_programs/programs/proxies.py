"""aiohttp-socks: a connector derived from TCPConnector that goes through proxies."""

import asyncio
import ssl
import sys

import witness  # noqa: F401
from aiohttp import ClientSession
from aiohttp_socks import (
    ChainProxyConnector,
    ProxyConnectionError,
    ProxyConnector,
    ProxyError,
    ProxyType,
)


async def main(plain, secured, authority, port5, port4):
    inside = plain.replace("127.0.0.1", "inside.test")
    proxy5 = f"socks5://user:secret@127.0.0.1:{port5}"
    async with ClientSession(connector=ProxyConnector.from_url(proxy5, rdns=True)) as session:
        async with session.post(f"{inside}/echo", data=b"x" * 100_000) as response:
            print("name", response.status, await response.json())
        async with session.get(f"{inside}/stream") as response:
            lines = [line async for line in response.content]
            print("lines", len(lines), lines[-1])
        print("reused", [await put(session, inside, size) for size in (0, 1, 70_000)])
        # Nobody listens on this port.
        try:
            await session.get("http://127.0.0.1:1/")
        except ProxyError as error:
            print("refused", type(error).__name__, error.error_code)

    context = ssl.create_default_context(cafile=authority)
    connector = ProxyConnector.from_url(proxy5, ssl=context)
    async with ClientSession(connector=connector) as session:
        url = secured.replace("127.0.0.1", "inside.test")
        async with session.get(f"{url}/echo") as response:
            print("tls", response.status, await response.json())

    connector = ProxyConnector("127.0.0.1", int(port4), ProxyType.SOCKS4, rdns=False)
    async with ClientSession(connector=connector) as session:
        async with session.get(f"{plain}/echo") as response:
            print("socks4", await response.json())

    connector = ChainProxyConnector.from_urls([proxy5, f"socks4://127.0.0.1:{port4}"])
    async with ClientSession(connector=connector) as session:
        async with session.get(f"{plain}/echo") as response:
            print("chain", await response.json())

    wrong = f"socks5://user:guess@127.0.0.1:{port5}"
    async with ClientSession(connector=ProxyConnector.from_url(wrong)) as session:
        try:
            await session.get(f"{plain}/echo")
        except ProxyError as error:
            print("wrong password", type(error).__name__)
    async with ClientSession(connector=ProxyConnector.from_url("socks5://127.0.0.1:1")) as session:
        try:
            await session.get(f"{plain}/echo")
        except ProxyConnectionError as error:
            print("no proxy", type(error).__name__)


async def put(session, base, size):
    async with session.put(f"{base}/echo", data=bytes(size)) as response:
        return (await response.json())["size"]


asyncio.run(main(*sys.argv[1:]))
