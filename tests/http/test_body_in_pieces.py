"""A large body, read in pieces of every size: nothing is lost, doubled or out of order."""

import asyncio
import sys

import pytest

from aioxide import http

pytestmark = pytest.mark.usefixtures("loop")
BODY = b"".join(number.to_bytes(4, "big") for number in range(300_000))
CHUNK = 100_000


def plain():
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


def chunked():
    chunks = [BODY[start : start + CHUNK] for start in range(0, len(BODY), CHUNK)]
    coded = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded + b"0\r\n\r\n"


async def received(response, read):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, http.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/") as answer:
            return await read(answer.content)


@pytest.mark.parametrize("response", [plain(), chunked()], ids=["length", "chunks"])
class TestPieces:
    @pytest.mark.parametrize("size", [5000, 16_384, 65_536, 65_537, 300_000, 2 * sys.maxsize])
    async def test_each_is_as_large_as_asked_for(self, response, size):
        async def read(content):
            return [piece async for piece in content.iter_chunked(size)]

        pieces = await received(response, read)
        assert b"".join(pieces) == BODY
        assert max(map(len, pieces)) <= size
        assert all(pieces)

    async def test_what_is_left_is_read_in_other_ways(self, response):
        async def read(content):
            pieces = []
            for size in (65_536, 20_000, 16_384):
                async for piece in content.iter_chunked(size):
                    pieces.append(piece)
                    assert len(piece) <= size
                    if len(pieces) % 3 == 0:
                        break
            pieces.append(await content.readexactly(70_001))
            pieces.append(await content.readany())
            pieces.append(await content.read(7))
            pieces.append(await content.read())
            assert content.at_eof()
            return pieces

        assert b"".join(await received(response, read)) == BODY

    async def test_chunks_of_the_message_are_shown_as_before(self, response):
        async def read(content):
            content.iter_chunked(20_000)
            shown, whole = [], b""
            async for piece, ends in content.iter_chunks():
                whole += piece
                if ends:
                    shown.append(len(whole))
            return whole, shown

        whole, shown = await received(response, read)
        assert whole == BODY
        ends = list(range(CHUNK, len(BODY) + 1, CHUNK))
        assert shown == (ends if b"chunked" in response[:80] else [])
