"""The one real server beside the mocked ones."""

from aiohttp import web

from .web import counting, site


async def real(request):
    return web.json_response({"real": True, "agent": request.headers["X-Agent"]})


async def start(stack):
    application = counting()
    application.router.add_get("/real", real)
    return [await stack.enter_async_context(site(application))]
