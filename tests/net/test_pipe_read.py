"""`connect_read_pipe`: what reaches the protocol, and how it ends."""

import asyncio
import contextvars
import gc
import io
import os
import pty
import socket
import stat
import sys

import pytest

from .peer import polled
from .recorder import BufferedRecorder, Recorder

LARGE = bytes(range(256)) * 4096  # 1 MiB


@pytest.fixture
def pipe(loop):
    """Connect a recorder: `transport, protocol, writing = await pipe(protocol)`."""
    opened = []

    async def connect(protocol=None):
        protocol = Recorder() if protocol is None else protocol
        reading, writing = os.pipe()
        source = io.FileIO(reading, "rb")
        target = io.FileIO(writing, "wb")
        opened.append((source, target))
        transport, made = await loop.connect_read_pipe(lambda: protocol, source)
        assert made is protocol
        opened[-1] = (transport, target)
        return transport, protocol, target

    yield connect
    for transport, target in opened:
        target.close()
        if not loop.is_closed():
            transport.close()
    if not loop.is_closed():
        loop.run_until_complete(polled())


async def test_data_then_end(pipe):
    transport, protocol, writing = await pipe()
    writing.write(b"one ")
    await protocol.until(lambda: protocol.received == b"one ")
    writing.write(b"two")
    writing.close()
    await protocol.until("connection_lost")
    assert protocol.received == b"one two"
    assert protocol.calls == [
        "connection_made",
        "data_received",
        "eof_received",
        "connection_lost",
    ]
    assert protocol.exception is None
    assert transport.is_closing()


async def test_large_data(loop, pipe):
    _, protocol, writing = await pipe()
    sending = loop.run_in_executor(None, writing_all, writing, LARGE)
    await protocol.until(lambda: len(protocol.received) == len(LARGE))
    await sending
    assert protocol.received == LARGE
    await loop.shutdown_default_executor()


def writing_all(file, data):
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


async def test_is_an_asyncio_transport(pipe):
    transport, _, _ = await pipe()
    assert isinstance(transport, asyncio.ReadTransport)
    assert isinstance(transport, asyncio.BaseTransport)
    assert not isinstance(transport, asyncio.WriteTransport)


async def test_extra_info_and_protocol(loop):
    reading, writing = os.pipe()
    source = io.FileIO(reading, "rb")
    transport, protocol = await loop.connect_read_pipe(Recorder, source)
    assert transport.get_extra_info("pipe") is source
    assert transport.get_extra_info("none") is None
    assert transport.get_extra_info("none", 5) == 5
    assert transport.get_protocol() is protocol
    other = Recorder()
    transport.set_protocol(other)
    assert transport.get_protocol() is other
    os.write(writing, b"x")
    await other.until("data_received")
    assert protocol.calls == ["connection_made"]
    os.close(writing)
    await other.until("connection_lost")
    assert source.closed


async def test_the_pipe_does_not_block(pipe):
    transport, _, _ = await pipe()
    assert not os.get_blocking(transport.get_extra_info("pipe").fileno())


async def test_pause_and_resume(pipe):
    transport, protocol, writing = await pipe()
    transport.pause_reading()
    transport.pause_reading()
    writing.write(b"x")
    await polled()
    assert protocol.received == b""
    transport.resume_reading()
    transport.resume_reading()
    await protocol.until("data_received")
    assert protocol.received == b"x"
    transport.pause_reading()
    writing.close()
    await polled()
    assert not transport.is_closing()
    transport.resume_reading()
    await protocol.until("connection_lost")
    transport.pause_reading()
    transport.resume_reading()


async def test_paused_in_connection_made(asyncio_fault, pipe):
    asyncio_fault(sys.version_info < (3, 12), "it begins to read all the same", fixed_later=True)

    class Pausing(Recorder):
        def connection_made(self, transport):
            transport.pause_reading()
            super().connection_made(transport)

    transport, protocol, writing = await pipe(Pausing())
    writing.write(b"x")
    await polled()
    assert protocol.received == b""
    transport.resume_reading()
    await protocol.until("data_received")


async def test_close(pipe):
    transport, protocol, writing = await pipe()
    writing.write(b"x")
    transport.close()
    transport.close()
    assert transport.is_closing()
    await protocol.until("connection_lost")
    assert protocol.calls == ["connection_made", "connection_lost"]
    with pytest.raises(BrokenPipeError):
        writing.write(b"x")


async def test_close_in_connection_made(loop):
    class Closing(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.close()

    reading, writing = os.pipe()
    transport, protocol = await loop.connect_read_pipe(Closing, io.FileIO(reading, "rb"))
    await protocol.until("connection_lost")
    assert transport.is_closing()
    os.close(writing)


async def test_exception_of_the_protocol_is_told_and_reading_goes_on(pipe, contexts):
    class Raising(Recorder):
        def data_received(self, data):
            super().data_received(data)
            if data == b"raise":
                raise ZeroDivisionError

    transport, protocol, writing = await pipe(Raising())
    writing.write(b"raise")
    await protocol.until("data_received")
    await polled()
    assert isinstance(contexts[0]["exception"], ZeroDivisionError)
    assert contexts[0]["message"].startswith("Exception in callback ")
    assert "handle" in contexts[0]
    assert not transport.is_closing()
    writing.write(b"more")
    await protocol.until(lambda: protocol.received == b"raisemore")
    assert len(contexts) == 1


async def test_exception_of_connection_lost_is_told_and_the_pipe_closed(pipe, contexts):
    class Raising(Recorder):
        def connection_lost(self, exc):
            super().connection_lost(exc)
            raise ZeroDivisionError

    transport, protocol, writing = await pipe(Raising())
    file = transport.get_extra_info("pipe")
    writing.close()
    await protocol.until("connection_lost")
    await polled()
    assert isinstance(contexts[0]["exception"], ZeroDivisionError)
    assert file.closed


async def test_streams(loop):
    reading, writing = os.pipe()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), io.FileIO(reading, "rb")
    )
    with io.FileIO(writing, "wb") as target:
        target.write(b"a line\nrest")
        assert await reader.readline() == b"a line\n"
    assert await reader.read() == b"rest"
    await polled()
    assert transport.is_closing()


async def test_streams_pause_beyond_their_limit(loop):
    reading, writing = os.pipe()
    reader = asyncio.StreamReader(limit=1000)
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), io.FileIO(reading, "rb")
    )
    with io.FileIO(writing, "wb") as target:
        target.write(bytes(5000))
        await polled()
        assert reader._paused
        target.write(b"end")
        assert await reader.readexactly(5000) == bytes(5000)
        assert not reader._paused
        assert await reader.readexactly(3) == b"end"
    assert await reader.read() == b""
    await polled()


async def test_buffered_protocol_gets_no_data(loop, contexts):
    reading, writing = os.pipe()
    transport, _ = await loop.connect_read_pipe(BufferedRecorder, io.FileIO(reading, "rb"))
    os.write(writing, b"x")
    await polled()
    assert isinstance(contexts[0]["exception"], AttributeError)
    transport.close()
    os.close(writing)
    await polled()


async def test_context_of_the_callbacks(loop):
    variable = contextvars.ContextVar("variable")
    seen = []

    class Looking(Recorder):
        def note(self, name):
            seen.append((name, variable.get("nothing")))
            variable.set(name)
            super().note(name)

    variable.set("connect")
    reading, writing = os.pipe()
    _, protocol = await loop.connect_read_pipe(Looking, io.FileIO(reading, "rb"))
    os.write(writing, b"x")
    await protocol.until("data_received")
    os.close(writing)
    await protocol.until("connection_lost")
    assert seen == [
        ("connection_made", "connect"),
        ("data_received", "connect"),
        ("eof_received", "data_received"),
        ("connection_lost", "data_received"),
    ]


# Kinds of files


async def test_socket(loop):
    left, right = socket.socketpair()
    transport, protocol = await loop.connect_read_pipe(Recorder, left)
    assert transport.get_extra_info("pipe") is left
    right.send(b"x")
    await protocol.until("data_received")
    right.close()
    await protocol.until("connection_lost")
    assert left.fileno() == -1


async def test_fifo(loop, tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(path, "wb", 0) as writing:
        _, protocol = await loop.connect_read_pipe(Recorder, io.FileIO(reading, "rb"))
        writing.write(b"x")
        await protocol.until("data_received")
    await protocol.until("connection_lost")


async def test_terminal_that_goes_away(loop):
    master, slave = pty.openpty()
    _, protocol = await loop.connect_read_pipe(Recorder, io.FileIO(master, "rb"))
    os.write(slave, b"x")
    await protocol.until("data_received")
    os.close(slave)
    await protocol.until("connection_lost")
    assert isinstance(protocol.exception, OSError)  # EIO, which nobody is told of
    assert "eof_received" not in protocol.calls


async def test_both_ways_on_one_terminal(loop):
    master, slave = pty.openpty()
    file = io.FileIO(master, "r+b")
    reading, reader = await loop.connect_read_pipe(Recorder, file)
    writing, writer = await loop.connect_write_pipe(Recorder, file)
    os.write(slave, b"out")
    await reader.until("data_received")
    writing.write(b"in\n")
    assert os.read(slave, 100) == b"in\n"
    writing.close()
    await writer.until("connection_lost")
    reading.close()
    await reader.until("connection_lost")
    os.close(slave)


@pytest.mark.parametrize("method", ["connect_read_pipe", "connect_write_pipe"])
async def test_regular_file_is_refused(loop, tmp_path, method):
    path = tmp_path / "file"
    path.write_bytes(b"x")
    with open(path, "r+b", 0) as file:
        with pytest.raises(ValueError, match="^Pipe transport is "):
            await getattr(loop, method)(Recorder, file)
        assert os.get_blocking(file.fileno())
        assert file.read() == b"x"


@pytest.mark.parametrize("method", ["connect_read_pipe", "connect_write_pipe"])
async def test_closed_file_is_refused(loop, asyncio_fault, method):
    asyncio_fault(True, "the transport that was not made raises when it is collected")
    reading, writing = os.pipe()
    os.close(writing)
    file = io.FileIO(reading)
    file.close()
    with pytest.raises(ValueError, match="closed file"):
        await getattr(loop, method)(Recorder, file)


@pytest.mark.parametrize("method", ["connect_read_pipe", "connect_write_pipe"])
async def test_what_is_no_file(loop, asyncio_fault, method):
    asyncio_fault(True, "the transport that was not made raises when it is collected")
    with pytest.raises(AttributeError, match="fileno"):
        await getattr(loop, method)(Recorder, object())


async def test_factory_that_fails(loop):
    def fail():
        raise ZeroDivisionError

    reading, writing = os.pipe()
    with io.FileIO(reading, "rb") as file, io.FileIO(writing, "wb"):
        with pytest.raises(ZeroDivisionError):
            await loop.connect_read_pipe(fail, file)
        assert stat.S_ISFIFO(os.fstat(file.fileno()).st_mode)


async def test_connecting_is_cancelled(loop):
    reading, writing = os.pipe()
    file = io.FileIO(reading, "rb")
    protocol = Recorder()
    task = loop.create_task(loop.connect_read_pipe(lambda: protocol, file))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await protocol.until("connection_lost")
    assert file.closed
    os.close(writing)


# The end of everything


def drop(objects):
    objects.clear()
    gc.collect()


def test_nobody_closes_it(loop_factory):
    loop = loop_factory()
    reading, writing = os.pipe()
    file = io.FileIO(reading, "rb")
    made = list(loop.run_until_complete(loop.connect_read_pipe(Recorder, file)))
    loop.close()
    assert "open" in repr(made[0])
    with pytest.warns(ResourceWarning, match="unclosed transport <.*ReadPipeTransport fd="):
        drop(made)
    assert file.closed
    os.close(writing)


async def test_repr(pipe):
    transport, protocol, _ = await pipe()
    fd = transport.get_extra_info("pipe").fileno()
    name = type(transport).__name__
    assert repr(transport) == f"<{name} fd={fd} polling>"
    transport.pause_reading()
    assert repr(transport) == f"<{name} fd={fd} idle>"
    transport.close()
    assert repr(transport) == f"<{name} closing fd={fd} idle>"
    await protocol.until("connection_lost")
    await polled()
    assert repr(transport) == f"<{name} closed fd={fd} closed>"


async def test_debug_log(loop, asyncio_log):
    loop.set_debug(True)
    reading, writing = os.pipe()
    transport, protocol = await loop.connect_read_pipe(Recorder, io.FileIO(reading, "rb"))
    transport.pause_reading()
    transport.resume_reading()
    os.close(writing)
    await protocol.until("connection_lost")
    texts = [record.getMessage().split(">")[-1] for record in asyncio_log]
    for text in (" pauses reading", " resumes reading", " was closed by peer"):
        assert texts.count(text) == 1
