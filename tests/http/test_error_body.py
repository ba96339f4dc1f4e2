"""What the exception of raise_for_status() knows of the body."""

import asyncio
import pickle
import zlib

import pytest

from aioxide import http

from .wire import answer, fetch

LATE = b"HTTP/1.1 500 No\r\nContent-Length: 8\r\n\r\n"


def bad(body, *headers):
    return answer(body, *headers, status="500 No")


@pytest.fixture(params=["with", "without"])
def ask(request):
    """Make a request and raise for its status, inside of `async with` or not."""

    async def inside(session, url, **options):
        async with session.get(url, **options) as response:
            response.raise_for_status()

    async def outside(session, url, **options):
        response = await session.get(url, **options)
        response.raise_for_status()

    return inside if request.param == "with" else outside


async def raised_by(coroutine):
    with pytest.raises(http.ClientResponseError) as raised:
        await coroutine
    return raised.value


async def test_body_that_has_come(server, session, ask):
    serving = asyncio.ensure_future(server.answers(bad(b"why not")))
    error = await raised_by(ask(session, server.url))
    await serving
    assert error.body == b"why not"
    assert pickle.loads(pickle.dumps(error.body)) == b"why not"
    assert session.connector.stats()["idle"] == 1


async def test_body_that_was_read(server, session):
    serving = asyncio.ensure_future(server.answers(bad(b"why not")))
    async with session.get(server.url) as response:
        await response.read()
        with pytest.raises(http.ClientResponseError) as raised:
            response.raise_for_status()
    await serving
    assert raised.value.body == b"why not"


@pytest.mark.parametrize("options", [{}, {"headers": {"X": "y"}}], ids=["plain", "headers"])
async def test_session_that_raises(server, make_session, options):
    session = make_session(raise_for_status=True)
    for _ in range(2):
        serving = asyncio.ensure_future(server.answers(bad(b"why not", "Connection: close")))
        error = await raised_by(session.get(server.url, **options))
        await serving
        assert error.body == b"why not"


async def test_body_is_decompressed(server, session, ask):
    packed = zlib.compress(b"why not" * 1000)
    serving = asyncio.ensure_future(server.answers(bad(packed, "Content-Encoding: deflate")))
    error = await raised_by(ask(session, server.url))
    await serving
    assert error.body == b"why not" * 1000


async def test_body_is_still_there_to_be_read(server, session):
    serving = asyncio.ensure_future(
        server.answers(bad(b'{"why": "not"}', "Content-Type: application/json"))
    )
    async with session.get(server.url) as response:
        with pytest.raises(http.ClientResponseError) as raised:
            response.raise_for_status()
        assert await response.json() == {"why": "not"}
    await serving
    assert raised.value.body == b'{"why": "not"}'


async def test_body_that_has_not_come_is_not_awaited(server, session, ask):
    serving = asyncio.ensure_future(server.answers(LATE))
    error = await raised_by(ask(session, server.url))
    await serving
    assert error.body is None


@pytest.mark.parametrize("where", ["session", "request"])
async def test_body_is_awaited_where_the_program_wants_that(server, make_session, ask, where):
    wanted = {"max_error_body": 1000}
    session = make_session(**wanted if where == "session" else {})
    asking = asyncio.ensure_future(
        raised_by(ask(session, server.url, **wanted if where == "request" else {}))
    )
    wire, _ = await server.answers(LATE)
    for byte in b"why not?":
        await wire.sendall(bytes([byte]))
    assert (await asking).body == b"why not?"


async def test_no_more_is_awaited_than_is_wanted(server, make_session, ask):
    session = make_session(max_error_body=3)
    serving = asyncio.ensure_future(server.answers(LATE + b"why"))
    error = await raised_by(ask(session, server.url))
    await serving
    assert error.body == b"why"


async def test_what_was_awaited_is_still_read_as_a_whole(server, make_session):
    session = make_session(max_error_body=3)
    asking = asyncio.ensure_future(fetch(session, server.url))
    wire, _ = await server.answers(LATE + b"why")
    await wire.sendall(b" not?")
    assert await asking == (500, b"why not?")


async def test_body_that_breaks_off_leaves_what_has_come(server, make_session, ask):
    session = make_session(max_error_body=1000)
    asking = asyncio.ensure_future(raised_by(ask(session, server.url)))
    wire, _ = await server.answers(LATE + b"why")
    wire.close()
    error = await asking
    assert error.status == 500
    assert error.body == b"why"


async def test_silent_body_ends_with_the_total(server, make_session):
    session = make_session(max_error_body=1000, timeout=http.ClientTimeout(total=0.05))
    serving = asyncio.ensure_future(server.answers(LATE))
    with pytest.raises(asyncio.TimeoutError):
        await session.get(server.url)
    await serving


async def test_good_answer_is_not_awaited(server, make_session):
    session = make_session(max_error_body=1000)
    serving = asyncio.ensure_future(server.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"))
    response = await session.get(server.url)
    assert response.status == 200
    response.close()
    await serving
