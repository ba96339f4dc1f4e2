"""Children and pipes, cancelled at every await: no zombie, no pipe, no waiter stays."""

import asyncio
import contextlib
import os
import subprocess

import pytest

from .peer import polled
from .sweep import sweep

PIPE = subprocess.PIPE
LARGE = bytes(200_000)

pytestmark = pytest.mark.time_limit(60)


@contextlib.asynccontextmanager
async def child(*command, **options):
    """A child that has ended, with its pipes closed, when the block is left."""
    process = await asyncio.create_subprocess_exec(*command, **options)
    try:
        yield process
    finally:
        await end(process)


async def end(process):
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    # Up to 3.12, wait() also waits for the pipes, and they for whoever reads.
    readers = [reader for reader in (process.stdout, process.stderr) if reader is not None]
    await asyncio.gather(process.wait(), *(reader.read() for reader in readers))
    if process.stdin is not None:
        process.stdin.close()
        with contextlib.suppress(OSError):
            await process.stdin.wait_closed()
    await polled()


@pytest.mark.parametrize("pipes", [{}, {"stdout": PIPE, "stderr": PIPE}], ids=["one", "three"])
async def test_spawning(loop, pipes):
    """Whoever was cancelled has no process; what it had begun ends, and is reaped."""

    async def operation(cut):
        outcome = await cut(asyncio.create_subprocess_exec("cat", stdin=PIPE, **pipes))
        if not outcome.cancelled:
            await end(outcome.value)
        await no_child()

    await sweep(operation)


async def test_spawning_a_shell(loop):
    async def operation(cut):
        outcome = await cut(asyncio.create_subprocess_shell("exec cat", stdin=PIPE, stdout=PIPE))
        if not outcome.cancelled:
            await end(outcome.value)
        await no_child()

    await sweep(operation)


async def no_child():
    """Returns when this process has no child any more, dead or alive."""
    while True:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            if not file.read().split():
                return
        await polled(1)


async def test_waiting(loop):
    async def operation(cut):
        async with child("cat", stdin=PIPE) as process:
            outcome = await cut(process.wait(), process.stdin.close)
            if outcome.cancelled:
                process.stdin.close()
            # Others may wait for the same child.
            assert await process.wait() == 0
        await no_child()

    await sweep(operation)


async def test_communicating(loop):
    async def operation(cut):
        async with child("cat", stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
            outcome = await cut(process.communicate(LARGE))
            assert outcome.cancelled or outcome.value == (LARGE, b"")
        await no_child()

    await sweep(operation)


async def test_reading_the_output(loop):
    async def operation(cut):
        async with child("echo", "line", stdout=PIPE) as process:
            outcome = await cut(process.stdout.read())
            assert outcome.cancelled or outcome.value == b"line\n"
        await no_child()

    await sweep(operation)


async def test_writing_more_than_a_child_takes(loop):
    async def operation(cut):
        async def write(process):
            process.stdin.write(LARGE)
            await process.stdin.drain()

        async with child("sleep", "1000", stdin=PIPE) as process:
            with contextlib.suppress(OSError):
                await cut(write(process), process.kill)
        await no_child()

    await sweep(operation)


class Pipe(asyncio.Protocol):
    def __init__(self):
        self.lost = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc):
        self.lost.set_result(exc)


@pytest.mark.parametrize("kind", ["read", "write"])
async def test_connecting_a_pipe(loop, kind):
    async def operation(cut):
        reader, writer = os.pipe()
        ours, theirs = (reader, writer) if kind == "read" else (writer, reader)
        file = os.fdopen(ours, "rb" if kind == "read" else "wb", 0)
        outcome = await cut(getattr(loop, f"connect_{kind}_pipe")(Pipe, file))
        if not outcome.cancelled:
            transport, protocol = outcome.value
            transport.close()
            await protocol.lost
        await polled()
        assert file.closed
        os.close(theirs)

    await sweep(operation, ways=("at once", "when done"))


async def test_reading_a_pipe(loop):
    async def operation(cut):
        reader, writer = os.pipe()
        stream = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reader, "rb", 0)
        )
        outcome = await cut(stream.readexactly(4), lambda: os.write(writer, b"data"))
        if outcome.cancelled:
            os.write(writer, b"data")
            assert await stream.readexactly(4) == b"data"
        os.close(writer)
        await stream.read()
        transport.close()
        await polled()

    await sweep(operation)
