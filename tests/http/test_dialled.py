"""New connections: those that are made natively are, to everybody who looks, those that the loop's
own methods make. See dialling.py for the ways that each test goes.
"""

import asyncio
import errno
import socket

import pytest

from aioxide import _aioxide, http
from aioxide.http import _dialled, _untouched

from ..net.peer import polled
from ..net.tls import contexts_of
from .dialling import NAME, Resolver, each_way, failure, known
from .test_cancelled import right, sweep, using
from .wire import OK, answer, both, fetch, settled

pytestmark = pytest.mark.usefixtures("loop")


def test_ways_are_the_ways_that_they_are_called(loop, server, monkeypatch):
    """The others would show nothing if all were one."""

    async def main():
        awaited = []
        connected = _dialled.connected

        async def noted(*arguments, **options):
            awaited.append("long")
            return await connected(*arguments, **options)

        monkeypatch.setattr(_dialled, "connected", noted)
        for may, shortcut, expected in (
            (True, True, []),
            (True, False, ["long"]),
            (False, False, []),
        ):
            with monkeypatch.context() as patched:
                if not may:
                    patched.setattr(_untouched, "may_dial", lambda connector: False)
                awaited.clear()
                async with http.ClientSession() as session:
                    if not shortcut:
                        session._shortcut = None
                    serving = asyncio.ensure_future(server.answers(OK))
                    response = await session.get(server.url)
                    assert response._filled is not None if shortcut else response._filled is None
                    assert await response.read() == b"ok"
                    await serving
                assert awaited == expected

    loop.run_until_complete(main())


async def test_request_and_the_next_over_the_same_connection(server, session_of):
    session = session_of()
    serving = asyncio.ensure_future(server.answers(OK, answer(b"two")))
    assert await fetch(session, server.url) == (200, b"ok")
    assert await fetch(session, server.url, "POST", json=[1]) == (200, b"two")
    _, (first, second) = await serving
    assert (first.method, second.method, second.body) == ("GET", "POST", b"[1]")
    stats = await settled(session.connector)
    assert (stats["connects"], stats["reused"], stats["idle"]) == (1, 1, 1)
    assert server.nobody_waits()


async def test_body_goes_out_with_the_head(server, session_of):
    session = session_of()
    serving = asyncio.ensure_future(server.answers(OK))
    data = bytes(range(256)) * 2000
    assert await fetch(session, server.url, "PUT", data=data) == (200, b"ok")
    _, (request,) = await serving
    assert request.body == data


async def test_refused(session_of, nobody):
    session = session_of()
    found = await failure(session.get(f"http://127.0.0.1:{nobody}/"))
    kind, text, *_ = found[0]
    assert kind is http.ClientConnectorError
    assert f"Connect call failed ('127.0.0.1', {nobody})" in text
    assert found[1] == errno.ECONNREFUSED
    assert found[3:7] == ("127.0.0.1", nobody, True, ConnectionRefusedError)
    stats = await settled(session.connector)
    assert (stats["leased"], stats["idle"], stats["connects"]) == (0, 0, 1)
    assert not session.connector._acquired


@pytest.mark.parametrize("host", ["[::1]", "255.255.255.255", "0.0.0.0"])
async def test_what_cannot_be_connected_fails_alike(monkeypatch, make_session, nobody, host):
    """Some of these the kernel refuses at once."""
    seen = []
    for going in each_way(monkeypatch):
        session = going(make_session())
        seen.append(await failure(session.get(f"http://{host}:{nobody}/")))
        assert (await settled(session.connector))["leased"] == 0
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0][0] is http.ClientConnectorError


async def test_first_address_refuses_and_the_second_answers(server, session_of, nobody):
    addresses = (("127.0.0.1", nobody), ("127.0.0.1", None))
    session = session_of(resolver=Resolver(*addresses))
    await known(session.connector, server.port)
    # The cache gives the other one first each time.
    await known(session.connector, server.port)
    for _ in range(2):
        serving = asyncio.ensure_future(server.answers(answer(b"ok", "Connection: close")))
        assert await fetch(session, server.named(NAME)) == (200, b"ok")
        wire, _ = await serving
        assert await wire.is_closed()
    stats = await settled(session.connector)
    assert (stats["connects"], stats["idle"]) == (2, 0)


@pytest.mark.parametrize("delay", [0.25, None])
@pytest.mark.parametrize(
    "hosts",
    [
        ("127.0.0.1", "127.0.0.2"),
        ("127.0.0.1", "::1"),
        ("::1", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.2", "127.0.0.3"),
        ("255.255.255.255", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.2", "::1"),
    ],
    ids="+".join,
)
async def test_all_addresses_refuse_alike(monkeypatch, make_session, nobody, hosts, delay):
    seen = []
    for going in each_way(monkeypatch):
        resolver = Resolver(*((host, nobody) for host in hosts))
        connector = http.TCPConnector(resolver=resolver, happy_eyeballs_delay=delay)
        session = going(make_session(connector=connector))
        await known(connector)
        seen.append(await failure(session.get(f"http://{NAME}/")))
        assert (await settled(connector))["leased"] == 0
        assert not connector._acquired
    assert seen[0] == seen[1] == seen[2]


async def test_next_address_is_tried_beside_one_that_hangs(server, session_of, silent, loop):
    addresses = (("127.0.0.1", silent), ("127.0.0.1", None))
    session = session_of(resolver=Resolver(*addresses), happy_eyeballs_delay=0.001)
    await known(session.connector, server.port)
    await known(session.connector, server.port)
    serving = asyncio.ensure_future(server.answers(OK))
    assert await fetch(session, server.named(NAME)) == (200, b"ok")
    await serving
    assert (await settled(session.connector))["idle"] == 1


async def test_cancelled_while_connecting(session_of, silent):
    session = session_of(limit=1)
    request = asyncio.ensure_future(fetch(session, f"http://127.0.0.1:{silent}/"))
    await polled()
    assert session.connector.stats()["leased"] == 1
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert session.connector.stats()["leased"] == 0
    assert not session.connector._acquired


async def test_cancelled_at_each_await(way, server):
    async def operation(cut):
        async with using() as (server, session):
            if way != "short":
                session._shortcut = None
            await cut(right(session, server.url, "/cut"))

    await sweep(operation)


async def test_cancelled_at_each_await_with_an_address_that_refuses(way, nobody):
    async def operation(cut):
        async with using(resolver=Resolver(("127.0.0.1", nobody), ("127.0.0.1", None))) as used:
            server, session = used
            port = int(server.url.rpartition(":")[2])
            await known(session.connector, port)
            await known(session.connector, port)
            if way != "short":
                session._shortcut = None
            await cut(right(session, f"http://{NAME}:{port}", "/cut"))

    await sweep(operation)


async def test_cancelled_at_each_await_over_tls(way, tls_authority):
    server_context, client_context = contexts_of(tls_authority)

    async def operation(cut):
        async with using(server_context, ssl=client_context) as (server, session):
            server.url = server.named
            if way != "short":
                session._shortcut = None
            await cut(right(session, server.url, "/cut"))

    await sweep(operation)


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        ({"sock_connect": 0.001}, http.ConnectionTimeoutError),
        ({"connect": 0.001}, http.ConnectionTimeoutError),
        ({"connect": 0.001, "sock_connect": 60}, http.ConnectionTimeoutError),
        ({"connect": 60, "sock_connect": 0.001}, http.ConnectionTimeoutError),
        ({"total": 0.001}, TimeoutError),
        ({"total": 0.001, "sock_connect": 60}, TimeoutError),
    ],
    ids=str,
)
async def test_limits_are_told_alike(monkeypatch, make_session, silent, limits, kind):
    seen = []
    for going in each_way(monkeypatch):
        session = going(make_session(timeout=http.ClientTimeout(**limits)))
        url = f"http://127.0.0.1:{silent}/path#fragment"
        seen.append((await failure(session.get(url)))[0][:2])
        stats = await settled(session.connector)
        assert stats["leased"] == 0
        assert not session.connector._acquired
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0] is kind


async def test_limit_of_each_round_of_addresses(session_of, silent):
    """Two addresses of a family are two rounds, and the last says what is raised."""
    session = session_of(
        resolver=Resolver(("127.0.0.1", silent), ("127.0.0.1", silent)),
        timeout=http.ClientTimeout(sock_connect=0.001),
    )
    await known(session.connector)
    kind, text, *_ = (await failure(session.get(f"http://{NAME}/")))[0]
    assert kind is http.ConnectionTimeoutError
    assert text.endswith("ClientTimeout.sock_connect of 0.001 s is over")


async def test_limit_of_connections_is_kept(server, session_of):
    session = session_of(limit=1)
    first = asyncio.ensure_future(fetch(session, server.url))
    second = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await wire.request()
    await polled()
    assert server.nobody_waits()
    assert session.connector.stats()["waiting"] == 1
    await wire.sendall(answer(b"one", "Connection: close"))
    assert await first == (200, b"one")
    await server.answers(answer(b"two"))
    assert await second == (200, b"two")


async def test_place_of_one_that_fails_goes_to_who_waits(server, session_of, nobody):
    session = session_of(limit=1)
    bad, good = (
        asyncio.ensure_future(fetch(session, url))
        for url in (f"http://127.0.0.1:{nobody}/", server.url)
    )
    await server.answers(OK)
    error, response = await both(bad, good)
    assert isinstance(error, http.ClientConnectorError)
    assert response == (200, b"ok")


async def test_newcomer_does_not_overtake(server, session_of):
    """A place that is given to one who waits is no other's, though nobody has it yet."""
    session = session_of(limit=1)
    first = asyncio.ensure_future(fetch(session, server.url + "1"))
    wire = await server.accept()
    await wire.request()
    second = asyncio.ensure_future(fetch(session, server.url + "2"))
    await polled()
    await wire.sendall(answer(b"", "Connection: close"))
    await first
    third = asyncio.ensure_future(fetch(session, server.url + "3"))
    wire, (request,) = await server.answers(answer(b"", "Connection: close"))
    assert request.target == "/2"
    await second
    await server.answers(OK)
    assert await third == (200, b"ok")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("short", [True, False])
async def test_connector_closed_while_connecting(make_session, silent, scheme, short):
    session = make_session()
    if not short:
        session._shortcut = None
    request = asyncio.ensure_future(session.get(f"{scheme}://127.0.0.1:{silent}/"))
    await polled()
    await session.connector.close()
    with pytest.raises(http.ClientConnectionError, match=r"^Connector is closed\.$") as raised:
        await request
    assert type(raised.value) is http.ClientConnectionError
    assert not session.connector._acquired


async def test_connection_that_ends_before_the_head_is_tried_again(server, session_of):
    session = session_of()
    request = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await wire.request()
    wire.close()
    await server.answers(OK)
    assert await request == (200, b"ok")
    request = asyncio.ensure_future(fetch(session, server.url, "POST", data=b"x"))
    server.wires[-1].close()
    await polled()
    wire = await server.accept()
    await wire.request()
    wire.close()
    with pytest.raises(http.ServerDisconnectedError):
        await request


async def test_redirect_from_a_new_connection(server, session_of):
    session = session_of()
    request = asyncio.ensure_future(fetch(session, server.url))
    moved = answer(b"", "Location: /next", status="302 Found")
    _, requests = await server.answers(moved, OK)
    assert await request == (200, b"ok")
    assert [request.target for request in requests] == ["/", "/next"]


async def test_connection_tells_its_names(server, session_of):
    session = session_of()
    request = asyncio.ensure_future(session.get(server.url))
    wire = await server.accept()
    await wire.request()
    await wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
    response = await request
    transport = response.connection.transport
    assert transport.get_extra_info("peername") == ("127.0.0.1", server.port)
    assert transport.get_extra_info("sockname") == wire.sock.getpeername()
    sock = transport.get_extra_info("socket")
    assert sock.getsockname() == wire.sock.getpeername()
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert transport.get_extra_info("nothing", 5) == 5
    await wire.sendall(b"ok")
    assert await response.read() == b"ok"


@pytest.mark.parametrize("asked", [True, False])
async def test_names_are_known_after_the_end(server, session_of, asked):
    session = session_of()
    request = asyncio.ensure_future(session.get(server.url))
    wire = await server.accept()
    await wire.request()
    name = wire.sock.getpeername()
    await wire.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n")
    response = await request
    transport = response.connection.transport
    if asked:
        assert transport.get_extra_info("sockname") == name
    await wire.sendall(b"ok")
    await response.read()
    while not transport.is_closing():
        await polled()
    assert await wire.is_closed()
    assert transport.get_extra_info("sockname") == name
    assert transport.get_extra_info("peername") == ("127.0.0.1", server.port)


async def test_name_of_a_peer_that_the_kernel_chose(server, session_of):
    session = session_of()
    request = asyncio.ensure_future(session.get(f"http://0.0.0.0:{server.port}/"))
    wire = await server.accept()
    await wire.request()
    await wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
    response = await request
    peer = response.connection.transport.get_extra_info("peername")
    assert peer == ("127.0.0.1", server.port)
    response.close()


async def test_silence_counts_from_the_connection_on(loop, silent):
    """A limit of silence is no limit of connecting."""
    connection = _aioxide.HttpConnection(loop)
    where = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", silent))
    assert connection.dial([where])
    exchange = connection.begin("GET", [b"GET / HTTP/1.1\r\n\r\n"], _aioxide.ResponseSettings())
    exchange.set_read_timeout(1e-9)
    head = exchange.head_waiter()
    for _ in range(3):
        exchange._silent()
    assert not head.done()
    connection.close()
    with pytest.raises(http.ClientConnectionError, match="Connector is closed"):
        await head
