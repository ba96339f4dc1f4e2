"""A worker process of `Processes`: does one share after the other until its input ends."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, BinaryIO

import aioxide
from aioxide._diagnostics import Diagnostics, set_default

from . import frames
from .descriptors import raise_limit
from .fetcher import Fetcher
from .share import work_share

if TYPE_CHECKING:
    from .page import Outcome
    from .settings import Settings
    from .share import Share
    from .target import Target

__all__ = ["main"]


def main() -> int:
    """Work until standard input ends. Gives the exit code."""
    # What prints anything shall not print into the frames.
    with open(os.dup(1), "wb", buffering=0) as output:
        os.dup2(2, 1)
        set_default(Diagnostics.from_environment(base=Diagnostics.off()))
        aioxide.run(_serve(output))
    return 0


async def _serve(output: BinaryIO) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader, loop=loop), sys.stdin
    )
    pipe, protocol = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop=loop), output
    )
    writer = asyncio.StreamWriter(pipe, protocol, None, loop)
    shares: asyncio.Queue[Share | None] = asyncio.Queue()
    feeding = loop.create_task(_feed(reader, shares, asyncio.current_task()))
    fetcher: Fetcher | None = None
    settings: Settings | None = None
    try:
        while (share := await shares.get()) is not None:
            if fetcher is None or share.settings != settings:
                if fetcher is not None:
                    await fetcher.__aexit__(None, None, None)
                settings = share.settings
                raise_limit(settings.limit)
                fetcher = await Fetcher(settings).__aenter__()

            async def deliver(target: Target, outcome: Outcome) -> None:
                writer.write(frames.pack(("outcome", target.url, outcome)))
                await writer.drain()

            report = await work_share(share, fetcher, deliver)
            writer.write(frames.pack(("report", report)))
            await writer.drain()
    except (asyncio.CancelledError, ConnectionError):
        pass  # the foreman is gone, and with him whoever wanted the rest
    finally:
        feeding.cancel()
        if fetcher is not None:
            await fetcher.__aexit__(None, None, None)
        pipe.abort()
        transport.close()


async def _feed(
    reader: asyncio.StreamReader,
    shares: asyncio.Queue[Share | None],
    serving: asyncio.Task[None] | None,
) -> None:
    """Put shares into the queue. The end of the input ends the work, whatever it is at."""
    try:
        while True:
            shares.put_nowait(await frames.read(reader))
    except (asyncio.IncompleteReadError, ConnectionError):
        if serving is not None:
            serving.cancel()
