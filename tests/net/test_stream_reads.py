"""Reads of a stream: the native ones against asyncio's own, and what a program may do to them."""

import asyncio
import contextlib
import inspect
import random
import types

import pytest

from aioxide import _streams

from .peer import Peer


@pytest.fixture
def stream(loop, listener):
    """A connection to a plain socket: `reader, writer, peer`."""
    reader, writer = loop.run_until_complete(asyncio.open_connection(*listener.getsockname()))
    peer = Peer(loop, listener.accept()[0])
    yield reader, writer, peer

    async def close():
        peer.close()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    loop.run_until_complete(close())


class Pausable:
    """A transport that counts."""

    def __init__(self):
        self.calls = []

    def pause_reading(self):
        self.calls.append("pause")

    def resume_reading(self):
        self.calls.append("resume")


def moves(rng):
    """What a peer and a program do, in turn."""
    letters = b"ab\n-"
    for _ in range(rng.randrange(1, 12)):
        match rng.randrange(8):
            case 0 | 1 | 2:
                size = rng.choice((0, 1, 3, 8, 40))
                yield "feed_data", bytes(rng.choice(letters) for _ in range(size))
            case 3:
                yield "read", rng.choice((-1, 0, 1, 2, 5, 100, True, "x", None))
            case 4:
                yield "readexactly", rng.choice((-1, 0, 1, 2, 5, 30, 2.0))
            case 5:
                separators = [b"\n", b"-", b"ab", b"-\n-", b"", bytearray(b"a"), "a"]
                yield "readuntil", rng.choice(separators)
            case 6:
                yield "readline", None
            case 7:
                yield rng.choice((("feed_eof", None), ("set_exception", None), ("cancel", None)))


def result(read):
    if not read.done():
        return "pending"
    if read.cancelled():
        return "cancelled"
    error = read.exception()
    return read.result() if error is None else (type(error), str(error))


async def play(reader_class, seed):
    """All that can be seen of a reader after each move."""
    rng = random.Random(seed)
    limit = rng.choice((4, 16, 2**16))
    reader = reader_class(limit=limit, loop=asyncio.get_running_loop())
    transport = Pausable()
    reader.set_transport(transport)
    seen = []
    reads = []
    for name, argument in moves(rng):
        if name.startswith("read"):
            # Which bytes a search has seen, of those that another read takes meanwhile, differs.
            if any(read.get_name() == "search" and not read.done() for read in reads):
                continue
            method = getattr(reader, name)
            coroutine = method() if name == "readline" else method(argument)
            read = asyncio.ensure_future(coroutine)
            read.set_name("search" if name in ("readline", "readuntil") else name)
            reads.append(read)
        elif name == "cancel":
            if reads:
                reads[-1].cancel()
        elif name == "set_exception":
            reader.set_exception(ConnectionResetError("gone"))
        elif name == "feed_eof":
            reader.feed_eof()
        else:
            try:
                reader.feed_data(argument)
            except AssertionError as error:
                seen.append(str(error))
        for _ in range(rng.randrange(4)):
            await asyncio.sleep(0)
        results = [result(read) for read in reads]
        waits = reader._waiter is not None
        seen.append((name, results, bytes(reader._buffer), reader._paused, waits))
    for read in reads:
        read.cancel()
    await asyncio.gather(*reads, return_exceptions=True)
    return seen, transport.calls, [result(read) for read in reads], reader._waiter is None


@pytest.mark.parametrize("part", range(8))
def test_like_asyncios(loop, part):
    for seed in range(part * 250, part * 250 + 250):
        expected = loop.run_until_complete(play(asyncio.StreamReader, seed))
        assert loop.run_until_complete(play(_streams.StreamReader, seed)) == expected, seed


def test_kinds(loop, stream):
    reader, _, _ = stream
    assert isinstance(reader, asyncio.StreamReader)
    for method in (reader.read, reader.readexactly, reader.readuntil, reader.readline):
        assert inspect.iscoroutinefunction(method)
        coroutine = method() if method.__name__ == "readline" else method(1)
        assert isinstance(coroutine, types.CoroutineType)
        coroutine.close()
    assert repr(reader).startswith("<StreamReader transport=")


def test_debug_mode_shows_asyncios_frames(loop, listener):
    loop.set_debug(True)

    async def main():
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        assert type(reader) is asyncio.StreamReader
        writer.close()
        await writer.wait_closed()

    loop.run_until_complete(main())
    listener.accept()[0].close()


@pytest.mark.parametrize("name", ["read", "readexactly", "readuntil", "readline"])
def test_a_method_replaced_on_the_class_is_honoured(loop, stream, monkeypatch, name):
    reader, _, peer = stream
    called = []
    original = getattr(asyncio.StreamReader, name)

    async def spy(self, *args):
        called.append(name)
        return await original(self, *args)

    argument = {"read": (9,), "readexactly": (4,), "readuntil": (b"\n",), "readline": ()}[name]
    peer.send(b"one\n")
    assert loop.run_until_complete(getattr(reader, name)(*argument)) == b"one\n"
    monkeypatch.setattr(asyncio.StreamReader, name, spy)
    peer.send(b"two\n")
    assert loop.run_until_complete(getattr(reader, name)(*argument)) == b"two\n"
    assert name in called
    monkeypatch.undo()
    called.clear()
    peer.send(b"six\n")
    assert loop.run_until_complete(getattr(reader, name)(*argument)) == b"six\n"
    assert called == []


def test_drain_replaced_on_the_class_is_honoured(loop, monkeypatch):
    called = []
    original = asyncio.StreamWriter.drain

    async def spy(self):
        called.append("drain")
        await original(self)

    async def serve(reader, writer):
        await writer.drain()
        monkeypatch.setattr(asyncio.StreamWriter, "drain", spy)
        await writer.drain()
        monkeypatch.undo()
        await writer.drain()
        writer.write(await reader.read(9))
        writer.close()

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"echo")
            assert await reader.read() == b"echo"
            writer.close()
            await writer.wait_closed()

    loop.run_until_complete(main())
    assert called == ["drain"]


def test_drain_waits_and_raises(loop):
    """Above the high water mark a server's drain() waits; after a reset it raises."""
    states = []

    async def serve(reader, writer):
        assert isinstance(writer, asyncio.StreamWriter)
        try:
            while True:
                writer.write(b"x" * 2**20)
                draining = asyncio.ensure_future(writer.drain())
                await asyncio.sleep(0)
                if not draining.done():
                    states.append("waits")
                    full.set_result(None)
                await draining
        except ConnectionError as error:
            states.append(type(error))
        ended.set_result(None)

    async def main():
        nonlocal full, ended
        full, ended = loop.create_future(), loop.create_future()
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=1)
            await full
            writer.transport.abort()
            await ended

    full = ended = None
    loop.run_until_complete(main())
    assert states[0] == "waits"
    assert states[1:] in ([ConnectionResetError], [BrokenPipeError])
