"""BufferedProtocol: get_buffer and buffer_updated, right and wrong."""

import array

import pytest

from .peer import polled
from .recorder import BufferedRecorder


async def test_size_hint_is_unknown(connect):
    _, protocol, peer = await connect(BufferedRecorder())
    peer.send(b"data")
    await protocol.until("data_received")
    assert protocol.sizehint == -1


@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_any_size_of_buffer_receives_everything(connect, size):
    data = bytes(range(256)) * 4
    _, protocol, peer = await connect(BufferedRecorder(size))
    peer.send(data)
    peer.shutdown()
    await protocol.until("connection_lost")
    assert protocol.received == data


async def test_part_of_a_buffer(connect):
    class Ring(BufferedRecorder):
        at = 0

        def get_buffer(self, sizehint):
            return memoryview(self.buffer)[self.at :]

        def buffer_updated(self, nbytes):
            self.at += nbytes
            self.note("data_received")

    _, protocol, peer = await connect(Ring(20))
    peer.send(b"some ")
    await protocol.until("data_received")
    peer.send(b"bytes")
    await protocol.until(lambda: protocol.at == 10)
    assert protocol.buffer == b"some bytes" + bytes(10)


async def test_buffer_is_let_go_before_buffer_updated(connect):
    class Grows(BufferedRecorder):
        def buffer_updated(self, nbytes):
            super().buffer_updated(nbytes)
            self.buffer.extend(b"more room")  # an exported buffer could not be resized

    _, protocol, peer = await connect(Grows(4))
    peer.send(b"0123456789")
    peer.shutdown()
    await protocol.until("connection_lost")
    assert protocol.exception is None
    assert protocol.received == b"0123456789"


async def test_buffer_of_integers(connect):
    class Integers(BufferedRecorder):
        def __init__(self):
            super().__init__()
            self.buffer = array.array("I", [0] * 4)

        def buffer_updated(self, nbytes):
            self.nbytes = nbytes
            self.note("data_received")

    _, protocol, peer = await connect(Integers())
    peer.send(array.array("I", [1, 2, 3, 4]).tobytes())
    await protocol.until("data_received")
    assert protocol.nbytes == 16
    assert list(protocol.buffer) == [1, 2, 3, 4]


async def test_get_buffer_is_called_only_when_there_is_something(connect):
    calls = []

    class Counts(BufferedRecorder):
        def get_buffer(self, sizehint):
            calls.append(sizehint)
            return super().get_buffer(sizehint)

    _, protocol, peer = await connect(Counts())
    await polled()
    assert calls == []
    peer.send(b"data")
    await protocol.until("data_received")
    await polled()
    assert len(calls) <= 2


@pytest.mark.parametrize(
    ("buffer", "error", "message"),
    [
        (bytearray(), RuntimeError, "protocol.get_buffer() call failed."),
        (memoryview(b""), RuntimeError, "protocol.get_buffer() call failed."),
        (None, TypeError, "protocol.get_buffer() call failed."),
        (7, TypeError, "protocol.get_buffer() call failed."),
        (b"read only", TypeError, "Fatal read error on socket transport"),
        ([1, 2], TypeError, "Fatal read error on socket transport"),
        ("text", TypeError, "Fatal read error on socket transport"),
        (memoryview(bytearray(8))[::2], TypeError, "Fatal read error on socket transport"),
    ],
    ids=["empty", "empty-view", "none", "integer", "read-only", "list", "text", "stride"],
)
async def test_wrong_buffer_fails_the_connection(connect, contexts, buffer, error, message):
    class Wrong(BufferedRecorder):
        def get_buffer(self, sizehint):
            return buffer

    transport, protocol, peer = await connect(Wrong())
    peer.send(b"data")
    await protocol.until("connection_lost")
    assert isinstance(protocol.exception, error)
    assert protocol.calls == ["connection_made", "connection_lost"]
    [context] = contexts
    assert context["message"].endswith(message)
    assert context["exception"] is protocol.exception
    assert context["transport"] is transport
    assert context["protocol"] is protocol


async def test_text_of_the_empty_buffer_error(connect, contexts):
    _, protocol, peer = await connect(BufferedRecorder(0))
    peer.send(b"data")
    await protocol.until("connection_lost")
    assert str(contexts[0]["exception"]) == "get_buffer() returned an empty buffer"


async def test_closed_inside_get_buffer(connect):
    class Closes(BufferedRecorder):
        def get_buffer(self, sizehint):
            self.transport.close()
            return super().get_buffer(sizehint)

    _, protocol, peer = await connect(Closes())
    peer.send(b"data")
    await protocol.until("connection_lost")
    # asyncio has asked for the buffer, so it reads and reports once more.
    assert protocol.calls == ["connection_made", "data_received", "connection_lost"]
    assert protocol.received == b"data"


async def test_protocol_without_methods_that_it_does_not_need(connect):
    class Bare(BufferedRecorder):
        eof_received = None  # never called in this test

    transport, protocol, peer = await connect(Bare())
    peer.send(b"data")
    await protocol.until("data_received")
    transport.close()
    await protocol.until("connection_lost")
