"""aiohttp, and what has its API."""

from __future__ import annotations

from typing import Any

from . import library
from .library import CHUNK, check_status


class Session(library.Session):
    async def open(self) -> None:
        wanted = self.wanted
        connector = self.module.TCPConnector(
            limit=wanted.connections, limit_per_host=wanted.per_host
        )
        self.session = self.module.ClientSession(connector=connector)

    async def close(self) -> None:
        await self.session.close()

    async def get(self, url: str) -> Any:
        async with self.session.get(url) as response:
            check_status(response.status)
            return await response.read()

    async def stream(self, url: str) -> tuple[bytes, int]:
        start, length = b"", 0
        async with self.session.get(url) as response:
            check_status(response.status)
            async for chunk in response.content.iter_chunked(CHUNK):
                start = start or chunk
                length += len(chunk)
        return start, length

    async def post_json(self, url: str, value: Any) -> Any:
        async with self.session.post(url, json=value) as response:
            check_status(response.status)
            return await response.json()

    async def upload(self, url: str, body: bytes) -> Any:
        async with self.session.post(url, data=body) as response:
            check_status(response.status)
            return await response.json()


class Socket(library.Socket):
    async def open(self, url: str) -> None:
        self.session = self.module.ClientSession()
        self.socket = await self.session.ws_connect(url)

    async def close(self) -> None:
        await self.socket.close()
        await self.session.close()

    async def trip(self, message: bytes) -> Any:
        await self.socket.send_bytes(message)
        return await self.socket.receive_bytes()
