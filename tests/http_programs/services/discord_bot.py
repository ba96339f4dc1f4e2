"""Discord's interface and its gateway, which compresses all that it says as one stream."""

import json
import zlib

from aiohttp import WSMsgType, web

from .web import HITS, counting, site

ANN = {"id": "7", "username": "ann", "discriminator": "0", "avatar": "0a", "global_name": "Ann"}
BOT = {"id": "42", "username": "bot", "discriminator": "0", "avatar": None, "bot": True}
MESSAGE = {
    "channel_id": "5", "timestamp": "2026-01-02T03:04:05+00:00", "edited_timestamp": None,
    "tts": False, "mention_everyone": False, "mentions": [], "mention_roles": [],
    "attachments": [], "embeds": [], "pinned": False, "type": 0,
}  # fmt: skip
APPLICATION = {
    "id": "42", "name": "bot", "description": "", "icon": None, "owner": ANN, "flags": 0,
    "bot_public": True, "bot_require_code_grant": False, "verify_key": "", "summary": "",
}  # fmt: skip


def message(key, content, author=ANN, **more):
    return {**MESSAGE, "id": str(key), "content": content, "author": author, **more}


def answer(found, status=200, headers=None):
    """As web.json_response, without the charset, with which discord.py would take it for text."""
    body = json.dumps(found).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    return web.Response(body=body, status=status, headers=headers)


async def me(request):
    if request.headers["Authorization"] != "Bot secret":
        return answer({"message": "401: Unauthorized", "code": 0}, status=401)
    return answer(BOT)


async def application(request):
    return answer(APPLICATION)


async def channel(request):
    if request.match_info["channel"] != "5":
        return answer({"message": "Unknown Channel", "code": 10003}, status=404)
    return answer({"id": "5", "type": 1, "recipients": [ANN], "last_message_id": None})


async def send(request):
    hits = request.app[HITS][f"{request.method} {request.path}"]
    if hits == 2:
        found = {"message": "slowly", "retry_after": 0.01, "global": False}
        return answer(found, status=429, headers={"Via": "1.1 proxy"})
    attached = []
    if request.content_type == "multipart/form-data":
        form = await request.post()
        asked = json.loads(form["payload_json"])
        for name, value in form.items():
            if isinstance(value, web.FileField):
                size = len(value.file.read())
                url = f"{request.url.origin()}/cdn/{name}"
                attached.append(
                    {"id": "1", "filename": value.filename, "size": size, "url": url,
                     "proxy_url": url}
                )  # fmt: skip
    else:
        asked = await request.json()
    if not asked.get("content") and not asked.get("embeds"):
        return answer({"message": "Cannot send an empty message", "code": 50006}, status=400)
    headers = {"X-Ratelimit-Limit": "5", "X-Ratelimit-Remaining": "4", "X-Ratelimit-Bucket": "b"}
    headers |= {"X-Ratelimit-Reset": "1", "X-Ratelimit-Reset-After": "0.01"}
    embeds = [{"type": "rich", **embed} for embed in asked.get("embeds", ())]
    found = message(100 + hits, asked.get("content") or "", BOT, embeds=embeds)
    return answer({**found, "attachments": attached}, headers=headers)


async def react(request):
    return web.Response(status=204)


async def file(request):
    return web.Response(body=b"\x89PNG" + b"x" * 50_000)


def compressor(kind):
    """A function that compresses a message as the next piece of one stream."""
    if kind == "zlib-stream":
        stream = zlib.compressobj()
        return lambda data: stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)
    try:
        import zstandard
    except ImportError:
        from compression import zstd

        stream = zstd.ZstdCompressor()
        return lambda data: stream.compress(data, zstd.ZstdCompressor.FLUSH_BLOCK)
    stream = zstandard.ZstdCompressor().compressobj()
    return lambda data: stream.compress(data) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


async def gateway(request):
    socket = web.WebSocketResponse(max_msg_size=0)
    await socket.prepare(request)
    compressed = compressor(request.query["compress"])
    sequence = 0

    async def say(op, data, event=None):
        nonlocal sequence
        sequence += event is not None
        said = {"op": op, "d": data, "s": sequence if event else None, "t": event}
        await socket.send_bytes(compressed(json.dumps(said).encode()))

    await say(10, {"heartbeat_interval": 100})
    async for received in socket:
        if received.type is not WSMsgType.TEXT:
            break
        heard = json.loads(received.data)
        if heard["op"] == 1:
            await say(11, None)
        elif heard["op"] == 2:
            if heard["d"]["token"] != "secret":
                await socket.close(code=4004, message=b"Authentication failed")
                break
            ready = {"v": 10, "user": BOT, "guilds": [], "session_id": "s", "shard": [0, 1]}
            ready["resume_gateway_url"] = f"ws://{request.host}/gateway"
            await say(0, {**ready, "application": {"id": "42", "flags": 0}}, "READY")
            await say(0, message(1, "hello"), "MESSAGE_CREATE")
            await say(0, message(2, "long " + "x" * 1_900), "MESSAGE_CREATE")
            await say(0, message(3, "reconnect"), "MESSAGE_CREATE")
        elif heard["op"] == 3:
            # The bot changes its presence when it wants to be sent away.
            await say(7, None)
        elif heard["op"] == 6:
            sequence = heard["d"]["seq"]
            await say(0, {}, "RESUMED")
            await say(0, message(4, f"resumed {heard['d']['session_id']}"), "MESSAGE_CREATE")
            await say(0, message(5, "bye"), "MESSAGE_CREATE")
    return socket


async def start(stack):
    application_ = counting()
    router = application_.router
    router.add_get("/api/users/@me", me)
    router.add_get("/api/oauth2/applications/@me", application)
    router.add_get("/api/channels/{channel}", channel)
    router.add_post("/api/channels/5/messages", send)
    router.add_put("/api/channels/5/messages/{message}/reactions/{emoji}/@me", react)
    router.add_get("/cdn/{name:.+}", file)
    router.add_get("/gateway/", gateway)
    router.add_get("/gateway", gateway)
    return [await stack.enter_async_context(site(application_))]
