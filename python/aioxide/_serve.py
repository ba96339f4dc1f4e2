"""Servers: CPython's own code, and who closes one that nobody receives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aioxide._inside import SelectorEventLoop, tasks

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["ServingLoop"]


class ServingLoop(SelectorEventLoop):
    """The part of the loop that makes servers.

    A server that has begun to serve when its making is cancelled is closed. asyncio leaves it open,
    and no program has it.
    """

    async def create_server(
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: Any = None,
        port: Any = None,
        *,
        start_serving: bool = True,
        **options: Any,
    ) -> asyncio.Server:
        """Listen on host and port, or on a bound `sock`: see asyncio's documentation.

        Raises OSError when an address cannot be used.
        """
        server = await super().create_server(
            protocol_factory, host, port, start_serving=False, **options
        )
        return await _served(server, start_serving)

    async def create_unix_server(
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        path: Any = None,
        *,
        start_serving: bool = True,
        **options: Any,
    ) -> asyncio.Server:
        """Listen on the Unix socket at path, or on a bound `sock`: see asyncio's documentation.

        Raises OSError when the path cannot be used.
        """
        server = await super().create_unix_server(
            protocol_factory, path, start_serving=False, **options
        )
        return await _served(server, start_serving)


async def _served(server: Any, start: bool) -> asyncio.Server:
    if start:
        server._start_serving()
        try:
            # As in asyncio, the server listens when the caller goes on.
            await tasks.sleep(0)
        except BaseException:
            server.close()
            raise
    made: asyncio.Server = server
    return made
