"""`connect_write_pipe`: what is written, flow control, and how it ends."""

import asyncio
import contextvars
import gc
import io
import os
import pty
import socket

import pytest

from .peer import polled
from .recorder import Calls

LARGE = bytes(range(256)) * 4096  # 1 MiB


class Writer(Calls, asyncio.BaseProtocol):
    pass


def read_all(file):
    """What is in the pipe now; the reading end does not block."""
    found = bytearray()
    while data := file.read(1 << 20):
        found += data
    return bytes(found)


@pytest.fixture
def pipe(loop):
    """Connect a recorder: `transport, protocol, reading = await pipe(protocol)`."""
    opened = []

    async def connect(protocol=None):
        protocol = Writer() if protocol is None else protocol
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        source = io.FileIO(reading, "rb")
        target = io.FileIO(writing, "wb")
        opened.append((target, source))
        transport, _ = await loop.connect_write_pipe(lambda: protocol, target)
        opened[-1] = (transport, source)
        return transport, protocol, source

    yield connect
    for transport, source in opened:
        source.close()
        if not loop.is_closed():
            transport.close()
    if not loop.is_closed():
        loop.run_until_complete(polled())


async def drain(transport, reading, size):
    """Read `size` bytes, while the transport goes on writing."""
    received = bytearray()
    while len(received) < size:
        received += reading.read(1 << 20) or b""
        await polled(1)
    return bytes(received)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
async def test_write_goes_out_at_once(pipe, kind):
    transport, _, reading = await pipe()
    transport.write(kind(b"one"))
    transport.write(kind(b""))
    assert reading.read(100) == b"one"
    assert transport.get_write_buffer_size() == 0


async def test_more_than_the_pipe_takes(pipe):
    transport, _, reading = await pipe()
    data = bytearray(LARGE)
    transport.write(data)
    data[:] = bytes(len(data))  # it is the transport's own copy that is sent
    transport.write(b"end")
    transport.writelines([b" of", memoryview(b" the"), b" data"])
    left = len(LARGE) + len(b"end of the data") - 65536
    assert transport.get_write_buffer_size() == left
    expected = LARGE + b"end of the data"
    assert await drain(transport, reading, len(expected)) == expected
    assert transport.get_write_buffer_size() == 0


@pytest.mark.parametrize("data", ["text", 5, None, [b"x"]])
async def test_what_cannot_be_written(pipe, data):
    transport, _, _ = await pipe()
    with pytest.raises(AssertionError):
        transport.write(data)


async def test_is_an_asyncio_transport(pipe):
    transport, protocol, _ = await pipe()
    assert isinstance(transport, asyncio.WriteTransport)
    assert transport.can_write_eof()
    assert transport.get_protocol() is protocol
    assert transport.get_extra_info("pipe").writable()


# Flow control


async def test_it_does_not_read(pipe):
    transport, _, _ = await pipe()
    for method in (transport.is_reading, transport.pause_reading, transport.resume_reading):
        with pytest.raises(NotImplementedError):
            method()


async def test_private_state_that_libraries_ask(pipe):
    transport, _, _ = await pipe()
    assert transport._closing is False
    assert transport._conn_lost == 0
    transport.abort()
    transport.write(b"too late")
    assert transport._closing is True
    assert transport._conn_lost == 1


async def test_pause_and_resume(pipe):
    transport, protocol, reading = await pipe()
    transport.set_write_buffer_limits(high=1000, low=500)
    assert transport.get_write_buffer_limits() == (500, 1000)
    transport.write(bytes(65536))
    transport.write(bytes(1000))
    assert "pause_writing" not in protocol.calls
    transport.write(b"x")
    assert protocol.calls[-1] == "pause_writing"
    assert reading.read(65536) == bytes(65536)
    await protocol.until("resume_writing")
    assert transport.get_write_buffer_size() == 0


async def test_it_resumes_only_when_all_is_written(pipe):
    transport, protocol, reading = await pipe()
    transport.set_write_buffer_limits(high=100_000, low=99_000)
    transport.write(bytes(65536))
    transport.write(bytes(100_001))
    assert protocol.calls[-1] == "pause_writing"
    reading.read(65536)
    await polled()
    # Far below the low mark.
    assert transport.get_write_buffer_size() == 100_001 - 65536
    assert protocol.calls[-1] == "pause_writing"
    reading.read(65536)
    await protocol.until("resume_writing")


async def test_default_limits(pipe):
    transport, _, _ = await pipe()
    assert transport.get_write_buffer_limits() == (16384, 65536)
    transport.set_write_buffer_limits(low=100)
    assert transport.get_write_buffer_limits() == (100, 400)
    with pytest.raises(ValueError, match="must be >= low"):
        transport.set_write_buffer_limits(high=1, low=2)


@pytest.mark.parametrize("method", ["pause_writing", "resume_writing"])
async def test_flow_control_that_fails_is_told(pipe, contexts, method):
    class Raising(Writer):
        pass

    def fail(self):
        raise ZeroDivisionError

    setattr(Raising, method, fail)
    transport, _, reading = await pipe(Raising())
    transport.write(LARGE)
    assert await drain(transport, reading, len(LARGE)) == LARGE
    await polled()
    assert [context["message"] for context in contexts] == [f"protocol.{method}() failed"]
    assert contexts[0]["transport"] is transport
    assert not transport.is_closing()


async def test_resumed_writing_writes_more(pipe):
    class More(Writer):
        def resume_writing(self):
            super().resume_writing()
            if self.left:
                self.left -= 1
                self.transport.write(LARGE)

    protocol = More()
    protocol.left = 2
    transport, _, reading = await pipe(protocol)
    transport.write(LARGE)
    assert await drain(transport, reading, 3 * len(LARGE)) == 3 * LARGE
    await protocol.until(lambda: protocol.calls.count("resume_writing") == 3)


async def test_context_of_resume_writing(loop, pipe):
    variable = contextvars.ContextVar("variable", default="nothing")

    class Looking(Writer):
        def resume_writing(self):
            self.seen = variable.get()
            super().resume_writing()

    transport, protocol, reading = await pipe(Looking())
    variable.set("write")
    transport.write(LARGE)
    variable.set("later")
    assert await drain(transport, reading, len(LARGE)) == LARGE
    await protocol.until("resume_writing")
    assert protocol.seen == "write"


# Closing


@pytest.mark.parametrize("method", ["close", "write_eof"])
async def test_close_writes_what_is_queued(pipe, method):
    transport, protocol, reading = await pipe()
    file = transport.get_extra_info("pipe")
    transport.write(LARGE)
    getattr(transport, method)()
    getattr(transport, method)()
    assert transport.is_closing()
    assert "connection_lost" not in protocol.calls
    assert await drain(transport, reading, len(LARGE)) == LARGE
    await protocol.until("connection_lost")
    assert protocol.exception is None
    await polled()
    assert file.closed
    assert reading.read(1) == b""


async def test_close_with_nothing_queued(pipe):
    transport, protocol, reading = await pipe()
    transport.write(b"x")
    transport.close()
    await protocol.until("connection_lost")
    assert protocol.calls == ["connection_made", "connection_lost"]
    await polled()
    assert reading.read(100) == b"x"
    assert reading.read(100) == b""


async def test_abort_drops_what_is_queued(pipe):
    transport, protocol, reading = await pipe()
    transport.write(LARGE)
    transport.abort()
    assert transport.get_write_buffer_size() == 0
    await protocol.until("connection_lost")
    assert protocol.exception is None
    await polled()
    assert len(read_all(reading)) == 65536


async def test_abort_after_close(pipe):
    transport, protocol, reading = await pipe()
    transport.write(LARGE)
    transport.close()
    transport.abort()
    await protocol.until("connection_lost")
    await polled()
    assert len(read_all(reading)) == 65536
    assert protocol.calls.count("connection_lost") == 1


async def test_writes_after_close_are_dropped(pipe, asyncio_log):
    transport, protocol, reading = await pipe()
    transport.close()
    for _ in range(7):
        transport.write(b"x")
    await protocol.until("connection_lost")
    await polled()
    assert reading.read(1) == b""
    texts = [record.getMessage() for record in asyncio_log]
    assert texts == ["pipe closed by peer or os.write(pipe, data) raised exception."] * 2


# The reader goes away


async def test_reader_closes(pipe):
    transport, protocol, reading = await pipe()
    transport.write(b"x")
    reading.close()
    await protocol.until("connection_lost")
    assert protocol.exception is None
    assert transport.is_closing()


async def test_reader_closes_with_data_queued(pipe):
    transport, protocol, reading = await pipe()
    transport.write(LARGE)
    reading.close()
    await protocol.until("connection_lost")
    assert isinstance(protocol.exception, BrokenPipeError)


async def test_write_to_a_reader_that_has_closed(pipe):
    transport, protocol, reading = await pipe()
    reading.close()
    transport.write(b"x")
    assert transport.is_closing()
    transport.write(b"x")
    await protocol.until("connection_lost")
    assert isinstance(protocol.exception, BrokenPipeError)


async def test_socket_whose_other_end_closes(loop):
    left, right = socket.socketpair()
    transport, protocol = await loop.connect_write_pipe(Writer, left)
    transport.write(b"x")
    assert right.recv(100) == b"x"
    right.close()
    await protocol.until("connection_lost")
    assert left.fileno() == -1


async def test_terminal(loop):
    master, slave = pty.openpty()
    transport, protocol = await loop.connect_write_pipe(Writer, io.FileIO(slave, "wb"))
    transport.write(b"x")
    await polled()
    assert os.read(master, 100) == b"x"
    transport.close()
    await protocol.until("connection_lost")
    os.close(master)


async def test_close_in_connection_made(loop):
    class Closing(Writer):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.write(b"x")
            transport.close()

    reading, writing = os.pipe()
    _, protocol = await loop.connect_write_pipe(Closing, io.FileIO(writing, "wb"))
    await protocol.until("connection_lost")
    with io.FileIO(reading) as file:
        assert file.read(100) == b"x"


async def test_stream_writer(loop):
    reading, writing = os.pipe()
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop=loop), io.FileIO(writing, "wb")
    )
    reader = asyncio.StreamReader()
    source, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), io.FileIO(reading, "rb")
    )
    writer = asyncio.StreamWriter(transport, protocol, None, loop)

    async def write():
        for _ in range(4):
            writer.write(LARGE)
            await writer.drain()
        transport.close()

    sending = loop.create_task(write())
    assert await reader.read() == 4 * LARGE
    await sending
    await polled()
    assert source.is_closing()


# The end of everything


def drop(objects):
    objects.clear()
    gc.collect()


def test_nobody_closes_it(loop_factory):
    loop = loop_factory()
    reading, writing = os.pipe()
    file = io.FileIO(writing, "wb")
    made = list(loop.run_until_complete(loop.connect_write_pipe(Writer, file)))
    loop.close()
    assert "open" in repr(made[0])
    with pytest.warns(ResourceWarning, match="unclosed transport <.*WritePipeTransport fd="):
        drop(made)
    assert file.closed
    os.close(reading)


async def test_repr(pipe):
    transport, protocol, _ = await pipe()
    fd = transport.get_extra_info("pipe").fileno()
    name = type(transport).__name__
    assert repr(transport) == f"<{name} fd={fd} idle bufsize=0>"
    transport.write(bytes(70_000))
    assert repr(transport) == f"<{name} fd={fd} polling bufsize={70_000 - 65536}>"
    transport.abort()
    assert repr(transport) == f"<{name} closing fd={fd} idle bufsize=0>"
    await protocol.until("connection_lost")
    await polled()
    assert repr(transport) == f"<{name} closed fd={fd} closed>"


async def test_attribute_of_ones_own(pipe):
    transport, _, _ = await pipe()
    written = []
    transport.write = written.append
    transport.write(b"x")
    assert written == [b"x"]
