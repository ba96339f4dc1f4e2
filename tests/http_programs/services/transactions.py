"""A server that tells what of a trace came along."""

from aiohttp import web

from .web import counting, site


async def told(request):
    trace = request.headers.get("sentry-trace", "")
    baggage = request.headers.get("baggage", "")
    return web.json_response({"trace": trace[:32], "baggage": "sentry-trace_id" in baggage})


async def failing(request):
    raise web.HTTPInternalServerError


async def start(stack):
    application = counting()
    application.router.add_route("*", "/told", told)
    application.router.add_get("/failing", failing)
    return [await stack.enter_async_context(site(application))]
