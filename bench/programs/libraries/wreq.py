"""wreq: its own client in Rust, on threads of tokio's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import library
from .library import check_status


class Session(library.Session):
    async def open(self) -> None:
        wanted = self.wanted
        options: dict[str, Any] = {
            "pool_max_size": wanted.connections,
            "pool_max_idle_per_host": wanted.per_host or wanted.connections,
        }
        if wanted.authority:
            options["tls_verify"] = Path(wanted.authority)
        self.client = self.module.Client(**options)

    async def close(self) -> None:
        self.client.close()

    async def get(self, url: str) -> Any:
        response = await self.client.get(url)
        check_status(response.status.as_int())
        return await response.bytes()

    async def stream(self, url: str) -> tuple[bytes, int]:
        start, length = b"", 0
        response = await self.client.get(url)
        check_status(response.status.as_int())
        async with response.stream() as chunks:
            async for chunk in chunks:
                start = start or bytes(chunk)
                length += len(chunk)
        return start, length

    async def post_json(self, url: str, value: Any) -> Any:
        response = await self.client.post(url, json=value)
        check_status(response.status.as_int())
        return await response.json()

    async def upload(self, url: str, body: bytes) -> Any:
        response = await self.client.post(url, body=body)
        check_status(response.status.as_int())
        return await response.json()
