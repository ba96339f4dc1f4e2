"""A site with cookies, redirects, a form and a stream, that counts its requests."""

from aiohttp import web

from .web import counting, site


async def login(request):
    form = await request.post()
    response = web.HTTPSeeOther("/home")
    response.set_cookie("user", form["name"])
    raise response


async def home(request):
    user = request.cookies.get("user")
    return web.json_response({"user": user, "accept": request.headers["Accept"]})


async def stream(request):
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    for number in range(3):
        await response.write(f"part {number}\n".encode())
    return response


async def gone(request):
    raise web.HTTPGone(text="no more")


async def start(stack):
    application = counting()
    application.router.add_post("/login", login)
    application.router.add_get("/home", home)
    application.router.add_get("/stream", stream)
    application.router.add_get("/gone", gone)
    return [await stack.enter_async_context(site(application))]
