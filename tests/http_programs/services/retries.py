"""A server that fails some times before it answers."""

from aiohttp import web

from .web import HITS, counting, site


async def flaky(request):
    wanted = int(request.query["failures"])
    if request.app[HITS][f"{request.method} {request.path}"] <= wanted:
        raise web.HTTPServiceUnavailable(text="later")
    return web.json_response({"path": request.path, "body": (await request.text())})


async def rude(request):
    """Hangs up without an answer, the first time."""
    if request.app[HITS]["GET /rude"] == 1:
        request.transport.abort()
    return web.Response(text="sorry")


async def start(stack):
    application = counting()
    application.router.add_route("*", "/flaky/{name}", flaky)
    application.router.add_get("/rude", rude)
    return [await stack.enter_async_context(site(application))]
