"""`UnixConnector`: connections over a Unix socket."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aioxide.http._connector import HIGH_LEVEL_SCHEMES, BaseConnector, sentinel
from aioxide.http._errors import UnixClientConnectorError
from aioxide.http._limit import Limit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aioxide.http._host_limit import HostLimit
    from aioxide.http._request import ClientRequest
    from aioxide.http._timeout import ClientTimeout
    from aioxide.http._tracing import Trace


class UnixConnector(BaseConnector):
    """Connections over the Unix socket at `path`, whatever the URL's host."""

    allowed_protocol_schema_set = HIGH_LEVEL_SCHEMES | frozenset({"unix"})

    def __init__(
        self,
        path: str,
        force_close: bool = False,
        keepalive_timeout: Any = sentinel,
        limit: int = 100,
        limit_per_host: int = 0,
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        host_limits: HostLimit | Mapping[str, HostLimit] | None = None,
    ) -> None:
        super().__init__(
            force_close=force_close,
            keepalive_timeout=keepalive_timeout,
            limit=limit,
            limit_per_host=limit_per_host,
            loop=loop,
            host_limits=host_limits,
        )
        self._path = path

    @property
    def path(self) -> str:
        """The path of the socket."""
        return self._path

    async def _create_connection(
        self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout
    ) -> Any:
        try:
            async with Limit("sock_connect", timeout):
                _transport, protocol = await self._loop.create_unix_connection(
                    self._factory, self._path
                )
        except OSError as error:
            if error.errno is None and isinstance(error, asyncio.TimeoutError):
                raise
            raise UnixClientConnectorError(self.path, req.connection_key, error) from error
        return protocol
