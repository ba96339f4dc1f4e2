"""A REST service with pages, throttling, a large download, uploads and problems."""

import gzip
import itertools

from aiohttp import web

from .web import HITS, counting, site

BODY = b"".join(b"%06d\n" % number for number in range(60_000))


async def pages(request):
    at = int(request.query.get("at", 0))
    found = {"value": [at, at + 1]}
    if at < 4:
        found["next"] = f"/pages?at={at + 2}"
    return web.json_response(found)


async def throttled(request):
    if request.app[HITS]["POST /throttled"] < 3:
        raise web.HTTPTooManyRequests(headers={"Retry-After": "0"})
    return web.json_response({"sent": (await request.read()).decode()})


async def download(request):
    response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
    if "gzip" in request.headers.get("Accept-Encoding", "") and "compressed" in request.query:
        body = gzip.compress(BODY, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
    else:
        body = BODY
    response.content_length = len(body)
    await response.prepare(request)
    for at in itertools.count(0, 50_000):
        if at >= len(body):
            break
        await response.write(body[at : at + 50_000])
    return response


async def cut(request):
    """Promises more than it sends."""
    response = web.StreamResponse()
    response.content_length = 1000
    await response.prepare(request)
    await response.write(b"x" * 100)
    request.transport.close()
    return response


async def upload(request):
    if request.content_type == "multipart/form-data":
        form = await request.post()
        found = {
            name: [value.filename, value.file.read().decode()]
            if isinstance(value, web.FileField)
            else value
            for name, value in form.items()
        }
        return web.json_response(found)
    size = len(await request.read())
    return web.json_response({"size": size, "length": request.headers.get("Content-Length")})


async def problem(request):
    return web.json_response({"error": {"code": "Bad", "message": "no good"}}, status=400)


async def start(stack):
    application = counting()
    application.router.add_get("/pages", pages)
    application.router.add_post("/throttled", throttled)
    application.router.add_get("/download", download)
    application.router.add_get("/cut", cut)
    application.router.add_route("*", "/upload", upload)
    application.router.add_get("/problem", problem)
    return [await stack.enter_async_context(site(application))]
