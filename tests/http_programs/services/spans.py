"""A server that tells which trace a request belongs to."""

from aiohttp import web

from .web import counting, site


async def context(request):
    parent = request.headers.get("traceparent", "")
    return web.json_response({"version": parent[:2], "length": len(parent)})


async def moved(request):
    raise web.HTTPTemporaryRedirect("/context")


async def failing(request):
    raise web.HTTPBadGateway


async def silent(request):
    request.transport.abort()
    return web.Response()


async def start(stack):
    application = counting()
    application.router.add_route("*", "/context", context)
    application.router.add_get("/moved", moved)
    application.router.add_get("/failing", failing)
    application.router.add_get("/silent", silent)
    return [await stack.enter_async_context(site(application))]
