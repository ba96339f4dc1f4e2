"""Requests that are made again: what a policy decides, and that nothing is when it is told so."""

import asyncio
import copy
import dataclasses
import io
import pickle
import socket

import pytest

from aioxide import http

from ..net.peer import polled
from .wire import OK, answer, fetch, settled

#: Waits for nothing, so that no test does.
AT_ONCE = http.RetryPolicy(backoff=0, jitter=False)
BUSY = answer(b"busy", status="503 Service Unavailable")


def at_once(**settings):
    return dataclasses.replace(AT_ONCE, **settings)


async def refused(loop):
    """A URL where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return f"http://127.0.0.1:{sock.getsockname()[1]}/"


async def waits(monkeypatch):
    """The waits between attempts, which take no time."""
    asked = []
    sleep = asyncio.sleep

    async def note(seconds):
        asked.append(seconds)
        await sleep(0)

    monkeypatch.setattr("aioxide.http._retry.asyncio.sleep", note)
    return asked


@pytest.mark.parametrize("where", ["session", "request"])
@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_status_of_the_policy_is_tried_again(server, make_session, where, status):
    session = make_session(**{"retry": AT_ONCE} if where == "session" else {})
    options = {"retry": AT_ONCE} if where == "request" else {}
    bad = answer(b"no", status=f"{status} No")
    result, (_, requests) = await asyncio.gather(
        fetch(session, server.url, **options), server.answers(bad, bad, OK)
    )
    assert result == (200, b"ok")
    assert len(requests) == 3
    # What was not the last answer is no reason to make another connection.
    assert (await settled(session.connector))["connects"] == 1


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_other_statuses_are_answers(server, make_session, status):
    session = make_session(retry=AT_ONCE)
    result, _ = await asyncio.gather(
        fetch(session, server.url), server.answers(answer(b"x", status=f"{status} X"))
    )
    assert result == (status, b"x")


async def test_last_answer_is_given(server, make_session):
    session = make_session(retry=AT_ONCE)
    result, (_, requests) = await asyncio.gather(
        fetch(session, server.url), server.answers(BUSY, BUSY, BUSY)
    )
    assert result == (503, b"busy")
    assert len(requests) == 3


async def test_last_answer_is_refused_as_usual(server, make_session):
    session = make_session(retry=at_once(attempts=2), raise_for_status=True)
    serving = asyncio.ensure_future(server.answers(BUSY, BUSY))
    with pytest.raises(http.ClientResponseError) as raised:
        await session.get(server.url)
    await serving
    assert raised.value.status == 503
    assert raised.value.body == b"busy"


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_request_that_the_server_may_have_done_is_left(server, make_session, method):
    session = make_session(retry=AT_ONCE)
    result, _ = await asyncio.gather(fetch(session, server.url, method), server.answers(BUSY))
    assert result == (503, b"busy")
    assert server.nobody_waits()


async def test_any_method_where_the_program_says_so(server, make_session):
    session = make_session(retry=at_once(any_method=True))
    result, (_, requests) = await asyncio.gather(
        fetch(session, server.url, "POST", data=b"pay"), server.answers(BUSY, OK)
    )
    assert result == (200, b"ok")
    assert [request.body for request in requests] == [b"pay", b"pay"]


@pytest.mark.parametrize(
    "data",
    [b"body", "body", {"key": "value"}, lambda: io.BytesIO(b"body")],
    ids=["bytes", "text", "form", "file"],
)
async def test_body_is_sent_again(server, make_session, data):
    session = make_session(retry=AT_ONCE)
    data = data() if callable(data) else data
    result, (_, (first, second)) = await asyncio.gather(
        fetch(session, server.url, "PUT", data=data), server.answers(BUSY, OK)
    )
    assert result == (200, b"ok")
    assert first.body == second.body
    assert first.body


async def test_body_that_is_used_up_is_not_sent_again(server, make_session):
    session = make_session(retry=AT_ONCE)

    async def body():
        yield b"only once"

    async def serve():
        wire = await server.accept()
        await wire.until(b"0\r\n\r\n")
        await wire.sendall(BUSY)

    result, _ = await asyncio.gather(fetch(session, server.url, "PUT", data=body()), serve())
    assert result == (503, b"busy")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_connection_that_cannot_be_made(loop, make_session, method):
    """Nothing was sent, so the method does not matter."""
    session = make_session(retry=AT_ONCE)
    with pytest.raises(http.ClientConnectorError) as raised:
        await session.request(method, await refused(loop))
    assert raised.value.__notes__ == ["Not made again by its RetryPolicy: it was made 3 times"]


async def test_disconnected_is_tried_again_as_often_as_it_says(server, make_session):
    session = make_session(retry=at_once(attempts=4))
    asking = asyncio.ensure_future(fetch(session, server.url))
    for _ in range(3):
        wire = await server.accept()
        await wire.request()
        wire.close()
    await server.answers(OK)
    assert await asking == (200, b"ok")


async def test_only_the_errors_of_the_policy(server, make_session):
    session = make_session(retry=at_once(errors=("dns",)))
    asking = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await wire.request()
    wire.close()
    with pytest.raises(http.ServerDisconnectedError) as raised:
        await asking
    assert server.nobody_waits()
    assert not hasattr(raised.value, "__notes__")


async def test_what_is_no_http_where_the_policy_has_it(server, make_session):
    session = make_session(retry=at_once(errors=("protocol",)))
    asking = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await wire.request()
    await wire.sendall(b"nonsense\r\n\r\n")
    await server.answers(OK)
    assert await asking == (200, b"ok")


async def test_silence_is_tried_again(server, make_session):
    session = make_session(retry=AT_ONCE, timeout=http.ClientTimeout(sock_read=0.05))
    asking = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await wire.request()
    await server.answers(OK)
    assert await asking == (200, b"ok")


async def test_wait_for_the_pool_has_a_name_of_its_own(server, make_session):
    session = make_session(
        connector=http.TCPConnector(limit=1),
        timeout=http.ClientTimeout(pool=0.05),
        retry=at_once(errors=("pool_timeout",), attempts=2),
    )
    held = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await wire.request()
    with pytest.raises(http.ConnectionTimeoutError, match="pool") as raised:
        await session.get(server.url)
    assert raised.value.__notes__
    wire.send(OK)
    await held


@pytest.mark.parametrize("options", [{}, {"headers": {"X": "y"}}], ids=["plain", "headers"])
@pytest.mark.parametrize("where", ["session", "request"])
async def test_off_is_off(server, make_session, options, where):
    """aiohttp's own silent repetition as well."""
    session = make_session(**{"retry": False} if where == "session" else {})
    if where == "request":
        options = {**options, "retry": False}
    await asyncio.gather(fetch(session, server.url), server.answers(OK))
    asking = asyncio.ensure_future(fetch(session, server.url, **options))
    await server.wires[0].request()
    server.wires[0].close()
    with pytest.raises(http.ServerDisconnectedError):
        await asking
    await polled()
    assert server.nobody_waits()


async def test_request_may_want_what_its_session_does_not(server, make_session):
    session = make_session(retry=False)
    result, _ = await asyncio.gather(
        fetch(session, server.url, retry=AT_ONCE), server.answers(BUSY, OK)
    )
    assert result == (200, b"ok")


@pytest.mark.parametrize(
    ("value", "wait"), [("7", 7), ("100000", 60), ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("soon", 0)]
)
async def test_retry_after_is_obeyed_up_to_a_limit(server, make_session, monkeypatch, value, wait):
    session = make_session(retry=AT_ONCE)
    asked = await waits(monkeypatch)
    busy = answer(b"", f"Retry-After: {value}", status="429 Too Many Requests")
    await asyncio.gather(fetch(session, server.url), server.answers(busy, OK))
    assert asked == [wait]


async def test_retry_after_is_ignored_where_it_is_told_so(server, make_session, monkeypatch):
    session = make_session(retry=at_once(max_retry_after=None))
    asked = await waits(monkeypatch)
    busy = answer(b"", "Retry-After: 7", status="429 Too Many Requests")
    await asyncio.gather(fetch(session, server.url), server.answers(busy, OK))
    assert asked == [0]


async def test_waits_grow_up_to_the_longest(loop, make_session, monkeypatch):
    policy = http.RetryPolicy(attempts=6, backoff=1, factor=3, max_backoff=20, jitter=False)
    session = make_session(retry=policy)
    asked = await waits(monkeypatch)
    with pytest.raises(http.ClientConnectorError):
        await session.get(await refused(loop))
    assert asked == [1, 3, 9, 20, 20]


async def test_jitter_shortens_waits(loop, make_session, monkeypatch):
    session = make_session(retry=http.RetryPolicy(attempts=20, backoff=1, factor=1))
    asked = await waits(monkeypatch)
    with pytest.raises(http.ClientConnectorError):
        await session.get(await refused(loop))
    assert len(asked) == 19
    assert all(0 <= wait < 1 for wait in asked)
    assert len(set(asked)) > 10


async def test_no_attempt_begins_behind_the_budget(loop, make_session, monkeypatch):
    session = make_session(retry=http.RetryPolicy(backoff=5, jitter=False, budget=3))
    asked = await waits(monkeypatch)
    with pytest.raises(http.ClientConnectorError):
        await session.get(await refused(loop))
    assert asked == []


async def test_total_is_for_all_attempts(server, make_session):
    """The wait for the next attempt ends with it."""
    session = make_session(
        retry=http.RetryPolicy(backoff=1000, max_backoff=1000, jitter=False),
        timeout=http.ClientTimeout(total=0.05),
    )
    serving = asyncio.ensure_future(server.answers(BUSY))
    with pytest.raises(asyncio.TimeoutError):
        await session.get(server.url)
    await serving
    assert (await settled(session.connector))["leased"] == 0


async def test_cancelled_wait_leaves_nothing(server, make_session):
    session = make_session(retry=http.RetryPolicy(backoff=1000, max_backoff=1000, jitter=False))
    asking = asyncio.ensure_future(session.get(server.url))
    await server.answers(BUSY)
    await polled(4)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await settled(session.connector))["leased"] == 0


async def test_redirect_goes_on_with_the_same_tries(server, make_session):
    session = make_session(retry=at_once(attempts=3))
    there = answer(b"", "Location: /there", status="302 Found")
    result, (_, requests) = await asyncio.gather(
        fetch(session, server.url), server.answers(BUSY, there, BUSY, BUSY)
    )
    assert result == (503, b"busy")
    assert [request.target for request in requests] == ["/", "/", "/there", "/there"]


async def test_websocket_is_opened_at_the_second_try(server, make_session):
    session = make_session(retry=AT_ONCE)
    opening = asyncio.ensure_future(session.ws_connect(server.url))
    wire = await server.accept()
    await wire.request()
    await wire.sendall(BUSY)
    await wire.request()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"attempts": 0}, "attempts"),
        ({"attempts": 1.5}, "attempts"),
        ({"backoff": -1}, "backoff"),
        ({"backoff": float("nan")}, "backoff"),
        ({"factor": 0.5}, "factor"),
        ({"factor": float("inf")}, "factor"),
        ({"max_backoff": -1}, "max_backoff"),
        ({"max_retry_after": -1}, "max_retry_after"),
        ({"budget": -1}, "budget"),
        ({"errors": "dns"}, "collection"),
        ({"errors": ("disconected",)}, "Did you mean 'disconnected'"),
        ({"statuses": (0,)}, "statuses"),
        ({"statuses": ("503",)}, "statuses"),
    ],
)
def test_setting_that_makes_no_sense(settings, text):
    with pytest.raises(ValueError, match=text):
        http.RetryPolicy(**settings)


@pytest.mark.parametrize("retry", [True, 3, "yes"])
async def test_what_is_no_policy(server, make_session, retry):
    with pytest.raises(TypeError, match="RetryPolicy"):
        http.ClientSession(retry=retry)
    session = make_session()
    with pytest.raises(TypeError, match="RetryPolicy"):
        await session.get(server.url, retry=retry)


def test_policies_compare_by_their_settings():
    assert http.RetryPolicy() == http.RetryPolicy()
    assert http.RetryPolicy(attempts=5) != http.RetryPolicy()
    assert "attempts=5" in repr(http.RetryPolicy(attempts=5))
    with pytest.raises(dataclasses.FrozenInstanceError):
        http.RetryPolicy().attempts = 2
    policy = http.RetryPolicy(attempts=5, errors=("dns",))
    assert copy.deepcopy(policy) == pickle.loads(pickle.dumps(policy)) == policy
