"""What the services share: web servers on loopback."""

import collections
import contextlib

from aiohttp import web

HITS = web.AppKey("hits", collections.Counter)


@contextlib.asynccontextmanager
async def site(application, **options):
    """Serve an application on a free port; yields its address."""
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    try:
        place = web.TCPSite(runner, "127.0.0.1", 0, **options)
        await place.start()
        scheme = "https" if options.get("ssl_context") else "http"
        yield f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def counting():
    """An application that counts the requests to each path, and says so at /hits."""

    @web.middleware
    async def count(request, handler):
        request.app[HITS][f"{request.method} {request.path}"] += 1
        return await handler(request)

    async def hits(request):
        return web.json_response(request.app[HITS])

    application = web.Application(middlewares=[count])
    application[HITS] = collections.Counter()
    application.router.add_get("/hits", hits)
    return application
