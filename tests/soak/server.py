"""The server of the soak: `python -m tests.soak.server LOOP FOLDER`

It echoes: a protocol, a buffered protocol and streams, each over TCP and a Unix socket in FOLDER,
and streams over TLS with the certificate there. A message that begins with CLOSE or ABORT is not
echoed: the server ends the connection in that way.
"""

import asyncio
import ssl
import sys
from pathlib import Path
from typing import Any, cast

from . import control

BACKLOG = 4096
CLOSE = b"CLOSE"
ABORT = b"ABORT"


class Server(control.Controlled):
    def __init__(self) -> None:
        super().__init__()
        self.open = 0
        self.handlers: set[asyncio.Task[Any]] = set()

    def came(self) -> None:
        self.open += 1
        self.counts["open"] = self.open
        self.count("connections")

    def went(self) -> None:
        self.open -= 1
        self.counts["open"] = self.open

    async def rest(self) -> dict[str, Any]:
        """Answers when no connection is open any more."""
        while self.open:
            await asyncio.sleep(0.02)
        return {}

    async def listen(self, folder: Path) -> dict[str, Any]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "certificate.pem")
        ports = {}
        self.servers = []
        factories = {
            "protocol": lambda: Echo(self),
            "buffered": lambda: BufferedEcho(self),
            "streams": self._stream_protocol,
        }
        for kind, factory in factories.items():
            path = str(folder / kind)
            tcp = await self.loop.create_server(factory, "127.0.0.1", 0, backlog=BACKLOG)
            unix = await self.loop.create_unix_server(factory, path, backlog=BACKLOG)
            ports[kind] = tcp.sockets[0].getsockname()[1]
            ports[f"unix-{kind}"] = path
            self.servers += [tcp, unix]
        tls = await self.loop.create_server(
            self._stream_protocol, "127.0.0.1", 0, backlog=BACKLOG, ssl=context
        )
        ports["tls"] = tls.sockets[0].getsockname()[1]
        self.servers.append(tls)
        return ports

    def _stream_protocol(self) -> asyncio.StreamReaderProtocol:
        reader = asyncio.StreamReader()
        return asyncio.StreamReaderProtocol(reader, self.echo)

    async def echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came()
        try:
            while data := await reader.read(65536):
                if data.startswith(ABORT):
                    writer.transport.abort()
                    break
                if data.startswith(CLOSE):
                    break
                writer.write(data)
                await writer.drain()
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            # The peer reset the connection, or went without a word.
            writer.close()
        finally:
            self.went()

    async def stop(self) -> None:
        for server in self.servers:
            server.close()
            await server.wait_closed()


class Echo(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, server: Server) -> None:
        self.server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.server.came()

    def data_received(self, data: bytes) -> None:
        if data.startswith(ABORT):
            self.transport.abort()
        elif data.startswith(CLOSE):
            self.transport.close()
        else:
            self.transport.write(data)

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.went()


class BufferedEcho(asyncio.BufferedProtocol):
    transport: asyncio.Transport

    def __init__(self, server: Server) -> None:
        self.server = server
        self.buffer = bytearray(4096)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.server.came()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(self.buffer[:nbytes])
        if data.startswith(ABORT):
            self.transport.abort()
        elif data.startswith(CLOSE):
            self.transport.close()
        else:
            self.transport.write(data)

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.went()


async def main() -> None:
    control.raise_limit()
    server = Server()
    control.tell(await server.listen(Path(sys.argv[2])))
    await server.serve()
    await server.stop()


if __name__ == "__main__":
    control.run(main, sys.argv[1])
