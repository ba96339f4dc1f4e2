"""New connections: those that are made natively are, to everybody who looks, those that the loop's
own methods make.

Each test runs three ways: on the short way, where a request is handed to a connection that is not
there yet; on the long one, which awaits a native connection; and on the long one by the loop's own
`sock_connect()` and `create_connection()`, which are the control.
"""

import asyncio
import contextlib
import errno
import socket
import ssl
from unittest import mock

import pytest

from aioxide import _aioxide, http
from aioxide.http import _dialled, _untouched

from ..net.peer import polled
from ..net.tls import contexts_of
from .test_cancelled import right, sweep, using
from .two_ways import told
from .wire import OK, answer, both, fetch, settled

pytestmark = pytest.mark.usefixtures("loop")
WAYS = ("short", "long", "asyncio")
NAME = "some.test"


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """How the sessions of a test connect."""
    if request.param == "asyncio":
        monkeypatch.setattr(_untouched, "may_dial", lambda connector: False)
    return request.param


@pytest.fixture
def session_of(way, make_session):
    """Make a session that goes one way: `session = session_of(**options of the connector)`."""

    def make(timeout=None, **options):
        connector = http.TCPConnector(**options)
        session = make_session(connector=connector, **({"timeout": timeout} if timeout else {}))
        if way != "short":
            session._shortcut = None
        return session

    return make


class Resolver(http.AbstractResolver):
    """Answers with addresses that are given."""

    def __init__(self, *addresses):
        self.addresses = addresses

    async def resolve(self, host, port=0, family=socket.AF_INET):
        return [
            {
                "hostname": host,
                "host": address,
                "port": port if own is None else own,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": 0,
                "flags": 0,
            }
            for address, own in self.addresses
        ]

    async def close(self):
        pass


async def known(connector, port=80):
    """A connector that knows the addresses of the name: then the short way is open."""
    await connector._resolve_host(NAME, port)


def free_port():
    """A port that nobody listens on. It is not given away while its socket is bound."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock, sock.getsockname()[1]


@pytest.fixture
def nobody():
    """A port that refuses connections."""
    sock, port = free_port()
    yield port
    sock.close()


@pytest.fixture
def silent(loop):
    """The port of a server that answers no more: connecting to it goes on for long."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(("127.0.0.1", port))
        yield port


def watched(loop):
    """Whether the loop holds transports or connections on their way."""
    return len(loop._open_transports())


async def failure(awaitable):
    """What a request raises, with all that it says."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 - what it is, the test compares
        await awaitable
    error = raised.value
    system = getattr(error, "os_error", error.__cause__)
    return (
        told(error),
        getattr(error, "errno", None),
        getattr(error, "strerror", None),
        getattr(error, "host", None),
        getattr(error, "port", None),
        getattr(error, "ssl", None),
        type(system),
        str(system),
        getattr(system, "errno", None),
    )


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
    for way in WAYS:
        with monkeypatch.context() as patched:
            session = make_session()
            if way != "short":
                session._shortcut = None
            if way == "asyncio":
                patched.setattr(_untouched, "may_dial", lambda connector: False)
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
    for way in WAYS:
        with monkeypatch.context() as patched:
            resolver = Resolver(*((host, nobody) for host in hosts))
            connector = http.TCPConnector(resolver=resolver, happy_eyeballs_delay=delay)
            session = make_session(connector=connector)
            await known(connector)
            if way != "short":
                session._shortcut = None
            if way == "asyncio":
                patched.setattr(_untouched, "may_dial", lambda connector: False)
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
    for way in WAYS:
        with monkeypatch.context() as patched:
            session = make_session(timeout=http.ClientTimeout(**limits))
            if way != "short":
                session._shortcut = None
            if way == "asyncio":
                patched.setattr(_untouched, "may_dial", lambda connector: False)
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


# What is left to the loop.


async def test_replaced_methods_are_called(server, make_session, loop):
    """Of sockets, of the loop, of the connector and of its cache: on the classes, or on the
    objects."""
    called = []

    def noted(holder, name):
        original = getattr(holder, name)

        def method(*arguments, **options):
            called.append(name)
            return original(*arguments, **options)

        return method

    session = make_session(connector=http.TCPConnector(force_close=True))
    connector = session.connector
    cases = [
        (socket.socket, "connect"),
        (socket.socket, "setblocking"),
        (type(loop), "sock_connect"),
        (asyncio.BaseEventLoop, "create_connection"),
        (loop, "sock_connect"),
        (loop, "create_connection"),
        (http.TCPConnector, "_wrap_create_connection"),
        (http.TCPConnector, "_resolve_host"),
        (connector, "_create_connection"),
        (connector, "_wrap_create_connection"),
        (connector, "_resolve_host"),
        (connector, "_factory"),
        (connector, "connect"),
    ]
    for holder, name in cases:
        called.clear()
        with mock.patch.object(holder, name, noted(holder, name)):
            serving = asyncio.ensure_future(server.answers(OK))
            assert await fetch(session, server.url) == (200, b"ok")
            await serving
        assert called, (holder, name)
        # And then it is native again.
        called.clear()
        serving = asyncio.ensure_future(server.answers(OK))
        response = await session.get(server.url)
        assert response._filled is not None
        assert await response.read() == b"ok"
        await serving
        assert not called


async def test_socket_class_of_the_program_is_used(server, make_session, monkeypatch):
    """As packages do that forbid connections, or lead them through a proxy."""
    made = []

    class Socket(socket.socket):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            made.append(self)

    session = make_session()
    monkeypatch.setattr(socket, "socket", Socket)
    serving = asyncio.ensure_future(server.answers(OK))
    assert await fetch(session, server.url) == (200, b"ok")
    await serving
    assert len(made) >= 1


@pytest.mark.parametrize("option", ["local_addr", "socket_factory"])
async def test_options_of_the_socket_are_kept(server, make_session, option):
    made = []

    def factory(info):
        sock = socket.socket(*info[:3])
        sock.bind(("127.0.0.5", 0))
        made.append(sock)
        return sock

    value = ("127.0.0.5", 0) if option == "local_addr" else factory
    session = make_session(connector=http.TCPConnector(**{option: value}))
    request = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    assert wire.sock.getpeername()[0] == "127.0.0.5"
    await wire.request()
    await wire.sendall(OK)
    assert await request == (200, b"ok")
    assert len(made) == (option == "socket_factory")


def test_audit_hooks_hear_of_connections(child):
    """A hook cannot be removed again: this needs a process of its own."""
    result = child(
        """
        import asyncio, sys
        import aioxide
        from aioxide import http

        heard = []

        async def main():
            async def handle(reader, writer):
                await reader.readuntil(b"\\r\\n\\r\\n")
                writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
                await writer.drain()
                writer.close()

            server = await asyncio.start_server(handle, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            connector = http.TCPConnector(force_close=True)
            async with server, http.ClientSession(connector=connector) as session:
                for round in range(2):
                    async with session.get(f"http://127.0.0.1:{port}/") as response:
                        assert await response.read() == b"ok"
                        print(response._filled is not None)
                    if round == 0:
                        sys.addaudithook(lambda event, _: heard.append(event))
            print(heard.count("socket.connect"), any("aioxide" in event for event in heard))

        aioxide.run(main())
        """
    )
    assert result.stdout.split() == ["True", "False", "1", "False"], result.stderr


@pytest.mark.parametrize("debug", [True, False])
async def test_debug_mode_is_asyncios(make_session, loop, debug):
    connector = make_session().connector
    loop.set_debug(debug)
    assert _untouched.may_dial(connector) is not debug
    assert _untouched.may_dial_at_once(connector) is not debug


async def test_connector_of_the_program_connects_in_its_own_way(server, loop):
    class Connector(http.TCPConnector):
        async def _wrap_create_connection(self, *arguments, addr_infos, **options):
            seen.extend(addr_infos)
            return await super()._wrap_create_connection(
                *arguments, addr_infos=addr_infos, **options
            )

    seen = []
    async with http.ClientSession(connector=Connector()) as session:
        serving = asyncio.ensure_future(server.answers(OK))
        assert await fetch(session, server.url) == (200, b"ok")
        await serving
    assert [info[4] for info in seen] == [("127.0.0.1", server.port)]


# Over TLS.


async def test_tls(way, make_session, tls_authority, loop):
    server_context, client_context = contexts_of(tls_authority)
    async with using(server_context, ssl=client_context) as (server, session):
        server.url = server.named
        if way != "short":
            session._shortcut = None
        await session.connector._resolve_host("localhost", int(server.url.rpartition(":")[2]))
        if way != "short":
            session._shortcut = None
        response = await session.get(server.url + "/large")
        assert (response._filled is not None) == (way == "short")
        transport = response.connection.transport
        assert transport.get_extra_info("sslcontext") is client_context
        assert transport.get_extra_info("peername")[1] == int(server.url.rpartition(":")[2])
        assert transport.get_extra_info("sockname")
        assert isinstance(transport.get_extra_info("ssl_object"), ssl.SSLObject)
        await response.read()


async def test_tls_failures_are_alike(monkeypatch, make_session, tls_authority, nobody):
    server_context, _ = contexts_of(tls_authority)
    seen = []
    for way in WAYS:
        with monkeypatch.context() as patched:
            async with using(server_context, ssl=ssl.create_default_context()) as (server, session):
                server.url = server.named
                if way != "short":
                    session._shortcut = None
                if way == "asyncio":
                    patched.setattr(_untouched, "may_dial", lambda connector: False)
                bad = await failure(session.get(server.url))
                refused = await failure(session.get(f"https://127.0.0.1:{nobody}/"))
                seen.append((bad[0][0], bad[6], refused))
                await session.close()
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0] is http.ClientConnectorCertificateError


async def test_tls_limits_are_alike(monkeypatch, make_session, server, silent):
    """Of a socket that is not connected, and of a server that does not shake hands."""
    for field, port in (
        ("sock_connect", silent),
        ("sock_connect", server.port),
        ("tls", server.port),
    ):
        seen = []
        for way in WAYS:
            with monkeypatch.context() as patched:
                session = make_session(timeout=http.ClientTimeout(**{field: 0.001}))
                if way != "short":
                    session._shortcut = None
                if way == "asyncio":
                    patched.setattr(_untouched, "may_dial", lambda connector: False)
                seen.append((await failure(session.get(f"https://127.0.0.1:{port}/")))[0][:2])
                assert (await settled(session.connector))["leased"] == 0
        assert seen[0] == seen[1] == seen[2]
        assert seen[0][0] is http.ConnectionTimeoutError


async def test_tls_over_several_addresses(way, tls_authority, nobody):
    """The first refuses, and the second's certificate is for another name."""
    server_context, client_context = contexts_of(tls_authority)
    resolver = Resolver(("127.0.0.1", nobody), ("127.0.0.1", None))
    async with using(server_context, ssl=client_context, resolver=resolver) as (server, session):
        port = int(server.url.rpartition(":")[2])
        await known(session.connector, port)
        await known(session.connector, port)
        if way != "short":
            session._shortcut = None
        with pytest.raises(http.ClientConnectorCertificateError) as raised:
            await session.get(f"https://{NAME}:{port}/")
        assert isinstance(raised.value.certificate_error, ssl.CertificateError)
        assert (await settled(session.connector))["leased"] == 0
        await session.close()


async def test_total_is_over_in_the_handshake(server, session_of):
    session = session_of(timeout=http.ClientTimeout(total=0.05))
    request = asyncio.ensure_future(session.get(f"https://127.0.0.1:{server.port}/"))
    wire = await server.accept()
    with pytest.raises(TimeoutError, match=r"^ClientTimeout\.total is over$"):
        await request
    with contextlib.suppress(ConnectionResetError):
        while await wire.recv():
            pass
    assert (await settled(session.connector))["leased"] == 0


@pytest.mark.parametrize("short", [True, False])
async def test_connector_closed_in_the_handshake(server, make_session, short):
    session = make_session()
    if not short:
        session._shortcut = None
    request = asyncio.ensure_future(session.get(f"https://127.0.0.1:{server.port}/"))
    wire = await server.accept()
    await wire.until(b"\x16\x03")
    await session.connector.close()
    with pytest.raises(http.ClientConnectionError, match=r"^Connector is closed\.$"):
        await request
    with contextlib.suppress(ConnectionResetError):
        while await wire.recv():
            pass


async def test_server_that_ends_the_handshake(monkeypatch, make_session, server):
    seen = []
    for way in WAYS:
        with monkeypatch.context() as patched:
            session = make_session()
            if way != "short":
                session._shortcut = None
            if way == "asyncio":
                patched.setattr(_untouched, "may_dial", lambda connector: False)
            url = f"https://127.0.0.1:{server.port}/"
            failing = asyncio.ensure_future(failure(session.get(url)))
            wire = await server.accept()
            await wire.until(b"\x16\x03")
            wire.close()
            seen.append(await failing)
    assert seen[0] == seen[1] == seen[2]


# The native connection by itself.


def where(host, port=80):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))


@pytest.mark.parametrize(
    "infos",
    [
        [],
        [where("fe80::1%lo")],
        [where("somewhere.test")],
        [where("127.1")],
        [where("127.0.0.1", 65536)],
        [where("127.0.0.1", -1)],
        [where("127.0.0.1", "80")],
        [where("127.0.0.1"), where("localhost")],
        [(2, 1, 6, "", None)],
        [None],
    ],
    ids=str,
)
async def test_addresses_that_python_has_to_understand(loop, infos):
    connection = _aioxide.HttpConnection(loop)
    assert connection.dial(infos) is False
    assert connection.dial_waiter() is None
    assert watched(loop) == 0


async def test_connection_is_dialled_once(loop, silent):
    connection = _aioxide.HttpConnection(loop)
    assert connection.dial([where("127.0.0.1", silent)])
    with pytest.raises(RuntimeError, match="dialled before"):
        connection.dial([where("127.0.0.1", silent)])
    assert not connection.is_connected()
    assert connection.transport is None
    connection.close()
    connection.close()
    with pytest.raises(RuntimeError, match="dialled before"):
        connection.dial([where("127.0.0.1", silent)])


async def test_aborted_while_connecting(loop, silent):
    connection = _aioxide.HttpConnection(loop)
    assert connection.dial([where("127.0.0.1", silent)], None, (loop.time() + 60, "connect", 60.0))
    connection.abort()
    assert connection.dial_waiter() is None


def test_loop_closed_while_connecting(silent):
    import aioxide

    loop = aioxide.new_event_loop()

    async def main():
        connection = _aioxide.HttpConnection(loop)
        assert connection.dial([where("127.0.0.1", silent), where("127.0.0.2", silent)], 60.0)
        return connection

    connection = loop.run_until_complete(main())
    loop.close()
    assert connection.dial_waiter() is None
    with pytest.raises(RuntimeError, match="closed"):
        _aioxide.HttpConnection(loop).dial([where("127.0.0.1", silent)])
