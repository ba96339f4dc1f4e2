"""Slack's web methods, and the WebSocket of its socket mode."""

import json

from aiohttp import WSMsgType, web

from .web import HITS, counting, site

FILES = {}


def fine(**found):
    return web.json_response({"ok": True, **found})


async def method(request):
    name = request.match_info["name"]
    hits = request.app[HITS][f"{request.method} {request.path}"]
    if request.content_type == "application/json":
        asked = await request.json()
    else:
        asked = {**request.query, **await request.post()}
    if name == "auth.test":
        good = request.headers["Authorization"] == "Bearer xoxb-good"
        return fine(user="bot") if good else web.json_response({"ok": False, "error": "no_auth"})
    if name == "chat.postMessage":
        if hits == 1:
            return web.json_response({"ok": False}, status=429, headers={"Retry-After": "0"})
        return fine(channel=asked["channel"], message={"text": asked["text"]}, hits=hits)
    if name == "conversations.list":
        at = int(request.query.get("cursor") or asked.get("cursor") or 0)
        more = str(at + 1) if at < 2 else ""
        return fine(channels=[{"id": f"C{at}"}], response_metadata={"next_cursor": more})
    if name == "files.getUploadURLExternal":
        url = f"{request.url.origin()}/upload/{asked['filename']}"
        return fine(upload_url=url, file_id=f"F-{asked['filename']}")
    if name == "files.completeUploadExternal":
        files = json.loads(asked["files"]) if isinstance(asked["files"], str) else asked["files"]
        sizes = {key: len(data) for key, data in FILES.items()}
        return fine(files=[{**file, "sizes": sizes} for file in files])
    if name == "apps.connections.open":
        return fine(url=f"ws://{request.host}/socket?try={hits}")
    return web.json_response({"ok": False, "error": "unknown_method"})


async def upload(request):
    if request.content_type.startswith("multipart/"):
        form = await request.post()
        FILES[request.match_info["name"]] = next(iter(form.values())).file.read()
    else:
        FILES[request.match_info["name"]] = await request.read()
    return web.Response(text="OK")


async def talk(request):
    """Says hello, sends envelopes, and tells in the last one what was acknowledged."""
    socket = web.WebSocketResponse(autoping=True)
    await socket.prepare(request)
    await socket.send_json({"type": "hello", "num_connections": 1})
    first = request.query["try"] == "1"
    names = ["a", "b"] if first else ["c", "d"]
    for name in names:
        event = {"type": "message", "text": name * (1 if first else 70_000)}
        envelope = {"envelope_id": name, "type": "events_api", "payload": {"event": event}}
        await socket.send_json({**envelope, "accepts_response_payload": True})
    known = []
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            break
        known.append(json.loads(message.data))
        if len(known) == len(names):
            if first:
                await socket.send_json({"type": "disconnect", "reason": "refresh_requested"})
            else:
                payload = {"acknowledged": sorted(one["envelope_id"] for one in known)}
                last = {"envelope_id": "z", "type": "slash_commands", "payload": payload}
                await socket.send_json(last)
    return socket


async def start(stack):
    application = counting()
    application.router.add_route("*", "/api/{name}", method)
    application.router.add_route("*", "/upload/{name}", upload)
    application.router.add_get("/socket", talk)
    return [await stack.enter_async_context(site(application))]
