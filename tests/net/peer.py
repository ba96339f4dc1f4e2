"""The other end of a connection: a plain socket, awaited through add_reader and add_writer."""

import asyncio
import socket
import struct

import pytest


async def ready(add, remove, sock):
    """Wait until the descriptor that `add` watches is ready."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    add(sock, lambda: future.done() or future.set_result(None))
    try:
        await future
    finally:
        remove(sock)


async def polled(rounds=2):
    """Wait until the loop has polled; what was ready before this call has been dispatched.

    `sleep(0)` does not say that: a loop may run several turns of callbacks for one poll.
    """
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    with left, right:
        for _ in range(rounds):
            right.send(b"x")
            await ready(loop.add_reader, loop.remove_reader, left)
            left.recv(1)


async def clog(transport):
    """Write until the kernel takes no more, and return the bytes written."""
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    data = bytes(range(256)) * 2048
    transport.write(data)
    size = -1
    while size != transport.get_write_buffer_size():
        size = transport.get_write_buffer_size()
        await polled()
    assert size > 0 or transport.is_closing()
    return data


async def waiting(coroutine):
    """A task that runs the coroutine and has come to wait."""
    task = asyncio.create_task(coroutine)
    await polled()
    assert not task.done()
    return task


async def received(loop, sock, peer, data):
    """Receive what is sent after the call has come to wait."""
    receiving = asyncio.create_task(loop.sock_recv(sock, 100))
    await polled()
    assert not receiving.done()
    peer.send(data)
    return await receiving


def step(coroutine):
    """Drive a coroutine that has nothing to wait for."""
    with pytest.raises(StopIteration) as stop:
        coroutine.send(None)
    return stop.value.value


class Peer:
    """A connected plain socket."""

    def __init__(self, loop, sock):
        self.loop = loop
        self.sock = sock
        sock.setblocking(False)

    def send(self, data):
        """Send what fits the kernel's buffer at once: all of it, or the test is wrong."""
        assert self.sock.send(data) == len(data)

    async def sendall(self, data):
        """Send everything, waiting for room."""
        view = memoryview(data)
        while view:
            try:
                view = view[self.sock.send(view) :]
            except BlockingIOError:
                await ready(self.loop.add_writer, self.loop.remove_writer, self.sock)

    async def recv(self, size=65536):
        """Receive some bytes, none at the end of the stream."""
        while True:
            try:
                return self.sock.recv(size)
            except BlockingIOError:
                await ready(self.loop.add_reader, self.loop.remove_reader, self.sock)

    async def recv_exactly(self, size):
        """Receive `size` bytes, fewer only at the end of the stream."""
        received = bytearray()
        while len(received) < size:
            data = await self.recv(size - len(received))
            if not data:
                break
            received += data
        return bytes(received)

    async def recv_all(self):
        """Receive to the end of the stream."""
        received = bytearray()
        while data := await self.recv():
            received += data
        return bytes(received)

    def shutdown(self):
        """Send the end of the stream."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Close with a reset instead of an end of stream."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        """Close the socket."""
        self.sock.close()
