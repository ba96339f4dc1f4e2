"""aiogram: a bot for Telegram, which polls for updates, answers, and sends and fetches files."""

import asyncio
import sys

import witness  # noqa: F401
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramBadRequest, TelegramRetryAfter, TelegramUnauthorizedError
from aiogram.filters import CommandStart
from aiogram.types import BufferedInputFile


async def methods(bot):
    me = await bot.get_me()
    print(me.username, me.is_bot)
    sent = await bot.send_message(7, "ä & b=c")
    print(sent.message_id, sent.text, sent.chat.first_name)
    document = BufferedInputFile(b"x" * 200_000, filename="dätä.bin")
    sent = await bot.send_document(7, document, caption="a file")
    print(sent.document.file_name, sent.document.file_size, sent.caption)
    file = await bot.get_file("f")
    data = await bot.download_file(file.file_path)
    print("downloaded", len(data.read()))
    await bot.download_file(file.file_path, destination="download.bin", chunk_size=1000)
    with open("download.bin", "rb") as file:
        print("stored", len(file.read()))
    many = await asyncio.gather(*(bot.send_message(7, str(number)) for number in range(3)))
    print("at once", sorted(message.text for message in many))


async def errors(bot, base):
    try:
        await bot.send_message(7, "flood")
    except TelegramRetryAfter as error:
        print(type(error).__name__, error.retry_after)
    try:
        await bot.send_dice(8)
    except TelegramBadRequest as error:
        print(type(error).__name__, error.message)
    async with Bot("42:wrong", session=session_to(base)) as wrong:
        try:
            await wrong.get_me()
        except TelegramUnauthorizedError as error:
            print(type(error).__name__)


async def polling(bot):
    dispatcher = Dispatcher()

    @dispatcher.message(CommandStart())
    async def on_start(message):
        answer = await message.answer("welcome")
        print("started", answer.text)

    @dispatcher.message()
    async def on_text(message):
        answer = await message.answer(message.text.upper())
        print("answered", answer.text)
        if message.text == "wörld":
            await dispatcher.stop_polling()

    await dispatcher.start_polling(bot, handle_signals=False, handle_as_tasks=False)


def session_to(base):
    return AiohttpSession(api=TelegramAPIServer.from_base(base))


async def main(base):
    async with Bot("42:secret", session=session_to(base)) as bot:
        # The first of the messages, of which the service refuses some.
        await errors(bot, base)
        await methods(bot)
        await polling(bot)


asyncio.run(main(sys.argv[1]))
