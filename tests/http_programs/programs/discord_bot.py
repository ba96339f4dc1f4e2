"""discord.py: a bot on its gateway, with its own class for WebSockets, and on its interface."""

import asyncio
import io
import sys

import aiohttp
import discord
import witness  # noqa: F401
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

TRACED = []


class Bot(discord.Client):
    async def setup_hook(self):
        print("logged in as", self.user, self.application.name)
        self.turn = asyncio.Lock()

    async def on_resumed(self):
        print("resumed")

    async def on_message(self, message):
        # discord.py starts a task for each message; here, they are taken in their order.
        async with self.turn:
            await self.take(message)

    async def take(self, message):
        print("message", message.author.display_name, message.content[:12], len(message.content))
        if message.content == "hello":
            await self.greet(message)
        elif message.content == "reconnect":
            await self.change_presence(status=discord.Status.idle)
        elif message.content == "bye":
            await self.close()

    async def greet(self, message):
        print("on", type(self.ws.socket).__name__)
        answer = await message.channel.send("hi ü", reference=message)
        print("sent", answer.id, answer.content)
        # The second is throttled at first.
        answer = await message.channel.send(embed=discord.Embed(title="a title"))
        print("sent", answer.id, answer.embeds[0].title)
        files = [discord.File(io.BytesIO(bytes([n]) * 70_000), f"{n}.bin") for n in range(2)]
        answer = await message.channel.send("files", files=files)
        print("files", [(file.filename, file.size) for file in answer.attachments])
        data = await answer.attachments[0].read()
        print("read", len(data), data[:4])
        await message.add_reaction("👍")
        channel = await self.fetch_channel(5)
        print("channel", type(channel).__name__, channel.recipient.name)
        for call in (self.fetch_channel(6), message.channel.send("")):
            try:
                await call
            except discord.HTTPException as error:
                print(type(error).__name__, error.status, error.code)


async def main(base):
    Route.BASE = f"{base}/api"
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(base.replace("http", "ws")) / "gateway"
    trace = aiohttp.TraceConfig()

    @trace.on_request_end.append
    async def on_request_end(session, context, params):
        TRACED.append((params.method, params.response.status))

    options = {"intents": discord.Intents.default(), "http_trace": trace}
    async with Bot(**options) as bot:
        await bot.start("secret")
    print("traced", sorted(TRACED))
    async with Bot(**options) as bot:
        try:
            await bot.start("guess")
        except discord.LoginFailure as error:
            print(type(error).__name__)


asyncio.run(main(sys.argv[1]))
