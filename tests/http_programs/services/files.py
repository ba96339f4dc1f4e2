"""A site with a listing and files, that knows ranges; and takes files."""

from aiohttp import web

from .web import counting, site

FILES = {
    "numbers.txt": b"".join(b"%05d\n" % number for number in range(20_000)),
    "small.csv": b"a,b\n1,2\n3,4\n",
}


async def listing(request):
    links = "".join(f'<a href="/data/{name}">{name}</a>\n' for name in sorted(FILES))
    return web.Response(text=f"<html>{links}</html>", content_type="text/html")


async def get(request):
    name = request.match_info["name"]
    if name not in FILES:
        raise web.HTTPNotFound
    data = FILES[name]
    headers = {"Accept-Ranges": "bytes", "ETag": f'"{len(data)}"'}
    wanted = request.http_range
    if wanted.start is None:
        return web.Response(body=data, headers=headers)
    part = data[wanted]
    first = wanted.start if wanted.start >= 0 else len(data) + wanted.start
    headers["Content-Range"] = f"bytes {first}-{first + len(part) - 1}/{len(data)}"
    return web.Response(body=part, status=206, headers=headers)


async def put(request):
    FILES[request.match_info["name"]] = await request.read()
    return web.Response(status=201)


async def start(stack):
    application = counting()
    application.router.add_get("/data/", listing)
    application.router.add_get("/data/{name}", get)
    application.router.add_route("POST", "/data/{name}", put)
    application.router.add_put("/data/{name}", put)
    return [await stack.enter_async_context(site(application))]
