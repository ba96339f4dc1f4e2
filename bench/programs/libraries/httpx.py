"""httpx on httpcore and h11."""

from __future__ import annotations

import ssl
from typing import Any

from . import library
from .library import CHUNK, check_status


class Session(library.Session):
    async def open(self) -> None:
        wanted = self.wanted
        limits = self.module.Limits(
            max_connections=wanted.connections, max_keepalive_connections=wanted.connections
        )
        context = ssl.create_default_context(cafile=wanted.authority or None)
        self.client = self.module.AsyncClient(limits=limits, verify=context, timeout=60)

    async def close(self) -> None:
        await self.client.aclose()

    async def get(self, url: str) -> Any:
        response = await self.client.get(url)
        check_status(response.status_code)
        return response.content

    async def stream(self, url: str) -> tuple[bytes, int]:
        start, length = b"", 0
        async with self.client.stream("GET", url) as response:
            check_status(response.status_code)
            async for chunk in response.aiter_bytes(CHUNK):
                start = start or chunk
                length += len(chunk)
        return start, length

    async def post_json(self, url: str, value: Any) -> Any:
        response = await self.client.post(url, json=value)
        check_status(response.status_code)
        return response.json()

    async def upload(self, url: str, body: bytes) -> Any:
        response = await self.client.post(url, content=body)
        check_status(response.status_code)
        return response.json()
