"""What is written arrives, whole and as it was when it was written."""

import array
import asyncio
import contextlib
import logging
import socket
import sys

import pytest

from .peer import clog, polled

LENT = sys.version_info >= (3, 12)  # since 3.12 asyncio queues the caller's own buffer
LENDS = "asyncio queues the caller's buffer without a copy"


@pytest.mark.parametrize(
    "data",
    [
        b"some bytes",
        bytearray(b"an array of bytes"),
        memoryview(b"a view"),
        memoryview(b"0123456789")[2:5],
        memoryview(array.array("I", [1, 2, 3])),
    ],
    ids=["bytes", "bytearray", "memoryview", "slice", "of-integers"],
)
async def test_kinds_of_buffers_arrive(connect, data):
    transport, _, peer = await connect()
    transport.write(data)
    transport.close()
    assert await peer.recv_all() == bytes(data)


class BytesLike(bytes):
    """A subclass of bytes is bytes to asyncio."""


async def test_subclass_of_bytes_arrives(connect):
    transport, _, peer = await connect()
    transport.write(BytesLike(b"one "))
    transport.writelines([BytesLike(b"two")])
    transport.close()
    assert await peer.recv_all() == b"one two"


async def test_view_with_a_stride(connect, contexts, on_asyncio):
    transport, protocol, peer = await connect()
    transport.write(memoryview(b"0123456789")[::2])
    if on_asyncio:
        # send() does not take it, which asyncio blames on the connection.
        await protocol.until("connection_lost")
        assert isinstance(protocol.exception, BufferError)
        assert [context["exception"] for context in contexts] == [protocol.exception]
        assert await peer.recv_all() == b""
    else:
        transport.writelines([memoryview(b"abcdef")[::-1], b"."])
        transport.close()
        assert await peer.recv_all() == b"02468fedcba."
        assert contexts == []


@pytest.mark.parametrize("data", ["text", None, 7, [b"x"], array.array("b", [1])])
async def test_wrong_type_is_refused(connect, data):
    transport, protocol, peer = await connect()
    name = type(data).__name__
    with pytest.raises(TypeError, match=f"^data argument must be a .*, not '{name}'$"):
        transport.write(data)
    transport.write(b"still open")
    transport.close()
    assert await peer.recv_all() == b"still open"
    assert protocol.calls == ["connection_made", "connection_lost"]


@pytest.mark.parametrize("lines", [7, [b"x", "text"], [b"x", 7]])
async def test_writelines_of_a_wrong_type_writes_nothing(connect, lines, asyncio_fault):
    asyncio_fault(
        sys.version_info >= (3, 15) and lines != 7,
        "3.15 keeps what comes before it, and never sends that",
        run=False,
    )
    transport, _, peer = await connect()
    with pytest.raises(TypeError):
        transport.writelines(lines)
    transport.write(b"still open")
    transport.close()
    assert await peer.recv_all() == b"still open"


@pytest.mark.parametrize("data", [b"", bytearray(), memoryview(b"")])
async def test_empty_write_does_nothing(connect, data):
    transport, protocol, peer = await connect()
    transport.write(data)
    assert transport.get_write_buffer_size() == 0
    transport.write(b"x")
    transport.write(data)
    transport.close()
    assert await peer.recv_all() == b"x"
    assert protocol.calls == ["connection_made", "connection_lost"]


async def test_empty_write_while_clogged_adds_nothing(connect):
    transport, _, peer = await connect()
    data = await clog(transport)
    size = transport.get_write_buffer_size()
    transport.write(b"")
    assert transport.get_write_buffer_size() == size
    transport.close()
    assert await peer.recv_all() == data


async def test_empty_lines_do_not_keep_the_connection_open(connect, asyncio_fault):
    asyncio_fault(LENT, "gh-155888: an empty chunk is never drained", fixed_later=True)
    transport, protocol, peer = await connect()
    transport.writelines([b"", b""])
    transport.writelines([])
    assert transport.get_write_buffer_size() == 0
    transport.close()
    await polled()
    assert "connection_lost" in protocol.calls
    assert await peer.recv_all() == b""


async def test_empty_lines_among_others(connect):
    transport, _, peer = await connect()
    transport.writelines([b"", b"one ", b"", bytearray(b"two "), memoryview(b"three"), b""])
    transport.write(b".")
    transport.close()
    assert await peer.recv_all() == b"one two three."


async def test_writelines_takes_an_iterator(connect):
    transport, _, peer = await connect()
    transport.writelines(b"%d " % number for number in range(5))
    transport.writelines((b"a", b"b"))
    transport.close()
    assert await peer.recv_all() == b"0 1 2 3 4 ab"


async def test_order_is_kept_between_write_and_writelines(connect):
    transport, _, peer = await connect()
    expected = bytearray()
    for number in range(200):
        piece = b"%06d" % number
        expected += piece * 3
        transport.write(piece)
        transport.writelines([piece, piece])
    transport.close()
    assert await peer.recv_all() == expected


async def test_more_pieces_than_one_system_call_takes(connect):
    transport, _, peer = await connect()
    expected = bytearray(await clog(transport))
    for number in range(5000):
        piece = b"%06d" % number
        expected += piece
        transport.write(piece)
    transport.writelines([b"%d" % (number % 10) for number in range(3000)])
    expected += b"0123456789" * 300
    transport.close()
    assert await peer.recv_all() == expected


async def test_megabytes_arrive(connect):
    transport, protocol, peer = await connect()
    data = bytes(range(256)) * (16 * 1024)
    transport.write(data)
    transport.writelines([data, data])
    transport.close()
    assert await peer.recv_all() == data * 3
    assert protocol.exception is None


async def test_queued_bytes_objects_are_held(connect):
    transport, _, peer = await connect()
    data = await clog(transport)
    for number in range(100):
        transport.write(b"%d" % number * 1000)
    transport.close()
    expected = data + b"".join(b"%d" % number * 1000 for number in range(100))
    assert await peer.recv_all() == expected


async def test_bytearray_changed_after_write_while_clogged(connect, asyncio_fault):
    asyncio_fault(LENT, LENDS)
    transport, _, peer = await connect()
    data = await clog(transport)
    block = bytearray(b"before")
    transport.write(block)
    block[:] = b"AFTER!"
    transport.close()
    assert await peer.recv_all() == data + b"before"


async def test_bytearray_changed_after_writelines_while_clogged(connect, asyncio_fault):
    asyncio_fault(LENT, LENDS)
    transport, _, peer = await connect()
    data = await clog(transport)
    block = bytearray(b"before")
    transport.writelines([block, b" and ", memoryview(block)])
    block[:] = b"AFTER!"
    transport.close()
    assert await peer.recv_all() == data + b"before and before"


async def test_bytearray_changed_after_a_write_sent_in_part(connect, asyncio_fault):
    asyncio_fault(LENT, LENDS)
    transport, _, peer = await connect()
    block = bytearray(b"a" * 8_000_000)
    transport.write(block)
    assert transport.get_write_buffer_size() > 0
    for start in range(0, len(block), 1000):
        block[start] = ord("b")
    transport.close()
    assert await peer.recv_all() == b"a" * 8_000_000


async def test_bytearray_changed_after_each_of_two_writes(connect):
    transport, _, peer = await connect()
    block = bytearray(b"one ")
    transport.write(block)
    block[:] = b"two "
    transport.write(block)
    block[:] = b"bad "
    transport.close()
    assert await peer.recv_all() == b"one two "


async def test_bytearray_may_be_resized_after_write(connect, asyncio_fault):
    asyncio_fault(LENT, LENDS)
    transport, _, peer = await connect()
    data = await clog(transport)
    block = bytearray(b"before")
    transport.writelines([block])
    transport.write(block)
    block.clear()
    block.extend(b"x" * 100)
    transport.close()
    assert await peer.recv_all() == data + b"beforebefore"


async def test_view_released_after_write(connect, contexts, asyncio_fault):
    asyncio_fault(LENT, LENDS)
    transport, _, peer = await connect()
    data = await clog(transport)
    view = memoryview(bytearray(b"before"))
    transport.write(view)
    view.release()
    transport.close()
    assert await peer.recv_all() == data + b"before"
    assert contexts == []


async def test_released_view_is_an_error(connect):
    transport, _, peer = await connect()
    view = memoryview(b"x")
    view.release()
    with pytest.raises(ValueError, match="released memoryview"):
        transport.write(view)
    transport.close()
    assert await peer.recv_all() == b""


@pytest.mark.parametrize("end", ["close", "abort"])
async def test_write_after_the_end_is_dropped(connect, end):
    transport, protocol, peer = await connect()
    transport.write(b"kept")
    await polled()
    getattr(transport, end)()
    transport.write(b"dropped")
    await protocol.until("connection_lost")
    transport.write(b"dropped")
    assert await peer.recv_all() == b"kept"
    assert protocol.calls == ["connection_made", "connection_lost"]


@pytest.mark.parametrize("end", ["close", "abort"])
async def test_writelines_after_the_end_is_dropped(connect, end, asyncio_fault):
    asyncio_fault(LENT, "writelines() ignores that the connection is lost", fixed_later=True)
    transport, protocol, peer = await connect()
    getattr(transport, end)()
    transport.writelines([b"dropped"])
    await protocol.until("connection_lost")
    transport.writelines([b"dropped"])
    assert await peer.recv_all() == b""
    assert protocol.calls == ["connection_made", "connection_lost"]


async def test_writes_after_close_while_clogged_are_sent(connect, asyncio_fault):
    asyncio_fault(LENT, "writelines() fails after close()", fixed_later=True)
    # close() waits for what is queued; until it is sent, write() adds to it.
    transport, _, peer = await connect()
    data = await clog(transport)
    transport.close()
    transport.write(b"late")
    transport.writelines([b", ", b"too"])
    assert await peer.recv_all() == data + b"late, too"


async def test_fifth_write_after_the_end_is_logged(connect, caplog):
    transport, protocol, _ = await connect()
    transport.abort()
    await protocol.until("connection_lost")
    with caplog.at_level(logging.WARNING, "asyncio"):
        for _ in range(4):
            transport.write(b"x")
        assert caplog.messages == []
        transport.write(b"x")
        transport.write(b"x")
    assert caplog.messages == ["socket.send() raised exception."] * 2


async def test_write_after_write_eof_is_an_error(connect):
    transport, _, peer = await connect()
    transport.write(b"x")
    transport.write_eof()
    for data in (b"y", b""):
        with pytest.raises(RuntimeError, match=r"^Cannot call write\(\) after write_eof\(\)$"):
            transport.write(data)
    for lines in ([b"y"], []):
        with pytest.raises(RuntimeError, match=r"^Cannot call write.*\(\) after write_eof\(\)$"):
            transport.writelines(lines)
    with pytest.raises(TypeError):
        transport.write("text")
    assert await peer.recv_all() == b"x"
    transport.close()


class Answering(asyncio.Protocol):
    """Answers in two pieces, then raises what it is told to."""

    def __init__(self, error):
        self.error = error

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(b"first ")
        self.transport.write(b"second")
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize("error", [None, ValueError("told to"), KeyboardInterrupt()])
def test_answer_goes_out_whatever_the_protocol_raises(loop, error, expect_exception_handler):
    ours, peer = socket.socketpair()
    peer.settimeout(5)
    transport, _ = loop.run_until_complete(
        loop.create_connection(lambda: Answering(error), sock=ours)
    )
    peer.send(b"question")
    with contextlib.suppress(KeyboardInterrupt):
        loop.run_until_complete(polled())
    answer = b""
    while len(answer) < len(b"first second"):
        answer += peer.recv(100)
    assert answer == b"first second"
    transport.abort()
    loop.run_until_complete(polled())
    assert len(expect_exception_handler) == isinstance(error, ValueError)
    expect_exception_handler.clear()
    peer.close()


async def test_first_write_of_a_step_is_there_at_once(loop):
    ours, peer = socket.socketpair()
    peer.settimeout(5)
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    transport.write(b"at once")
    assert peer.recv(100) == b"at once"
    transport.close()
    await polled()
    peer.close()


class AnsweringInPieces(asyncio.Protocol):
    """Answers in pieces of these sizes, none of which is `bytes`."""

    def __init__(self, sizes):
        self.pieces = [bytearray([letter]) * size for letter, size in enumerate(sizes)]

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        for piece in self.pieces:
            self.transport.write(memoryview(piece))


@pytest.mark.parametrize("sizes", [[300_000], [5, 70_000, 6, 7], [100_000, 5, 100_000, 3_000_000]])
async def test_answers_of_all_sizes_keep_their_order(loop, contexts, sizes):
    ours, peer = socket.socketpair()
    peer.setblocking(False)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    transport, answering = await loop.create_connection(lambda: AnsweringInPieces(sizes), sock=ours)
    await loop.sock_sendall(peer, b"question")
    answer = b""
    while len(answer) < sum(sizes):
        answer += await loop.sock_recv(peer, 1_000_000)
    assert answer == b"".join(answering.pieces)
    assert contexts == []
    transport.close()
    await polled()
    peer.close()
