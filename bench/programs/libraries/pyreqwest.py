"""pyreqwest: reqwest on a thread of tokio's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import library
from .library import check_status


class Session(library.Session):
    async def open(self) -> None:
        from pyreqwest.client import ClientBuilder

        wanted = self.wanted
        builder = ClientBuilder().max_connections(wanted.connections)
        builder = builder.pool_max_idle_per_host(wanted.per_host or wanted.connections)
        if wanted.authority:
            builder = builder.add_root_certificate_pem(Path(wanted.authority).read_bytes())
        self.client = builder.build()

    async def close(self) -> None:
        await self.client.close()

    async def get(self, url: str) -> Any:
        response = await self.client.get(url).build().send()
        check_status(response.status)
        return await response.bytes()

    async def stream(self, url: str) -> tuple[bytes, int]:
        start, length = b"", 0
        async with self.client.get(url).build_streamed() as response:
            check_status(response.status)
            reader = response.body_reader
            while (chunk := await reader.read_chunk()) is not None:
                start = start or bytes(chunk)
                length += len(chunk)
        return start, length

    async def post_json(self, url: str, value: Any) -> Any:
        response = await self.client.post(url).body_json(value).build().send()
        check_status(response.status)
        return await response.json()

    async def upload(self, url: str, body: bytes) -> Any:
        response = await self.client.post(url).body_bytes(body).build().send()
        check_status(response.status)
        return await response.json()
