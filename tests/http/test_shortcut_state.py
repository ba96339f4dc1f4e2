"""What the short way of a request keeps, when it forgets that, and how it goes over to the long."""

import asyncio
import gc
import json
import warnings

import pytest

from aioxide import http
from aioxide.http import _payload
from aioxide.http._shortcut import KEPT

from ..net.peer import polled
from ..net.sweep import sweep
from .two_ways import Recorder, players
from .wire import OK, answer, fetch, settled

pytestmark = pytest.mark.usefixtures("loop")
LONG = b"b" * (2**20 + 1)


class Counted:
    """json.dumps, and how often it was called."""

    def __init__(self):
        self.calls = 0

    def __call__(self, value):
        self.calls += 1
        return json.dumps(value)


@pytest.mark.parametrize("path", ["/p", "/redirect/307", "/redirect/302", "/gone", "/bad", "/half"])
@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_json_is_made_once(monkeypatch, path, warm, method):
    """Also where there is no connection yet, the request is sent on, or made again."""
    counted = Counted()
    async with players(lambda: {"json_serialize": counted}, monkeypatch) as (short, _):
        if warm:
            await short.warm()
        try:
            await fetch(short.session, short.server.url + path, method, json=[1])
        except http.ClientError:
            assert path in ("/gone", "/bad", "/half")
        assert counted.calls == 1
        assert short.began == [True]
        bodies = [heard.partition(b"\r\n\r\n")[2] for heard in short.server.heard if b"/p" in heard]
        assert set(bodies) <= {b"[1]"}


async def test_json_of_a_closed_session_is_not_made(make_session):
    counted = Counted()
    session = make_session(json_serialize=counted)
    await session.close()
    with pytest.raises(RuntimeError, match="Session is closed"):
        await session.post("http://127.0.0.1/", json=1)
    assert counted.calls == 0


async def test_session_that_its_json_closes(server, make_session):
    def dumps(value):
        session.detach()
        return json.dumps(value)

    session = make_session(json_serialize=dumps)
    connector = session.connector
    serving = asyncio.ensure_future(server.answers(OK))
    assert await fetch(session, server.url) == (200, b"ok")
    await serving
    with pytest.raises((RuntimeError, http.ClientError)):
        await session.post(server.url, json=1)
    assert (await settled(connector))["idle"] == 1
    await connector.close()


async def test_json_that_is_no_bytes(server, make_session):
    made = [memoryview(b"[1]"), None, 5]
    session = make_session(json_serialize_bytes=lambda _: made.pop(0))
    serving = asyncio.ensure_future(server.answers(OK, OK))
    assert await fetch(session, server.url) == (200, b"ok")
    assert await fetch(session, server.url, "POST", json=1) == (200, b"ok")
    _, (_, request) = await serving
    assert request.body == b"[1]"
    for _ in range(2):
        with pytest.raises(TypeError, match="must be byte-ish"):
            await session.post(server.url, json=1)


async def test_headers_of_the_session_that_change(monkeypatch):
    async with players(lambda: {"headers": {"A": "1"}}, monkeypatch) as (short, _):
        session, url = short.session, short.server.url
        await short.warm()
        for change in (
            lambda: None,
            lambda: session.headers.update({"A": "2"}),
            lambda: session.headers.add("B", "3"),
            lambda: session.headers.clear(),
        ):
            change()
            short.server.heard.clear()
            for _ in range(2):
                await fetch(session, url, "POST", json=1, headers={"C": "4"})
            expected = [*session.headers.items(), ("C", "4")]
            for heard in short.server.heard:
                lines = heard.decode().split("\r\n")
                found = [tuple(line.split(": ")) for line in lines if line[:1] in "ABC"]
                found = [field for field in found if len(field[0]) == 1]
                assert found == expected
        assert short.began == [True] * 8


@pytest.mark.parametrize("order", list(_payload.Order))
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (str, {"data": "text"}),
        (bytes, {"data": b"bytes"}),
        (bytearray, {"data": bytearray(b"array")}),
        (http.JsonPayload, {"json": 1}),
    ],
)
async def test_payloads_of_the_program(monkeypatch, order, kind, options):
    """A registered payload is asked as soon as it is registered, where it has precedence."""
    registry = _payload.PAYLOAD_REGISTRY
    for name in ("_first", "_normal", "_last", "_normal_lookup"):
        monkeypatch.setattr(registry, name, getattr(registry, name).copy())
    asked = []

    def own(data, **kwargs):
        asked.append(data)
        return http.BytesPayload(b"own", **kwargs)

    async with players(dict, monkeypatch) as (short, long):
        url = short.server.url + "/p"
        first = await short.play("POST", url, dict(options))
        assert first == await long.play("POST", url, dict(options))
        assert short.began == [True]
        registry.register(own, kind, order=order)
        second = await short.play("POST", url, dict(options))
        assert second == await long.play("POST", url, dict(options))
        taken = order is not _payload.Order.try_last
        assert len(asked) == (2 if taken else 0)
        assert (second["wire"] == first["wire"]) is not taken
    # What was looked up with it is looked up anew.
    registry.changes += 1


async def test_what_is_kept_is_bounded(monkeypatch):
    async with players(dict, monkeypatch) as (short, _):
        session, url = short.session, short.server.url
        await short.warm()
        for number in range(KEPT + 10):
            await fetch(session, f"{url}/p?{number}", headers={f"X-{number}": "1"})
        assert all(short.began)
        shortcut = session._shortcut
        assert 0 < len(shortcut._places) <= KEPT
        assert 0 < len(shortcut._templates) <= KEPT


async def test_values_are_not_kept(monkeypatch):
    """Heads that differ in values only, params or the length of the body have one template."""
    async with players(dict, monkeypatch) as (short, _):
        session, url = short.session, short.server.url
        await short.warm()
        for number in range(50):
            given = {"headers": {"X": str(number)}, "params": {"page": number}}
            await fetch(session, url + "/p", "POST", json="j" * number, **given)
            assert short.server.heard[-1].startswith(b"POST /p?page=%d HTTP" % number)
            assert b"\r\nX: %d\r\n" % number in short.server.heard[-1]
        assert all(short.began)
        assert len(session._shortcut._templates) == 1
        assert len(session._shortcut._places) == 1


@pytest.mark.parametrize("options", [{"data": LONG}, {"json": LONG.decode()}])
async def test_body_that_is_too_long_for_the_short_way(monkeypatch, options):
    async with players(dict, monkeypatch) as (short, long):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            one = await short.play("POST", short.server.url + "/p", dict(options))
            assert [warning.category for warning in caught] == [ResourceWarning]
            assert one == await long.play("POST", short.server.url + "/p", dict(options))
        assert short.began == [False]


async def test_response_is_free_of_the_body(monkeypatch):
    """What was sent is not held by it."""
    async with players(dict, monkeypatch) as (short, _):
        await short.warm()
        body = bytearray(b"x" * 100_000)
        async with short.session.post(short.server.url + "/p", data=body) as response:
            await response.read()
            assert short.began == [True]
            holders = [held for held in gc.get_referrers(body) if type(held) is dict]
            assert not holders
            assert response.request_info.headers["Content-Length"] == "100000"


async def test_where_a_response_was_made(monkeypatch, loop):
    loop.set_debug(True)
    async with players(dict, monkeypatch) as played:
        # Who listens is a frame more.
        monkeypatch.undo()
        for player in played:
            await player.warm()
            response = await player.session.post(player.server.url + "/p", json=1)
            assert (response._filled is not None) is (player is played[0])
            assert __file__ in [frame.filename for frame in response._source_traceback]
            assert response._made_at[0].co_filename == __file__
            response.release()


async def test_end_of_a_connection_that_nobody_knows_of(server, session):
    """It has ended, and no poll has said so: the request goes over another, with its body."""
    serving = asyncio.ensure_future(server.answers(OK))
    assert await fetch(session, server.url) == (200, b"ok")
    wire, _ = await serving
    wire.close()
    serving = asyncio.ensure_future(server.answers(OK))
    assert await fetch(session, server.url, "POST", json=[1]) == (200, b"ok")
    _, (request,) = await serving
    assert request.body == b"[1]"


async def test_total_is_over_while_the_head_is_awaited(server, session):
    serving = asyncio.ensure_future(server.answers(OK))
    assert await fetch(session, server.url) == (200, b"ok")
    wire, _ = await serving
    for options in ({"timeout": 0.01}, {"timeout": http.ClientTimeout(sock_read=0.01)}):
        asking = asyncio.ensure_future(session.post(server.url, json=1, **options))
        wire = wire if wire is not None else await server.accept()
        await wire.request()
        with pytest.raises(TimeoutError):
            await asking
        assert await wire.is_closed()
        wire = None
    assert (await settled(session.connector))["leased"] == 0


async def test_redirect_to_another_origin_gets_no_secrets(server, session, loop):
    serving = asyncio.ensure_future(server.answers(OK))
    assert await fetch(session, server.url) == (200, b"ok")
    wire, _ = await serving
    there = server.named("localhost") + "there"
    headers = {"Authorization": "secret", "X": "y"}
    asking = asyncio.ensure_future(fetch(session, server.url, "POST", json=1, headers=headers))
    assert (await wire.request()).all("Authorization") == ["secret"]
    wire.send(answer(b"", f"Location: {there}", status="307 Moved"))
    _, (request,) = await server.answers(OK)
    assert await asking == (200, b"ok")
    assert (request.all("Authorization"), request.all("X")) == ([], ["y"])
    assert request.body == b"1"


@pytest.mark.parametrize("path", ["/p", "/redirect/307", "/gone"])
@pytest.mark.parametrize(
    "options",
    [
        {"json": [1, 2]},
        {"data": b"d" * 300_000},
        {"data": "text", "headers": {"X": "y"}, "params": {"a": 1}, "timeout": 50},
    ],
    ids=["json", "large", "all"],
)
async def test_request_with_a_body_is_cancelled(path, options):
    """At every await: nothing is left, and the next request gets its own answer."""

    async def ask(session, url):
        try:
            return await fetch(session, url, "POST", **options)
        except http.ServerDisconnectedError:
            assert path == "/gone"

    async def operation(cut):
        server = await Recorder().start()
        async with http.ClientSession(connector=http.TCPConnector(limit=1)) as session:
            assert await fetch(session, server.url + "/before") == (200, b"ok")
            await cut(ask(session, server.url + path))
            stats = await settled(session.connector)
            assert stats["leased"] == stats["waiting"] == 0
            assert not session.connector._acquired
            assert await fetch(session, server.url + "/status/201") == (201, b"wrong")
        await polled()
        await server.close()

    await sweep(operation)
