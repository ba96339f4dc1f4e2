"""uvicorn: inside a running loop, and as a program that is told which loop to make."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import urllib.request

import pytest

uvicorn = pytest.importorskip("uvicorn")

FACTORIES = {"aioxide": "aioxide:new_event_loop", "asyncio": "asyncio:SelectorEventLoop"}


async def app(scope, receive, send):
    """Answers with the size of the request's body and the loop's class; streams on /stream."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            kind = message["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/stream":
        for number in range(100):
            body = b"%d\n" % number * 100
            await send({"type": "http.response.body", "body": body, "more_body": True})
    elif scope["path"] == "/size":
        await send({"type": "http.response.body", "body": b"%d" % size, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


class Server(uvicorn.Server):
    """A server that tells when it has started."""

    def __init__(self, config):
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.up.set()


@contextlib.asynccontextmanager
async def serving():
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, ws="none")
    server = Server(config)
    task = asyncio.ensure_future(server.serve())
    started = asyncio.ensure_future(server.up.wait())
    await asyncio.wait([task, started], return_when=asyncio.FIRST_COMPLETED)
    assert server.started
    try:
        yield server.servers[0].sockets[0].getsockname()
    finally:
        server.should_exit = True
        await task


async def request(address, path, body=b"", count=1):
    """Send requests over one connection, and return the answers' bodies."""
    reader, writer = await asyncio.open_connection(*address)
    bodies = []
    for number in range(count):
        last = b"close" if number == count - 1 else b"keep-alive"
        writer.write(
            b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: %s\r\nContent-Length: %d\r\n\r\n"
            % (path, last, len(body))
        )
        writer.write(body)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        received = bytearray()
        while size := int(await reader.readline(), 16):
            received += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
        bodies.append(bytes(received))
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    return bodies


def test_serves_inside_the_loop(run):
    async def main():
        async with serving() as address:
            body = b"x" * 1_000_000
            assert await request(address, b"/size", body) == [b"1000000"]
            expected = b"".join(b"%d\n" % number * 100 for number in range(100))
            assert await request(address, b"/stream") == [expected]
            assert await request(address, b"/size", b"abc", 20) == [b"3"] * 20

    run(main())


def test_fifty_connections(run):
    async def main():
        async with serving() as address:
            answers = await asyncio.gather(
                *(request(address, b"/size", b"y" * number, 3) for number in range(50))
            )
        assert answers == [[b"%d" % number] * 3 for number in range(50)]

    run(main())


PROGRAM = """
    import asyncio, json

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        loop = type(asyncio.get_running_loop())
        body = json.dumps([loop.__module__.split(".")[0], loop.__name__]).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
"""


def test_command_with_a_loop_factory(loop_kind, tmp_path):
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM), encoding="utf-8")
    command = [sys.executable, "-m", "uvicorn", "program:app", "--port", "0", "--lifespan", "off"]
    command += ["--ws", "none", "--loop", FACTORIES[loop_kind]]
    environment = {**os.environ, "NO_COLOR": "1"}
    with subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        env=environment,
    ) as server:  # fmt: skip
        try:
            log = []
            for line in server.stderr:
                log.append(line)
                if found := re.search(r"running on (http://127\.0\.0\.1:\d+)", line):
                    break
            else:
                pytest.fail("".join(log))
            for _ in range(5):
                with urllib.request.urlopen(found[1], timeout=10) as response:
                    module, _ = json.load(response)
                assert module == loop_kind
            server.send_signal(signal.SIGINT)
            log += server.stderr.readlines()
        finally:
            server.kill()
    assert any("Finished server process" in line for line in log), "".join(log)
