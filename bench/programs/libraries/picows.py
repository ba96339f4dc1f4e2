"""picows: callbacks from a protocol in Cython; awaited through a future, to do as the others do."""

from __future__ import annotations

import asyncio
from typing import Any

from . import library


class Socket(library.Socket):
    async def open(self, url: str) -> None:
        module = self.module
        self.binary = module.WSMsgType.BINARY
        self.loop = asyncio.get_running_loop()
        self.reply: asyncio.Future[bytes] = self.loop.create_future()
        outer = self

        class Listener(module.WSListener):
            def on_ws_frame(self, transport: Any, frame: Any) -> None:
                if frame.msg_type == outer.binary:
                    outer.reply.set_result(frame.get_payload_as_bytes())

        self.transport, _ = await module.ws_connect(Listener, url)

    async def close(self) -> None:
        self.transport.send_close()
        self.transport.disconnect()
        await self.transport.wait_disconnected()

    async def trip(self, message: bytes) -> Any:
        self.reply = self.loop.create_future()
        self.transport.send(self.binary, message)
        return await self.reply
