"""The socket methods, cancelled at every await."""

import asyncio
import contextlib
import io
import os
import socket

import pytest

from .peer import polled
from .sweep import WAYS, sweep

LARGE = bytes(range(256)) * 8192  # more than the buffers of a socket pair


@contextlib.contextmanager
def connected(kind=socket.SOCK_STREAM):
    ours, theirs = socket.socketpair(type=kind)
    with ours, theirs:
        for sock in (ours, theirs):
            sock.setblocking(False)
        yield ours, theirs


@contextlib.contextmanager
def listening():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def drain(sock):
    """Read what has arrived, and return how much it is."""
    size = 0
    with contextlib.suppress(BlockingIOError):
        while data := sock.recv(1 << 20):
            size += len(data)
    return size


READS = {
    "sock_recv": lambda loop, sock: loop.sock_recv(sock, 10),
    "sock_recv_into": lambda loop, sock: loop.sock_recv_into(sock, bytearray(10)),
    "sock_recvfrom": lambda loop, sock: loop.sock_recvfrom(sock, 10),
    "sock_recvfrom_into": lambda loop, sock: loop.sock_recvfrom_into(sock, bytearray(10)),
}


@pytest.mark.parametrize("method", READS)
@pytest.mark.parametrize(
    "kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["stream", "datagram"]
)
async def test_receiving(loop, method, kind, on_asyncio):
    async def operation(cut):
        with connected(kind) as (ours, theirs):
            outcome = await cut(READS[method](loop, ours), lambda: theirs.send(b"data"))
            # What was cancelled has taken nothing. asyncio loses what it was about to return.
            if outcome.cancelled and not (on_asyncio and cut.way == "when done"):
                assert ours.recv(10) == b"data"
            theirs.send(b"more")
            assert await loop.sock_recv(ours, 10) == b"more"

    await sweep(operation)


async def test_sending_much(loop):
    async def operation(cut):
        with connected() as (ours, theirs):
            received = 0

            def readable():
                nonlocal received
                received += drain(theirs)

            outcome = await cut(
                loop.sock_sendall(ours, LARGE), lambda: loop.add_reader(theirs, readable)
            )
            await polled()
            loop.remove_reader(theirs)
            received += drain(theirs)
            assert received == len(LARGE) or outcome.cancelled
            await loop.sock_sendall(ours, b"next")
            assert theirs.recv(10) == b"next"

    await sweep(operation)


async def test_sending_a_datagram(loop, tmp_path):
    path = str(tmp_path / "socket")

    async def operation(cut):
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as theirs,
        ):
            theirs.bind(path)
            ours.setblocking(False)
            theirs.setblocking(False)
            try:
                with contextlib.suppress(BlockingIOError):
                    while True:
                        ours.sendto(b"full", path)
                await cut(loop.sock_sendto(ours, b"data", path), lambda: drain_datagrams(theirs))
                drain_datagrams(theirs)
                await loop.sock_sendto(ours, b"next", path)
                assert theirs.recv(10) == b"next"
            finally:
                os.unlink(path)

    await sweep(operation)


def drain_datagrams(sock):
    with contextlib.suppress(BlockingIOError):
        while True:
            sock.recv(100)


async def test_accepting(loop, on_asyncio):
    async def operation(cut):
        with listening() as listener, socket.socket() as client:
            client.setblocking(False)

            def connect():
                client.connect_ex(listener.getsockname())

            outcome = await cut(loop.sock_accept(listener), connect)
            if outcome.cancelled:
                # Nobody has taken the connection.
                sock, _ = await loop.sock_accept(listener)
            else:
                sock, _ = outcome.value
            with sock:
                client.send(b"x")
                assert await loop.sock_recv(sock, 1) == b"x"

    # asyncio leaves a connection that was about to be returned to the garbage collector.
    await sweep(operation, ways=("at once",) if on_asyncio else WAYS)


async def test_connecting_to_a_full_backlog(loop):
    """The connection is only made when there is room."""

    async def operation(cut):
        with socket.socket() as listener, contextlib.ExitStack() as stack:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            address = listener.getsockname()
            # One waits to be accepted; the next must wait for a place.
            stack.enter_context(socket.create_connection(address))
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            await cut(loop.sock_connect(sock, address), lambda: listener.accept()[0].close())
            assert sock.fileno() >= 0
            assert not loop.remove_writer(sock)

    await sweep(operation, ways=("at once", "after polls"))


async def test_connecting_by_name(loop):
    """The name is resolved first, in a thread."""

    async def operation(cut):
        with listening() as listener, socket.socket() as sock:
            sock.setblocking(False)
            address = ("localhost", listener.getsockname()[1])
            outcome = await cut(loop.sock_connect(sock, address))
            if not outcome.cancelled:
                listener.accept()[0].close()

    await loop.getaddrinfo("localhost", 1)
    await sweep(operation)


async def test_connecting_a_unix_socket(loop, tmp_path):
    path = str(tmp_path / "socket")

    async def operation(cut):
        with (
            socket.socket(socket.AF_UNIX) as listener,
            socket.socket(socket.AF_UNIX) as sock,
        ):
            listener.bind(path)
            listener.listen()
            sock.setblocking(False)
            await cut(loop.sock_connect(sock, path))
            os.unlink(path)

    await sweep(operation, suspends=False)


@pytest.mark.parametrize("fallback", [False, True], ids=["native", "fallback"])
async def test_sending_a_file(loop, tmp_path, fallback):
    path = tmp_path / "file"
    path.write_bytes(LARGE)

    async def operation(cut):
        received = 0

        def readable():
            nonlocal received
            received += drain(theirs)

        with connected() as (ours, theirs), path.open("rb") as file:
            source = io.BytesIO(LARGE) if fallback else file
            outcome = await cut(
                loop.sock_sendfile(ours, source), lambda: loop.add_reader(theirs, readable)
            )
            await polled()
            loop.remove_reader(theirs)
            received += drain(theirs)
            if outcome.cancelled:
                assert received <= len(LARGE)
            else:
                assert received == outcome.value == len(LARGE)

    # Threads of the executor read the file for the fallback.
    await loop.run_in_executor(None, int)
    await sweep(operation)


async def test_two_waiters_of_one_socket(loop):
    """One direction is cut; the other goes on."""

    async def operation(cut):
        with connected() as (ours, theirs):
            sending = asyncio.ensure_future(loop.sock_sendall(ours, LARGE))
            await polled()
            await cut(loop.sock_recv(ours, 10), lambda: theirs.send(b"x"))
            received = 0
            while received < len(LARGE):
                received += len(await loop.sock_recv(theirs, 1 << 20))
            await sending

    await sweep(operation)
