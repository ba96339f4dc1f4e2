"""The pipe programs: `python -m bench.programs.pipes LOOP NAME SECONDS`

Reader and writer are in the same loop, so a figure is the cost of both ends.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Callable
from io import FileIO
from typing import Any

from .. import loops
from . import child, timing
from .timing import Program

MESSAGE = b"m" * 100
PAIRS = 50
CHUNK = b"c" * 65536


class Flow(asyncio.Protocol):
    """What writes: waits while it is told to pause."""

    def __init__(self) -> None:
        self.room: asyncio.Future[None] | None = None

    def pause_writing(self) -> None:
        self.room = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self.room is not None:
            self.room.set_result(None)
            self.room = None


class Reader(asyncio.Protocol):
    """Calls a function with each piece of data."""

    def __init__(self, received: Callable[[bytes], None]) -> None:
        self.received = received

    def data_received(self, data: bytes) -> None:
        self.received(data)


def ends() -> tuple[FileIO, FileIO]:
    """Both ends of a new pipe; transports close them."""
    reading, writing = os.pipe()
    return FileIO(reading, "rb"), FileIO(writing, "wb")


async def connect(received: Callable[[bytes], None]) -> tuple[Any, Any, Flow]:
    """A pipe: both transports, and the writer's protocol."""
    loop = asyncio.get_running_loop()
    reading, writing = ends()
    reader, _ = await loop.connect_read_pipe(lambda: Reader(received), reading)
    writer, flow = await loop.connect_write_pipe(Flow, writing)
    return reader, writer, flow


async def close(*transports: asyncio.BaseTransport) -> None:
    for transport in transports:
        transport.close()
    for _ in range(3):
        await asyncio.sleep(0.001)


async def trips(count: int, pairs: int) -> float:
    """A message goes through one pipe and back through another, on `pairs` pairs at once."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    left = count
    started = 0
    transports: list[Any] = []

    async def pair() -> Any:
        async def half(received: Callable[[bytes], None]) -> Any:
            reader, writer, _ = await connect(received)
            transports.extend((reader, writer))
            return writer

        def back(data: bytes) -> None:
            nonlocal left, started
            left -= 1
            if not left:
                done.set_result(None)
            if started < count:
                started += 1
                there.write(data)

        answering = await half(back)
        there = await half(answering.write)
        return there

    writers = [await pair() for _ in range(pairs)]
    start = time.perf_counter()
    for writer in writers:
        if started < count:
            started += 1
            writer.write(MESSAGE)
    await done
    took = time.perf_counter() - start
    await close(*transports)
    return took


async def trip(count: int) -> float:
    return await trips(count, 1)


async def many_trips(count: int) -> float:
    return await trips(count, PAIRS)


async def throughput(count: int) -> float:
    """Chunks of 64 KiB, as fast as the pipe takes them."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    left = count * len(CHUNK)

    def received(data: bytes) -> None:
        nonlocal left
        left -= len(data)
        if not left:
            done.set_result(None)

    reader, writer, flow = await connect(received)
    start = time.perf_counter()
    for _ in range(count):
        writer.write(CHUNK)
        if flow.room is not None:
            await flow.room
    await done
    took = time.perf_counter() - start
    await close(reader, writer)
    return took


async def streams(count: int) -> float:
    """The same through a `StreamReader` and a `StreamWriter`."""
    loop = asyncio.get_running_loop()
    reading, writing = ends()
    reader = asyncio.StreamReader()
    source, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), reading)
    target, protocol = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop=loop), writing
    )
    writer = asyncio.StreamWriter(target, protocol, None, loop)

    async def write() -> None:
        for _ in range(count):
            writer.write(CHUNK)
            await writer.drain()

    start = time.perf_counter()
    task = asyncio.create_task(write())
    left = count * len(CHUNK)
    while left:
        left -= len(await reader.read(len(CHUNK)))
    await task
    took = time.perf_counter() - start
    await close(source, target)
    return took


#: Each with the unit that its count has to be a multiple of.
PROGRAMS: dict[str, tuple[Program, int]] = {
    "trip": (trip, 1),
    "many_trips": (many_trips, 1),
    "throughput": (throughput, 1),
    "streams": (streams, 1),
}


async def main(options: argparse.Namespace) -> None:
    child.answer(**await timing.measure(*PROGRAMS[options.program], options.seconds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("loop")
    parser.add_argument("program", choices=PROGRAMS)
    parser.add_argument("seconds", type=float)
    arguments = parser.parse_args()
    child.begin()
    with asyncio.Runner(loop_factory=loops.factory(arguments.loop)) as runner:
        runner.run(main(arguments))
