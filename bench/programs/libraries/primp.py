"""primp: a fork of reqwest on threads of tokio's."""

from __future__ import annotations

from typing import Any

from . import library
from .library import CHUNK, check_status


class Session(library.Session):
    async def open(self) -> None:
        self.client = self.module.AsyncClient(ca_cert_file=self.wanted.authority or None)

    async def close(self) -> None:
        """There is nothing to call."""

    async def get(self, url: str) -> Any:
        response = await self.client.get(url)
        check_status(response.status_code)
        return response.content

    async def stream(self, url: str) -> tuple[bytes, int]:
        start, length = b"", 0
        response = await self.client.get(url, stream=True)
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
