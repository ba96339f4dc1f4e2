"""The other end of the client, by hand: what goes over the wire, and when, is the test's."""

import asyncio
import contextlib
import socket

from ..net.peer import Peer, polled, ready

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def answer(body=b"", *headers, status="200 OK"):
    """A whole response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Request:
    """A request as it came."""

    def __init__(self, head, body=b""):
        lines = head.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.method, self.target, self.version = self.line.split(" ")
        self.fields = [tuple(line.split(": ", 1)) for line in lines[1:] if line]
        self.body = body

    def all(self, name):
        """All values of a header."""
        return [value for given, value in self.fields if given.lower() == name.lower()]


class Wire(Peer):
    """A connection that a client has made."""

    def __init__(self, loop, sock):
        super().__init__(loop, sock)
        self.unread = b""

    async def until(self, end):
        """Receive up to `end`, and with it. Fails at the end of the stream."""
        while end not in self.unread:
            data = await self.recv()
            assert data, f"the client has closed the connection after {self.unread!r}"
            self.unread += data
        found, _, self.unread = self.unread.partition(end)
        return found + end

    async def exactly(self, size):
        """Receive so many bytes."""
        while len(self.unread) < size:
            data = await self.recv()
            assert data
            self.unread += data
        data, self.unread = self.unread[:size], self.unread[size:]
        return data

    async def request(self):
        """Receive a request, with its body if Content-Length tells of one."""
        request = Request(await self.until(b"\r\n\r\n"))
        length = request.all("Content-Length")
        if length:
            request.body = await self.exactly(int(length[0]))
        return request

    async def is_closed(self):
        """Whether the client has closed the connection, having sent nothing more."""
        assert self.unread == b""
        with contextlib.suppress(ConnectionResetError):
            data = await self.recv()
            assert data == b"", f"the client has sent {data!r}"
        return True

    def is_silent(self):
        """Whether nothing more has come, and no end."""
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return not self.unread
        except OSError:
            pass
        return False


class Server:
    """A listening socket on loopback, and the connections that it has accepted."""

    wire = Wire

    def __init__(self, loop, host="127.0.0.1"):
        self.loop = loop
        self.sock = socket.create_server((host, 0))
        self.sock.setblocking(False)
        self.port = self.sock.getsockname()[1]
        self.host = host
        self.url = f"http://{host}:{self.port}/"
        self.wires = []

    def named(self, name, scheme="http"):
        """The server's URL by a name."""
        return f"{scheme}://{name}:{self.port}/"

    async def accept(self):
        """The next connection."""
        while True:
            try:
                sock = self.sock.accept()[0]
            except BlockingIOError:
                await ready(self.loop.add_reader, self.loop.remove_reader, self.sock)
            else:
                wire = self.wire(self.loop, sock)
                self.wires.append(wire)
                return wire

    def nobody_waits(self):
        """Whether no connection waits to be accepted."""
        try:
            self.wires.append(self.wire(self.loop, self.sock.accept()[0]))
        except BlockingIOError:
            return True
        return False

    async def answers(self, *responses):
        """Accept a connection, and answer one request after another; returns it and them."""
        wire = await self.accept()
        requests = []
        for response in responses:
            requests.append(await wire.request())
            await wire.sendall(response)
        return wire, requests

    def close(self):
        """Close all."""
        for wire in self.wires:
            wire.close()
        self.sock.close()


async def both(*coroutines):
    """Run coroutines beside each other; what one returns or raises, by place."""
    return await asyncio.gather(*coroutines, return_exceptions=True)


async def fetch(session, url, method="GET", **options):
    """A response, read: its status and body."""
    async with session.request(method, url, **options) as response:
        return response.status, await response.read()


async def settled(connector):
    """Wait until the loop has dealt with what has come, and nobody leases a connection."""
    for _ in range(20):
        await polled()
        stats = connector.stats()
        if stats["leased"] == stats["waiting"] == 0:
            return stats
    raise AssertionError(connector.stats())
