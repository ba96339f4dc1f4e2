"""A site for what programs do with aiohttp themselves: over TCP and over a Unix socket."""

import asyncio
import hashlib
import tempfile
from pathlib import Path

from aiohttp import WSMsgType, web

from .web import HITS, counting, site


async def echo(request):
    response = web.json_response(
        {
            "method": request.method,
            "path": request.raw_path,
            "headers": {name: value for name, value in request.headers.items() if name[0] == "X"},
            "cookies": dict(request.cookies),
            "body": (await request.text()),
            "host": request.host.partition(":")[0],
        }
    )
    for name, value in request.query.items():
        if name == "set":
            response.set_cookie(*value.split("-"))
    return response


async def form(request):
    found = {}
    async for part in await request.multipart():
        data = await part.read(decode=True)
        found[part.name] = [part.filename, part.headers["Content-Type"], len(data)]
    return web.json_response(found)


async def digest(request):
    """Digest authentication, by SHA-256, for ann with the password secret."""
    given = request.headers.get("Authorization", "").removeprefix("Digest ")
    pairs = (part.strip().split("=", 1) for part in given.split(",") if part)
    parts = {name: value.strip('"') for name, value in pairs}

    def hashed(text):
        return hashlib.sha256(text.encode()).hexdigest()

    if parts:
        one, two = hashed("ann:here:secret"), hashed(f"{request.method}:{request.raw_path}")
        middle = f"{parts['nonce']}:{parts['nc']}:{parts['cnonce']}:{parts['qop']}"
        if parts["response"] == hashed(f"{one}:{middle}:{two}"):
            return web.json_response({"user": parts["username"], "count": int(parts["nc"], 16)})
    asked = 'Digest realm="here", nonce="n1", qop="auth", algorithm=SHA-256'
    raise web.HTTPUnauthorized(headers={"WWW-Authenticate": asked})


async def hop(request):
    left = int(request.match_info["left"])
    raise web.HTTPFound(f"/hop/{left - 1}#part" if left else "/echo/landed?a=%2F")


async def slow(request):
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"begun")
    await asyncio.sleep(30)
    return response


async def lines(request):
    response = web.StreamResponse()
    response.enable_compression()
    await response.prepare(request)
    for number in range(1000):
        await response.write(b"line %d\n" % number)
    return response


async def talk(request):
    socket = web.WebSocketResponse(protocols=("one", "two"), compress=True)
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            if message.data == "leave":
                await socket.close(code=4000, message=b"left")
                break
            await socket.send_str(message.data.upper())
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data[::-1])
    return socket


async def flaky(request):
    hits = request.app[HITS][f"{request.method} {request.path}"]
    return web.Response(status=200 if hits % 3 == 0 else 503, text=f"try {hits}")


async def start(stack):
    application = counting()
    router = application.router
    router.add_route("*", "/echo/{rest:.*}", echo)
    router.add_post("/form", form)
    router.add_get("/digest", digest)
    router.add_get("/hop/{left}", hop)
    router.add_get("/slow", slow)
    router.add_get("/lines", lines)
    router.add_get("/talk", talk)
    router.add_get("/flaky", flaky)
    address = await stack.enter_async_context(site(application))
    path = Path(stack.enter_context(tempfile.TemporaryDirectory()), "socket")
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.UnixSite(runner, str(path)).start()
    return [address, str(path)]
