"""slack_sdk: its web client, and socket mode, which keeps WebSockets open."""

import asyncio
import sys

import aiohttp
import witness  # noqa: F401
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient


async def methods(base):
    """A session for each request, as the client does unless it is given one."""
    client = AsyncWebClient(token="xoxb-good", base_url=f"{base}/api/")
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=2))
    print((await client.auth_test())["user"])
    sent = await client.chat_postMessage(channel="C1", text="hällo & more", blocks=[])
    print(sent["channel"], sent["message"], "after", sent["hits"])
    pages = [page["channels"][0]["id"] async for page in await client.conversations_list(limit=1)]
    print("pages", pages)
    uploaded = await client.files_upload_v2(
        file_uploads=[
            {"filename": "a.txt", "content": "text of a"},
            {"filename": "b.bin", "file": b"\0" * 100_000},
        ]
    )
    print("uploaded", [(file["id"], file["sizes"]) for file in uploaded["files"]])
    for token, name in (("xoxb-bad", "auth.test"), ("xoxb-good", "none.such")):
        try:
            await AsyncWebClient(token=token, base_url=f"{base}/api/").api_call(name)
        except SlackApiError as error:
            print("error", error.response["error"], error.response.status_code)


async def socket_mode(base):
    done = asyncio.Event()
    async with aiohttp.ClientSession() as session:
        web = AsyncWebClient(base_url=f"{base}/api/", session=session)
        client = SocketModeClient(app_token="xapp-1", web_client=web, ping_interval=0.2)

        async def listen(client, request):
            if request.type == "slash_commands":
                print("last", request.payload)
                done.set()
                return
            text = request.payload["event"]["text"]
            print("event", request.envelope_id, text[0], len(text))
            payload = {"seen": request.envelope_id}
            await client.send_socket_mode_response(
                SocketModeResponse(envelope_id=request.envelope_id, payload=payload)
            )

        client.socket_mode_request_listeners.append(listen)
        await client.connect()
        print("connected", await client.is_connected())
        await asyncio.wait_for(done.wait(), 20)
        await client.close()
        print("connected", await client.is_connected())


async def main(base):
    await methods(base)
    await socket_mode(base)


asyncio.run(main(sys.argv[1]))
