"""Telegram's interface for bots: methods by form, updates by long polling, files to download."""

import asyncio

from aiohttp import web

from .web import HITS, counting, site

CHAT = {"id": 7, "type": "private", "first_name": "Ann"}
USER = {"id": 7, "is_bot": False, "first_name": "Ann"}
BOT = {"id": 42, "is_bot": True, "first_name": "Bot", "username": "program_bot"}
SENT = []


def fine(result):
    return web.json_response({"ok": True, "result": result})


def failed(status, text, **parameters):
    answer = {"ok": False, "error_code": status, "description": text, "parameters": parameters}
    return web.json_response(answer, status=status)


def message(number, text, sender=USER, **more):
    found = {"message_id": number, "date": 1_700_000_000, "chat": CHAT, "from": sender}
    return {**found, "text": text, **more}


def updates(form):
    offset = int(form.get("offset") or 0)
    said = ["/start", "hello", "wörld"]
    return [
        {"update_id": number, "message": message(number, text)}
        for number, text in enumerate(said, 100)
        if number >= offset
    ]


async def method(request):
    name = request.match_info["name"]
    form = await request.post()
    if request.match_info["token"] != "42:secret":
        return failed(401, "Unauthorized")
    if name == "getMe":
        return fine(BOT)
    if name == "getUpdates":
        found = updates(form)
        if not found:
            await asyncio.sleep(0.05)
        return fine(found)
    if name == "sendMessage":
        text = form["text"]
        if text == "flood" and request.app[HITS][f"{request.method} {request.path}"] < 5:
            return failed(429, "Too Many Requests: retry after 1", retry_after=1)
        SENT.append(text)
        return fine(message(200 + len(SENT), text, BOT))
    if name == "sendDocument":
        file = next(value for value in form.values() if isinstance(value, web.FileField))
        size = len(file.file.read())
        document = {"file_id": "f", "file_unique_id": "u", "file_name": file.filename}
        more = {"document": {**document, "file_size": size}, "caption": form["caption"]}
        return fine(message(300, None, BOT, **more))
    if name == "getFile":
        return fine({"file_id": "f", "file_unique_id": "u", "file_path": "documents/f.bin"})
    if name == "deleteWebhook":
        return fine(True)
    return failed(400, "Bad Request: chat not found")


async def download(request):
    response = web.StreamResponse()
    await response.prepare(request)
    for number in range(20):
        await response.write(b"%02d" % number * 5_000)
    return response


async def start(stack):
    application = counting()
    application._client_max_size = 1 << 26
    application.router.add_post("/bot{token}/{name}", method)
    application.router.add_get("/file/bot{token}/{path:.+}", download)
    return [await stack.enter_async_context(site(application))]
