"""A small HTTP server in place of the native one, on a thread, for the tests of clients."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bench.programs.http_clients import START

#: What a GET is answered with, by the last part of its path: status and body.
ANSWERS = {
    "good": (200, START.ljust(1000, b".")),
    "short": (200, START.ljust(999, b".")),
    "other": (200, b"x" * 1000),
    "failing": (500, START.ljust(1000, b".")),
}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            body = await reader.readexactly(int(length or 0))
            status, answer = 200, b""
            if body:
                told = {"received": len(body), "first": body[0], "last": body[-1]}
                answer = json.dumps(told).encode()
            else:
                status, answer = ANSWERS[head.split()[1].rpartition(b"/")[2].decode()]
            writer.write(
                b"HTTP/1.1 %d Told\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                % (status, len(answer))
            )
            writer.write(answer)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


@contextmanager
def running() -> Iterator[str]:
    """Its address, while it serves."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
