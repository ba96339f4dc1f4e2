"""The servers: `python -m bench.programs.servers LOOP KIND [--option VALUE]...`

Each listens on loopback or on a Unix socket, prints its port, and serves until it is killed. KIND
is `protocol`, `buffered`, `streams` or `sockets`. They echo, unless told the sizes of a request and
its response (`sockets` only echoes). With `--tls` all but `sockets` speak that, with a certificate
for "localhost" that is made at the start. The kinds that begin with `udp` are endpoints: `udp`
echoes, `udp-receive` and `udp-receive-batches` reply to datagrams whose first byte is not 0,
`udp-send` sends each datagram back many times.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import socket
import ssl
from typing import cast

from .. import loops
from . import child

BUFFER = 256 * 1024
#: What one `sock_recv` asks for: asyncio allocates as much for each.
RECEIVE = 64 * 1024
HEAD = 150
KINDS = (
    *("protocol", "buffered", "streams", "sockets"),
    *("udp", "udp-receive", "udp-receive-batches", "udp-send"),
)


class Echo(asyncio.Protocol):
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class BufferedEcho(asyncio.BufferedProtocol):
    """Echoes out of its own buffer.

    What is written may stay unsent, so the next read goes behind it: with at most one message of
    100 kB on its way, going back to the start from the middle on never overwrites unsent bytes.
    """

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.view = memoryview(bytearray(BUFFER))
        self.at = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        if self.at > BUFFER // 2:
            self.at = 0
        return self.view[self.at :]

    def buffer_updated(self, nbytes: int) -> None:
        start = self.at
        self.at = end = start + nbytes
        self.transport.write(self.view[start:end])


class Responder(asyncio.Protocol):
    """Answers each request with a head and a body, in `writes` pieces."""

    transport: asyncio.Transport

    def __init__(self, request: int, response: int, writes: int) -> None:
        self.request = request
        self.pieces = pieces(response, writes)
        self.requested = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.requested += len(data)
        while self.requested >= self.request:
            self.requested -= self.request
            for piece in self.pieces:
                self.transport.write(piece)


def pieces(response: int, writes: int) -> list[bytes]:
    body = b"b" * (response - HEAD)
    head = b"h" * HEAD
    return [head, body] if writes == 2 else [head + body]


class Endpoint(asyncio.DatagramProtocol):
    transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)


class DatagramEcho(Endpoint):
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data, addr)


class Receiver(Endpoint):
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data[0]:
            self.transport.sendto(data[:1], addr)


class BatchReceiver(Receiver):
    """The same on a loop that gives datagrams singly."""

    def datagrams_received(self, datagrams: list[tuple[bytes, tuple[str, int]]]) -> None:
        for data, addr in datagrams:
            if data[0]:
                self.transport.sendto(data[:1], addr)


class Sender(Endpoint):
    def __init__(self, replies: int) -> None:
        self.replies = range(replies)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        sendto = self.transport.sendto
        for _ in self.replies:
            sendto(data, addr)


async def echo_streams(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(BUFFER):
        writer.write(data)
        await writer.drain()
    writer.close()


async def respond_streams(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: int, answers: list[bytes]
) -> None:
    try:
        while True:
            await reader.readexactly(request)
            for piece in answers:
                writer.write(piece)
            await writer.drain()
    except asyncio.IncompleteReadError:
        writer.close()


async def echo_socket(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with sock:
        while data := await loop.sock_recv(sock, RECEIVE):
            await loop.sock_sendall(sock, data)


async def accept(listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    tasks = set()
    while True:
        sock, _ = await loop.sock_accept(listener)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = loop.create_task(echo_socket(sock))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def spin() -> None:
    while True:
        await asyncio.sleep(0)


def tls_context() -> ssl.SSLContext:
    import trustme

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    return context


def endpoint(options: argparse.Namespace) -> asyncio.DatagramProtocol:
    if options.kind == "udp-send":
        return Sender(options.replies)
    kinds = {"udp": DatagramEcho, "udp-receive": Receiver, "udp-receive-batches": BatchReceiver}
    return kinds[options.kind]()


async def serve_datagrams(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: endpoint(options), local_addr=("127.0.0.1", 0)
    )
    gc.collect()
    child.answer(port=transport.get_extra_info("sockname")[1])
    await loop.create_future()


async def serve(options: argparse.Namespace) -> None:
    if options.kind.startswith("udp"):
        await serve_datagrams(options)
        return
    loop = asyncio.get_running_loop()
    server: asyncio.AbstractServer
    if options.kind == "sockets":
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        listener.setblocking(False)
        gc.collect()
        child.answer(port=listener.getsockname()[1])
        await accept(listener)
    context = tls_context() if options.tls else None
    if options.kind == "streams":
        answers = pieces(options.response, options.writes)

        async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await respond_streams(reader, writer, options.request, answers)

        handler = respond if options.request else echo_streams
        if options.path:
            server = await asyncio.start_unix_server(
                handler, options.path, backlog=4096, ssl=context
            )
        else:
            server = await asyncio.start_server(handler, "127.0.0.1", 0, backlog=4096, ssl=context)
    else:

        def factory() -> asyncio.BaseProtocol:
            if options.request:
                return Responder(options.request, options.response, options.writes)
            return BufferedEcho() if options.kind == "buffered" else Echo()

        if options.path:
            server = await loop.create_unix_server(factory, options.path, backlog=4096, ssl=context)
        else:
            server = await loop.create_server(factory, "127.0.0.1", 0, backlog=4096, ssl=context)
    spinning = [loop.create_task(spin()) for _ in range(options.spin)]
    gc.collect()
    child.answer(port=0 if options.path else server.sockets[0].getsockname()[1])
    await loop.create_future()
    del spinning


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("loop")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--request", type=int, default=0)
    parser.add_argument("--response", type=int, default=HEAD)
    parser.add_argument("--writes", type=int, choices=(1, 2), default=1)
    parser.add_argument("--replies", type=int, default=1)
    parser.add_argument("--spin", type=int, default=0)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--path", default="")
    options = parser.parse_args()
    child.begin()
    with asyncio.Runner(loop_factory=loops.factory(options.loop)) as runner:
        runner.run(serve(options))


if __name__ == "__main__":
    main()
