"""Bodies that are compressed: bombs, and those that are broken or cut off."""

import asyncio
import contextlib
import gzip
import resource
import zlib

import pytest

from aioxide import _aioxide, http

from .wire import answer, fetch, settled

TEXT = b"what is said is said, and what is said again is short. " * 400


def deflate_raw(data):
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


BROTLI = bytes.fromhex("0b028068656c6c6f03")  # "hello"
ZSTD = bytes.fromhex("28b52ffd2005290000") + b"hello"
CODINGS = {
    "gzip": (gzip.compress(TEXT), TEXT),
    "x-gzip": (gzip.compress(TEXT), TEXT),
    "GZip": (gzip.compress(TEXT), TEXT),
    "deflate": (zlib.compress(TEXT), TEXT),
    "br": (BROTLI, b"hello"),
    "zstd": (ZSTD, b"hello"),
}


async def decoded(server, session, coding, body, **options):
    head = answer(body, f"Content-Encoding: {coding}")
    asking = asyncio.ensure_future(fetch(session, server.url, **options))
    wire = await server.accept()
    await wire.request()
    sending = asyncio.ensure_future(send(wire, head))
    try:
        return (await asking)[1]
    finally:
        await sending


async def send(wire, data):
    with contextlib.suppress(ConnectionError):
        await wire.sendall(data)


@pytest.mark.parametrize("coding", CODINGS)
async def test_body_is_decompressed(server, session, coding):
    body, plain = CODINGS[coding]
    assert await decoded(server, session, coding, body) == plain
    assert (await settled(session.connector))["idle"] == 1


async def test_deflate_without_its_wrapping_is_known(server, session):
    assert await decoded(server, session, "deflate", deflate_raw(TEXT)) == TEXT


async def test_several_members_are_one_body(server, session):
    body = gzip.compress(b"one, ") + gzip.compress(b"two")
    assert await decoded(server, session, "gzip", body) == b"one, two"


@pytest.mark.parametrize("false", [False, 0])
async def test_body_is_left_as_it_is_if_so_asked(server, session, false):
    body = gzip.compress(TEXT)
    assert await decoded(server, session, "gzip", body, auto_decompress=false) == body


async def test_empty_body_is_empty_whatever_its_coding(server, session):
    assert await decoded(server, session, "gzip", b"") == b""


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
async def test_body_cut_off_at_any_byte_is_an_error(server, session, coding):
    body, plain = {
        **CODINGS,
        "gzip": (gzip.compress(b"hello"), b"hello"),
        "deflate": (zlib.compress(b"hello"), b"hello"),
    }[coding]
    for cut in range(1, len(body)):
        with pytest.raises(http.ClientPayloadError):
            await decoded(server, session, coding, body[:cut])
    assert await decoded(server, session, coding, body) == plain


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
async def test_body_of_something_else_is_an_error(server, session, coding):
    with pytest.raises(http.ClientPayloadError):
        await decoded(server, session, coding, b"\xfe this is not compressed at all" * 100)


@pytest.mark.parametrize("place", [-1, -5])
async def test_wrong_checksum_or_length_is_an_error(server, session, place):
    body = bytearray(gzip.compress(TEXT))
    body[place] ^= 1
    with pytest.raises(http.ClientPayloadError):
        await decoded(server, session, "gzip", bytes(body))


async def test_wrong_checksum_of_deflate_is_an_error(server, session):
    body = bytearray(zlib.compress(TEXT))
    body[-1] ^= 1
    with pytest.raises(http.ClientPayloadError):
        await decoded(server, session, "deflate", bytes(body))


async def test_unknown_coding_is_left_as_it_is(server, session):
    assert await decoded(server, session, "rot13", b"uryyb") == b"uryyb"


@pytest.mark.parametrize("count", [2, 3])
async def test_coding_upon_coding_is_undone_in_order(server, session, count):
    body = TEXT
    for _ in range(count):
        body = gzip.compress(body)
    coding = ", ".join(["gzip"] * count)
    found = await decoded(server, session, coding, body)
    # All of them, or none if there are too many: never some.
    assert found in (TEXT, body)


async def test_endless_list_of_codings_is_no_work(server, session):
    body = gzip.compress(TEXT)
    coding = ", ".join(["gzip"] * 500)
    assert len(coding) < 8190
    result = (await asyncio.gather(decoded(server, session, coding, body), return_exceptions=True))[
        0
    ]
    assert result == body or isinstance(result, http.ClientError)


# Bombs

BOMB_SIZE = 2**28
_compressor = zlib.compressobj(9, wbits=31)
BOMB = b"".join(_compressor.compress(bytes(2**20)) for _ in range(BOMB_SIZE // 2**20))
BOMB += _compressor.flush()


async def test_bomb_is_refused_by_max_decompressed_size(server, make_session):
    session = make_session(max_decompressed_size=2**20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(http.ClientPayloadError, match="1048576"):
        await decoded(server, session, "gzip", BOMB)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 64 * 1024  # kB
    assert (await settled(session.connector))["idle"] == 0


async def test_bomb_is_refused_while_it_is_streamed(server, session):
    asking = asyncio.ensure_future(session.get(server.url, max_decompressed_size=2**22))
    wire = await server.accept()
    await wire.request()
    sending = asyncio.ensure_future(send(wire, answer(BOMB, "Content-Encoding: gzip")))
    received = 0
    async with await asking as response:
        with pytest.raises(http.ClientPayloadError):
            async for data in response.content.iter_any():
                received += len(data)
    assert received <= 2**22
    await sending


async def test_bomb_that_is_streamed_takes_no_memory(server, session):
    """Without a limit: no more is decompressed than somebody takes."""
    asking = asyncio.ensure_future(session.get(server.url))
    wire = await server.accept()
    await wire.request()
    sending = asyncio.ensure_future(send(wire, answer(BOMB, "Content-Encoding: gzip")))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    received = 0
    async with await asking as response:
        async for data in response.content.iter_any():
            received += len(data)
    assert received == BOMB_SIZE
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 64 * 1024  # kB
    await sending


async def test_bomb_that_nobody_reads_is_not_decompressed(server, session):
    asking = asyncio.ensure_future(session.get(server.url))
    wire = await server.accept()
    await wire.request()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sending = asyncio.ensure_future(send(wire, answer(BOMB, "Content-Encoding: gzip")))
    async with await asking:
        pass
    await sending
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 64 * 1024  # kB
    await settled(session.connector)


async def test_size_just_at_the_limit_is_read(server, session):
    body = gzip.compress(TEXT)
    found = await decoded(server, session, "gzip", body, max_decompressed_size=len(TEXT))
    assert found == TEXT


async def test_size_just_above_the_limit_is_refused(server, session):
    body = gzip.compress(TEXT)
    with pytest.raises(http.ClientPayloadError, match=str(len(TEXT) - 1)):
        await decoded(server, session, "gzip", body, max_decompressed_size=len(TEXT) - 1)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 1001\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n",
        b"\r\n",
    ],
    ids=["length", "chunked", "eof"],
)
async def test_max_body_size_ends_the_response(server, session, head, stream):
    asking = asyncio.ensure_future(session.get(server.url, max_body_size=1000))
    wire = await server.accept()
    await wire.request()
    wire.send(b"HTTP/1.1 200 OK\r\n" + head + b"x" * 1000)
    response = await asking
    reading = asyncio.ensure_future(response.content.read() if stream else response.read())
    wire.send(b"x")
    with pytest.raises(http.ClientPayloadError, match="1000"):
        await reading
    assert await wire.is_closed()


async def test_max_body_size_is_of_what_comes_over_the_wire(server, make_session):
    session = make_session(max_body_size=1000)
    assert await decoded(server, session, "gzip", gzip.compress(TEXT)) == TEXT


def test_settings_tell_their_limits():
    settings = _aioxide.ResponseSettings(max_body_size=1, max_decompressed_size=2)
    assert (settings.max_body_size, settings.max_decompressed_size) == (1, 2)
