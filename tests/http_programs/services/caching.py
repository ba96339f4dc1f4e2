"""A site that says how often each of its pages was asked for."""

from aiohttp import web

from .web import counting, site


async def page(request):
    response = web.json_response({"page": request.match_info["name"], "query": dict(request.query)})
    response.set_cookie("seen", request.match_info["name"])
    response.headers["Link"] = '</page/next>; rel="next"'
    return response


async def moved(request):
    raise web.HTTPFound("/page/target")


async def no_store(request):
    return web.Response(text="fresh", headers={"Cache-Control": "no-store"})


async def large(request):
    return web.Response(body=b"0123456789" * 20_000)


async def tagged(request):
    headers = {"ETag": '"1"', "Cache-Control": "max-age=0"}
    if request.headers.get("If-None-Match") == '"1"':
        return web.Response(status=304, headers=headers)
    return web.Response(text="tagged", headers=headers)


async def broken(request):
    raise web.HTTPInternalServerError(text="broken")


async def start(stack):
    application = counting()
    application.router.add_route("*", "/page/{name}", page)
    application.router.add_get("/moved", moved)
    application.router.add_get("/no-store", no_store)
    application.router.add_get("/large", large)
    application.router.add_get("/tagged", tagged)
    application.router.add_get("/broken", broken)
    return [await stack.enter_async_context(site(application))]
