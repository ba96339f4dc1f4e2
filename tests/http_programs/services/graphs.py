"""A GraphQL service, over HTTP and over WebSockets; its schema is as small as can be."""

import json

from aiohttp import WSMsgType, web

from .web import counting, site


async def query(request):
    if request.content_type == "multipart/form-data":
        form = await request.post()
        file = form["0"]
        mapped = json.loads(form["map"])
        found = {"name": file.filename, "size": len(file.file.read()), "where": mapped["0"]}
        return web.json_response({"data": {"upload": found}})
    asked = await request.json()
    if isinstance(asked, list):
        return web.json_response([answer(one, request) for one in asked])
    if "broken" in asked["query"]:
        return web.Response(text="<html>", status=502, content_type="text/html")
    return web.json_response(answer(asked, request))


def answer(asked, request):
    if "fail" in asked["query"]:
        return {"errors": [{"message": "failed", "path": ["fail"]}], "data": None}
    variables = asked.get("variables") or {}
    return {
        "data": {
            "thing": {
                "name": variables.get("name"),
                "authorized": request.headers.get("Authorization"),
            }
        },
        "extensions": {"cost": 1},
    }


async def subscribe(request):
    socket = web.WebSocketResponse(protocols=("graphql-transport-ws",))
    await socket.prepare(request)
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            break
        asked = json.loads(message.data)
        if asked["type"] == "connection_init":
            if asked["payload"].get("token") != "secret":
                await socket.close(code=4403, message=b"Forbidden")
                break
            await socket.send_json({"type": "connection_ack"})
            await socket.send_json({"type": "ping"})
        elif asked["type"] == "subscribe":
            count = asked["payload"]["variables"]["count"]
            for number in range(count):
                data = {"data": {"number": number, "text": "x" * (number * 1000)}}
                await socket.send_json({"type": "next", "id": asked["id"], "payload": data})
            if count > 5:
                problem = [{"message": "too many"}]
                await socket.send_json({"type": "error", "id": asked["id"], "payload": problem})
            else:
                await socket.send_json({"type": "complete", "id": asked["id"]})
    return socket


async def start(stack):
    application = counting()
    application.router.add_post("/graph", query)
    application.router.add_get("/live", subscribe)
    return [await stack.enter_async_context(site(application))]
