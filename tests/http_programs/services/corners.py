"""A site that answers what clients seldom see, over TLS as well."""

import ssl

import trustme
from aiohttp import web

from .web import counting, site


async def status(request):
    code = int(request.match_info["code"])
    # A response to HEAD may tell the length of what it does not send.
    return web.Response(status=code, text=None if code in {204, 304} else "text")


async def heads(request):
    return web.Response(body=b"{}", headers={"Content-Type": request.query["type"]})


async def cut(request):
    """A body that ends before its end."""
    response = web.StreamResponse()
    if request.match_info["how"] == "length":
        response.content_length = 100
    else:
        response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(b"half")
    request.transport.close()
    return response


async def garbled(request):
    return web.Response(body=b"no gzip", headers={"Content-Encoding": "gzip"})


async def said(request):
    """What the client says of itself."""
    names = {"Authorization", "Connection", "Host", "X-Changed"}
    found = {name: request.headers[name] for name in sorted(names) if name in request.headers}
    found["Host"] = found["Host"].partition(":")[0]
    found["named"] = "User-Agent" in request.headers
    return web.json_response(found)


async def talk(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        # A frame with a bit that means nothing.
        request.transport.write(bytes.fromhex(message.data))
    return socket


async def start(stack):
    application = counting()
    router = application.router
    router.add_route("*", "/status/{code}", status)
    router.add_get("/heads", heads)
    router.add_get("/cut/{how}", cut)
    router.add_get("/garbled", garbled)
    router.add_get("/said", said)
    router.add_get("/talk", talk)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    plain = await stack.enter_async_context(site(application))
    # An application is started once.
    secret = web.Application()
    secret.router.add_get("/status/{code}", status)
    return [plain, await stack.enter_async_context(site(secret, ssl_context=context))]
