"""aiosonic: pure Python on asyncio's streams."""

from __future__ import annotations

import ssl
from typing import Any

from . import library
from .library import check_status


class Session(library.Session):
    async def open(self) -> None:
        from aiosonic.connectors import TCPConnector
        from aiosonic.pools import PoolConfig

        pool = PoolConfig(size=self.wanted.connections)
        connector = TCPConnector(pool_configs={":default": pool})
        self.client = self.module.HTTPClient(connector)
        self.options: dict[str, Any] = {}
        if self.wanted.authority:
            self.options["ssl"] = ssl.create_default_context(cafile=self.wanted.authority)

    async def close(self) -> None:
        await self.client.connector.cleanup()

    async def get(self, url: str) -> Any:
        response = await self.client.get(url, **self.options)
        check_status(response.status_code)
        return await response.content()

    async def stream(self, url: str) -> tuple[bytes, int]:
        start, length = b"", 0
        response = await self.client.get(url, **self.options)
        check_status(response.status_code)
        async for chunk in response.iter_bytes():
            start = start or chunk
            length += len(chunk)
        return start, length

    async def post_json(self, url: str, value: Any) -> Any:
        response = await self.client.post(url, json=value, **self.options)
        check_status(response.status_code)
        return await response.json()

    async def upload(self, url: str, body: bytes) -> Any:
        response = await self.client.post(url, data=body, **self.options)
        check_status(response.status_code)
        return await response.json()
