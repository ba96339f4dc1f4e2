"""`sock_sendfile`: by the system call, and by reading and sending where that cannot be."""

import asyncio
import io
import socket

import pytest

from .peer import polled

SIZE = 1 << 20
CONTENT = bytes(index * 7 % 251 for index in range(SIZE))


@pytest.fixture
def connected(listener):
    """Both ends of a TCP connection; they do not block."""
    left = socket.create_connection(listener.getsockname())
    right = listener.accept()[0]
    with left, right:
        left.setblocking(False)
        right.setblocking(False)
        yield left, right


@pytest.fixture(params=["native", "fallback"])
def file(request, tmp_path):
    """A file that the system call takes, and one that it does not."""
    if request.param == "fallback":
        yield io.BytesIO(CONTENT)
        return
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    with path.open("rb") as opened:
        yield opened


async def receive_all(loop, sock):
    received = bytearray()
    while data := await loop.sock_recv(sock, 1 << 16):
        received += data
    return bytes(received)


@pytest.mark.parametrize(
    ("offset", "count"),
    [(0, None), (0, 10), (1000, None), (1000, 5000), (SIZE - 5, 100), (SIZE, None), (SIZE + 1, 1)],
)
async def test_part_of_a_file(loop, connected, file, offset, count):
    left, right = connected
    receiving = asyncio.create_task(receive_all(loop, right))
    expected = CONTENT[offset:] if count is None else CONTENT[offset : offset + count]
    assert await loop.sock_sendfile(left, file, offset, count) == len(expected)
    assert file.tell() in (offset + len(expected), 0 if not expected else -1, SIZE)
    left.shutdown(socket.SHUT_WR)
    assert await receiving == expected


async def test_between_other_calls(loop, connected, file):
    left, right = connected
    receiving = asyncio.create_task(receive_all(loop, right))
    await loop.sock_sendall(left, b"head" + CONTENT)
    assert await loop.sock_sendfile(left, file) == SIZE
    await loop.sock_sendall(left, b"tail")
    left.shutdown(socket.SHUT_WR)
    assert await receiving == b"head" + CONTENT + CONTENT + b"tail"


async def test_beside_a_call_that_receives(loop, connected, file):
    left, right = connected
    answer = asyncio.create_task(loop.sock_recv(left, 100))
    receiving = asyncio.create_task(receive_all(loop, right))
    sending = asyncio.create_task(loop.sock_sendfile(left, file))
    await polled()
    await loop.sock_sendall(right, b"answer")
    assert await answer == b"answer"
    assert await sending == SIZE
    left.shutdown(socket.SHUT_WR)
    assert await receiving == CONTENT


async def test_peer_goes(loop, connected, file):
    left, right = connected
    left.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    sending = asyncio.create_task(loop.sock_sendfile(left, file))
    await polled()
    assert not sending.done()
    right.close()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        await sending
    await polled()
    assert left.fileno() not in loop._selector.get_map()


async def test_cancelled(loop, connected, file):
    left, right = connected
    left.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    sending = asyncio.create_task(loop.sock_sendfile(left, file))
    await polled()
    sending.cancel()
    await asyncio.wait([sending])
    assert sending.cancelled()
    await polled()
    assert left.fileno() not in loop._selector.get_map()
    left.shutdown(socket.SHUT_WR)
    assert CONTENT.startswith(await receive_all(loop, right))


async def test_system_call_or_nothing(loop, connected):
    left, _ = connected
    with pytest.raises(asyncio.SendfileNotAvailableError):
        await loop.sock_sendfile(left, io.BytesIO(CONTENT), fallback=False)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [((-1,), ValueError), ((0, -1), ValueError), ((0, 0), ValueError), (("0",), TypeError)],
)
async def test_arguments_that_are_none(loop, connected, file, arguments, error):
    with pytest.raises(error):
        await loop.sock_sendfile(connected[0], file, *arguments)
