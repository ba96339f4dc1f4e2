"""`sock_recv`, `sock_sendall` and the others: what they return, raise and wait for."""

import array
import asyncio
import inspect
import socket
import ssl
import struct

import pytest

from .peer import polled, step, waiting

LARGE = bytes(range(256)) * 8192


@pytest.fixture
def datagrams():
    """Two UDP sockets that do not block."""
    made = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(2)]
    for sock in made:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
    yield made
    for sock in made:
        sock.close()


# What the calls are


def calls(loop, left, right):
    """Each call with arguments that it accepts."""
    address = right.getsockname()
    return {
        "sock_recv": lambda sock=left: loop.sock_recv(sock, 100),
        "sock_recv_into": lambda sock=left: loop.sock_recv_into(sock, bytearray(100)),
        "sock_recvfrom": lambda sock=left: loop.sock_recvfrom(sock, 100),
        "sock_recvfrom_into": lambda sock=left: loop.sock_recvfrom_into(sock, bytearray(100)),
        "sock_sendall": lambda sock=left: loop.sock_sendall(sock, b"data"),
        "sock_sendto": lambda sock=left: loop.sock_sendto(sock, b"data", address),
        "sock_connect": lambda sock=left: loop.sock_connect(sock, address),
        "sock_accept": lambda sock=left: loop.sock_accept(sock),
    }


NAMES = pytest.mark.parametrize(
    "name",
    [
        "sock_recv",
        "sock_recv_into",
        "sock_recvfrom",
        "sock_recvfrom_into",
        "sock_sendall",
        "sock_sendto",
        "sock_connect",
        "sock_accept",
    ],
)


@NAMES
def test_a_call_is_a_coroutine(loop, datagrams, name):
    assert inspect.iscoroutinefunction(getattr(loop, name))
    coroutine = calls(loop, *datagrams)[name]()
    assert inspect.iscoroutine(coroutine)
    assert coroutine.__name__ == name
    coroutine.close()


@NAMES
def test_a_call_that_is_not_awaited_is_warned_of(loop, datagrams, name):
    with pytest.warns(RuntimeWarning, match=f"{name}' was never awaited"):
        calls(loop, *datagrams)[name]()


@NAMES
async def test_nothing_happens_before_a_call_is_awaited(loop, pair, name):
    left, right = pair
    right.send(b"x")
    coroutine = calls(loop, left, right)[name]()
    await polled()
    coroutine.close()
    assert left.recv(10) == b"x"
    with pytest.raises(BlockingIOError):
        right.recv(1)


@NAMES
async def test_closed_socket(loop, datagrams, name):
    call = calls(loop, *datagrams)[name]
    datagrams[0].close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        await call()


@NAMES
async def test_socket_of_ssl_is_refused(loop, datagrams, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    with socket.socket() as plain:
        sock = context.wrap_socket(plain, do_handshake_on_connect=False)
        with sock, pytest.raises(TypeError, match="Socket cannot be of type SSLSocket"):
            await calls(loop, *datagrams)[name](sock)


@NAMES
async def test_blocking_socket_is_refused_in_debug_mode(loop, datagrams, name):
    loop.set_debug(True)
    datagrams[0].setblocking(True)
    with pytest.raises(ValueError, match="the socket must be non-blocking"):
        await calls(loop, *datagrams)[name]()


@NAMES
async def test_no_socket(loop, datagrams, name):
    with pytest.raises((AttributeError, TypeError)):
        await calls(loop, *datagrams)[name](17)


# Receiving


async def test_what_is_there_is_returned_without_waiting(loop, pair):
    left, right = pair
    right.send(b"hello")
    assert step(loop.sock_recv(left, 2)) == b"he"
    buffer = bytearray(2)
    assert step(loop.sock_recv_into(left, buffer)) == 2
    assert buffer == b"ll"
    assert step(loop.sock_recv(left, 100)) == b"o"


@pytest.mark.parametrize("size", [1, 1000, 65536, 1 << 18, 1 << 20])
async def test_receives_at_most_what_is_asked_for(loop, pair, size):
    left, right = pair
    receiving = await waiting(loop.sock_recv(left, size))
    right.send(b"0123456789" * 100)
    data = await receiving
    assert type(data) is bytes
    assert data == (b"0123456789" * 100)[:size]


async def test_receives_into_what_can_be_written(loop, pair):
    left, right = pair
    for buffer in (bytearray(6), memoryview(bytearray(6)), array.array("H", [0, 0, 0])):
        receiving = await waiting(loop.sock_recv_into(left, buffer))
        right.send(b"abcd")
        assert await receiving == 4
        assert bytes(buffer) == b"abcd\0\0"


async def test_end_of_stream(loop, pair):
    left, right = pair
    receiving = await waiting(loop.sock_recv(left, 10))
    right.close()
    assert await receiving == b""
    assert await loop.sock_recv(left, 10) == b""
    assert await loop.sock_recv_into(left, bytearray(3)) == 0


async def test_nothing_is_asked_for(loop, pair):
    left, _ = pair
    assert step(loop.sock_recv(left, 0)) == b""
    assert step(loop.sock_recv_into(left, bytearray())) == 0


@pytest.mark.parametrize(
    ("size", "error"), [(-1, ValueError), ("1", TypeError), (1.5, TypeError), (None, TypeError)]
)
async def test_size_that_is_none(loop, pair, size, error):
    with pytest.raises(error):
        await loop.sock_recv(pair[0], size)


@pytest.mark.parametrize("buffer", [b"constant", "text", None, 5])
async def test_buffer_that_cannot_be_written(loop, pair, buffer):
    with pytest.raises(TypeError):
        await loop.sock_recv_into(pair[0], buffer)


async def test_size_of_another_type(loop, pair):
    class Three:
        def __index__(self):
            return 3

    left, right = pair
    right.send(b"hello")
    assert await loop.sock_recv(left, Three()) == b"hel"
    assert await loop.sock_recv(left, True) == b"l"
    assert await loop.sock_recv(sock=left, n=10) == b"o"


async def test_reset_while_receiving(loop):
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as sock:
            sock.setblocking(False)
            peer = server.accept()[0]
            receiving = await waiting(loop.sock_recv(sock, 10))
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()
            with pytest.raises(ConnectionResetError, match="Connection reset by peer"):
                await receiving


async def test_datagrams(loop, datagrams):
    left, right = datagrams
    receiving = await waiting(loop.sock_recvfrom(left, 100))
    assert await loop.sock_sendto(right, b"one", left.getsockname()) == 3
    assert await receiving == (b"one", right.getsockname())
    buffer = bytearray(b"-----")
    receiving = await waiting(loop.sock_recvfrom_into(left, buffer))
    assert await loop.sock_sendto(right, b"two", left.getsockname()) == 3
    assert await receiving == (3, right.getsockname())
    assert buffer == b"two--"
    receiving = await waiting(loop.sock_recvfrom_into(left, buffer, 2))
    right.sendto(b"cut", left.getsockname())
    assert await receiving == (2, right.getsockname())
    right.sendto(b"", left.getsockname())
    assert await loop.sock_recvfrom(left, 10) == (b"", right.getsockname())
    receiving = await waiting(loop.sock_recv(left, 2))
    right.sendto(b"cut", left.getsockname())
    assert await receiving == b"cu"


async def test_error_of_a_datagram_socket(loop, datagrams):
    left, right = datagrams
    left.connect(right.getsockname())
    receiving = await waiting(loop.sock_recvfrom(left, 100))
    right.close()
    left.send(b"to nobody")
    with pytest.raises(ConnectionRefusedError):
        await receiving


async def test_full_queue_of_an_unconnected_unix_socket(loop, tmp_path):
    """Whose own descriptor is always ready to write: only trying again helps."""
    path = str(tmp_path / "socket")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(path)
        receiver.setblocking(False)
        sender.setblocking(False)
        sent = 0
        while True:
            try:
                sender.sendto(b"x", path)
            except BlockingIOError:
                break
            sent += 1
        sending = await waiting(loop.sock_sendto(sender, b"last", path))
        for _ in range(sent):
            assert receiver.recv(10) == b"x"
        assert await sending == 4
        assert receiver.recv(10) == b"last"


# Sending


@pytest.mark.parametrize(
    "data",
    [
        b"data",
        bytearray(b"data"),
        memoryview(b"data"),
        memoryview(b"-data-")[1:5],
        array.array("b", b"data"),
        b"",
        bytearray(),
    ],
    ids=["bytes", "bytearray", "memoryview", "slice", "array", "empty", "empty bytearray"],
)
async def test_what_fits_is_sent_without_waiting(loop, pair, data):
    left, right = pair
    assert step(loop.sock_sendall(left, data)) is None
    if data:
        assert right.recv(10) == b"data"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
async def test_sends_all(loop, pair, kind):
    left, right = pair
    sending = await waiting(loop.sock_sendall(left, kind(LARGE)))
    received = bytearray()
    while len(received) < len(LARGE):
        received += await loop.sock_recv(right, 1 << 16)
    assert await sending is None
    assert received == LARGE


async def test_buffer_is_held_while_it_is_sent(loop, pair):
    left, right = pair
    data = bytearray(LARGE)
    sending = await waiting(loop.sock_sendall(left, data))
    with pytest.raises(BufferError):
        data.append(1)
    data[-1] = 7
    received = bytearray()
    while len(received) < len(LARGE):
        received += await loop.sock_recv(right, 1 << 20)
    await sending
    assert received == LARGE[:-1] + b"\7"
    del sending
    data.append(1)


@pytest.mark.parametrize("data", ["text", None, 5, [b"x"]])
async def test_data_that_is_none(loop, pair, data):
    with pytest.raises(TypeError):
        await loop.sock_sendall(pair[0], data)


async def test_view_with_gaps(loop, pair):
    with pytest.raises(BufferError):
        await loop.sock_sendall(pair[0], memoryview(b"abcdef")[::2])


async def test_peer_goes_while_data_is_sent(loop, pair):
    left, right = pair
    sending = await waiting(loop.sock_sendall(left, LARGE))
    right.close()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        await sending
    with pytest.raises(BrokenPipeError):
        await loop.sock_sendall(left, b"x")


async def test_both_directions_at_a_time(loop, pair):
    async def send(sock):
        await loop.sock_sendall(sock, LARGE)

    async def receive(sock):
        received = bytearray()
        while len(received) < len(LARGE):
            received += await loop.sock_recv(sock, 1 << 16)
        assert received == LARGE

    await asyncio.gather(*(task(sock) for task in (send, receive) for sock in pair))


# Accepting


async def test_accepting(loop, listener):
    listener.setblocking(False)
    accepting = await waiting(loop.sock_accept(listener))
    clients = [socket.create_connection(listener.getsockname()) for _ in range(3)]
    accepted = [await accepting, await loop.sock_accept(listener), await loop.sock_accept(listener)]
    try:
        for conn, address in accepted:
            assert type(conn) is socket.socket
            assert conn.gettimeout() == 0
            assert address in [client.getsockname() for client in clients]
    finally:
        for sock in [*clients, *(conn for conn, _ in accepted)]:
            sock.close()
