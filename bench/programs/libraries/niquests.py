"""niquests: requests' API on urllib3-future."""

from __future__ import annotations

from typing import Any

from . import library
from .library import CHUNK, check_status


class Session(library.Session):
    async def open(self) -> None:
        connections = self.wanted.connections
        self.session = self.module.AsyncSession(
            pool_connections=max(connections, 100), pool_maxsize=connections
        )
        if self.wanted.authority:
            self.session.verify = self.wanted.authority
            # Else REQUESTS_CA_BUNDLE goes before what the session says.
            self.session.trust_env = False

    async def close(self) -> None:
        await self.session.close()

    async def get(self, url: str) -> Any:
        response = await self.session.get(url)
        check_status(response.status_code)
        return response.content

    async def stream(self, url: str) -> tuple[bytes, int]:
        start, length = b"", 0
        response = await self.session.get(url, stream=True)
        check_status(response.status_code)
        async for chunk in await response.iter_content(CHUNK):
            start = start or chunk
            length += len(chunk)
        return start, length

    async def post_json(self, url: str, value: Any) -> Any:
        response = await self.session.post(url, json=value)
        check_status(response.status_code)
        return response.json()

    async def upload(self, url: str, body: bytes) -> Any:
        response = await self.session.post(url, data=body)
        check_status(response.status_code)
        return response.json()
