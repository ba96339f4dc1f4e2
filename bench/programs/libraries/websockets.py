"""websockets, its new implementation on asyncio."""

from __future__ import annotations

from typing import Any

from . import library


class Socket(library.Socket):
    async def open(self, url: str) -> None:
        from websockets.asyncio.client import connect

        self.socket = await connect(url)

    async def close(self) -> None:
        await self.socket.close()

    async def trip(self, message: bytes) -> Any:
        await self.socket.send(message)
        return await self.socket.recv()
