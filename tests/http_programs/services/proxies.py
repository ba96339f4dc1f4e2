"""A SOCKS5 proxy with a password, a SOCKS4 one without, and two web servers behind them."""

import asyncio
import contextlib
import ipaddress
import ssl
import tempfile
from pathlib import Path

import trustme
from aiohttp import web

from .web import site

NAME, PASSWORD = b"user", b"secret"


async def pump(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


async def relay(reader, writer, host, port, granted, refused):
    try:
        there, to = await asyncio.open_connection(host, port)
    except OSError:
        writer.write(refused)
        return
    writer.write(granted)
    await asyncio.gather(pump(reader, to), pump(there, writer))
    to.close()


async def socks5(reader, writer):
    version, count = await reader.readexactly(2)
    methods = await reader.readexactly(count)
    assert version == 5
    if 2 not in methods:
        writer.write(b"\x05\xff")
        return
    writer.write(b"\x05\x02")
    _, length = await reader.readexactly(2)
    name = await reader.readexactly(length)
    (length,) = await reader.readexactly(1)
    password = await reader.readexactly(length)
    good = (name, password) == (NAME, PASSWORD)
    writer.write(b"\x01\x00" if good else b"\x01\x01")
    if not good:
        return
    _, command, _, kind = await reader.readexactly(4)
    assert command == 1
    if kind == 1:
        host = str(ipaddress.ip_address(await reader.readexactly(4)))
    else:
        (length,) = await reader.readexactly(1)
        # The name is the proxy's to resolve: it knows one that nobody else does.
        host = (await reader.readexactly(length)).decode().replace("inside.test", "127.0.0.1")
    port = int.from_bytes(await reader.readexactly(2), "big")
    bound = b"\x00\x01" + bytes(6)
    await relay(reader, writer, host, port, b"\x05\x00" + bound, b"\x05\x05" + bound)


async def socks4(reader, writer):
    version, command = await reader.readexactly(2)
    assert (version, command) == (4, 1)
    port = int.from_bytes(await reader.readexactly(2), "big")
    host = str(ipaddress.ip_address(await reader.readexactly(4)))
    await reader.readuntil(b"\0")
    await relay(reader, writer, host, port, b"\0\x5a" + bytes(6), b"\0\x5b" + bytes(6))


async def proxy(stack, talk):
    async def serve(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError):
            await talk(reader, writer)
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    stack.callback(server.close)
    return server.sockets[0].getsockname()[1]


async def echo(request):
    return web.json_response(
        {
            "scheme": request.scheme,
            "host": request.host.partition(":")[0],
            "method": request.method,
            "size": len(await request.read()),
        }
    )


async def stream(request):
    response = web.StreamResponse()
    await response.prepare(request)
    for number in range(50):
        await response.write(f"line {number}\n".encode())
    return response


async def start(stack):
    application = web.Application()
    application.router.add_route("*", "/echo", echo)
    application.router.add_get("/stream", stream)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("inside.test").configure_cert(context)
    plain = await stack.enter_async_context(site(application))
    secure = web.Application()
    secure.router.add_route("*", "/echo", echo)
    secured = await stack.enter_async_context(site(secure, ssl_context=context))
    ports = [await proxy(stack, socks5), await proxy(stack, socks4)]
    return [plain, secured, str(folder / "ca.pem"), *map(str, ports)]
