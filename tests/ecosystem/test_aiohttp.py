"""aiohttp's server and client, talking to each other on the loop."""

import asyncio
import contextlib
import hashlib
import time

import pytest

aiohttp = pytest.importorskip("aiohttp")
web = pytest.importorskip("aiohttp.web")

OVER = web.AppKey("over", asyncio.Event)
BLOCK = bytes(range(256)) * 256


async def hello(request):
    return web.Response(text=f"hello {request.match_info['name']}")


async def digest(request):
    hashed = hashlib.sha256()
    size = 0
    async for data in request.content.iter_any():
        hashed.update(data)
        size += len(data)
    return web.json_response({"size": size, "digest": hashed.hexdigest()})


async def stream(request):
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(int(request.query["blocks"])):
        await response.write(BLOCK)
    await response.write_eof()
    return response


async def form(request):
    data = await request.post()
    upload = data["file"]
    return web.json_response(
        {"field": data["field"], "name": upload.filename, "size": len(upload.file.read())}
    )


async def connection_of(request):
    return web.Response(text=str(request.transport.get_extra_info("peername")))


async def fail(_request):
    raise web.HTTPGone(text="moved away")


async def never(request):
    await request.app[OVER].wait()
    return web.Response()


async def socket_echo(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            if message.data == "close":
                await socket.close(code=4000, message=b"as asked")
            else:
                await socket.send_str(message.data.upper())
        else:
            await socket.send_bytes(message.data[::-1])
    return socket


@contextlib.asynccontextmanager
async def serving():
    app = web.Application(client_max_size=2**30)
    app[OVER] = asyncio.Event()
    app.add_routes(
        [
            web.get("/hello/{name}", hello),
            web.post("/digest", digest),
            web.get("/stream", stream),
            web.post("/form", form),
            web.get("/connection", connection_of),
            web.get("/fail", fail),
            web.get("/never", never),
            web.get("/socket", socket_echo),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        async with aiohttp.ClientSession(f"http://{host}:{port}") as session:
            yield session
    finally:
        app[OVER].set()
        await runner.cleanup()


def served(test):
    """Run `test(session)` against the server above."""

    def call(run):
        async def main():
            async with serving() as session:
                await test(session)

        run(main())

    call.__name__ = test.__name__
    return call


@served
async def test_get(session):
    async with session.get("/hello/world") as response:
        assert response.status == 200
        assert await response.text() == "hello world"


@served
async def test_status(session):
    async with session.get("/fail") as response:
        assert (response.status, await response.text()) == (410, "moved away")
    async with session.get("/nowhere") as response:
        assert response.status == 404


@served
async def test_post_of_a_large_body(session):
    data = BLOCK * 15
    async with session.post("/digest", data=data) as response:
        answer = await response.json()
    assert answer == {"size": len(data), "digest": hashlib.sha256(data).hexdigest()}


@served
async def test_post_of_a_stream(session):
    async def produce():
        for _ in range(32):
            yield BLOCK

    async with session.post("/digest", data=produce()) as response:
        answer = await response.json()
    assert answer["size"] == 32 * len(BLOCK)
    assert answer["digest"] == hashlib.sha256(BLOCK * 32).hexdigest()


@served
async def test_multipart_form(session):
    data = aiohttp.FormData()
    data.add_field("field", "value")
    data.add_field("file", BLOCK, filename="blob.bin")
    async with session.post("/form", data=data) as response:
        assert await response.json() == {"field": "value", "name": "blob.bin", "size": len(BLOCK)}


@served
async def test_streamed_answer_is_read_slowly(session):
    async with session.get("/stream", params={"blocks": "64"}) as response:
        received = bytearray()
        while data := await response.content.read(5000):
            received += data
            await asyncio.sleep(0)
    assert received == BLOCK * 64


@served
async def test_answer_that_is_not_read_to_the_end(session):
    for _ in range(3):
        async with session.get("/stream", params={"blocks": "200"}) as response:
            assert await response.content.readexactly(1000) == BLOCK[:1000]
    async with session.get("/hello/again") as response:
        assert await response.text() == "hello again"


@served
async def test_connection_is_kept_alive(session):
    addresses = set()
    for _ in range(10):
        async with session.get("/connection") as response:
            addresses.add(await response.text())
    assert len(addresses) == 1


@served
async def test_connection_is_closed_when_asked(session):
    addresses = set()
    for _ in range(5):
        async with session.get("/connection", headers={"Connection": "close"}) as response:
            addresses.add(await response.text())
    assert len(addresses) == 5


@served
async def test_fifty_at_once(session):
    async def one(number):
        async with session.get(f"/hello/{number}") as response:
            return await response.text()

    names = await asyncio.gather(*(one(number) for number in range(50)))
    assert names == [f"hello {number}" for number in range(50)]


@served
async def test_five_hundred_under_a_semaphore(session):
    semaphore = asyncio.Semaphore(20)

    async def one(number):
        async with semaphore, session.get(f"/hello/{number}") as response:
            return await response.text()

    names = await asyncio.gather(*(one(number) for number in range(500)))
    assert names == [f"hello {number}" for number in range(500)]


@served
async def test_timeout(session):
    start = time.monotonic()
    with pytest.raises(asyncio.TimeoutError):
        await session.get("/never", timeout=aiohttp.ClientTimeout(total=0.05))
    assert time.monotonic() - start < 5
    async with session.get("/hello/again") as response:
        assert response.status == 200


@served
async def test_cancelled_request(session):
    task = asyncio.ensure_future(session.get("/never"))
    while not session.connector._acquired:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with session.get("/hello/again") as response:
        assert response.status == 200


@served
async def test_web_socket(session):
    async with session.ws_connect("/socket") as socket:
        await socket.send_str("hello")
        assert await socket.receive_str() == "HELLO"
        await socket.send_bytes(b"abc")
        assert await socket.receive_bytes() == b"cba"
        await socket.ping()
        for number in range(200):
            await socket.send_str(f"message {number}")
        for number in range(200):
            assert await socket.receive_str() == f"MESSAGE {number}"
        large = BLOCK * 16
        await socket.send_bytes(large)
        assert await socket.receive_bytes() == large[::-1]
        await socket.send_str("close")
        message = await socket.receive()
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert (message.data, message.extra) == (4000, "as asked")


@served
async def test_twenty_web_sockets(session):
    async def talk(number):
        async with session.ws_connect("/socket") as socket:
            for turn in range(20):
                await socket.send_str(f"{number}-{turn}-x")
                assert await socket.receive_str() == f"{number}-{turn}-X"

    await asyncio.gather(*(talk(number) for number in range(20)))


def test_refused(run):
    async def main():
        import socket

        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
            async with aiohttp.ClientSession() as session:
                with pytest.raises(aiohttp.ClientConnectorError):
                    await session.get(f"http://127.0.0.1:{port}/")

    run(main())
