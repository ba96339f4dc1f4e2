"""Requests through a SOCKS5 proxy, which is played by hand."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl

import pytest
import trustme

from aioxide import http

from ..net.peer import polled
from .wire import OK, answer, fetch, settled

OPEN = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"


class Resolver(http.AbstractResolver):
    """Knows `server.example` by two addresses, and notes who asks."""

    def __init__(self, *addresses):
        self.addresses = addresses or ("192.0.2.1",)
        self.asked = []

    async def resolve(self, host, port=0, family=socket.AF_INET):
        self.asked.append(host)
        if host == "nowhere.example":
            raise OSError(None, "no such name")
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET,
                "proto": 0,
                "flags": 0,
            }
            for address in self.addresses
        ]

    async def close(self):
        pass


@pytest.fixture
def resolver():
    return Resolver()


@pytest.fixture
def session(loop, make_session, resolver):
    async def create():
        return http.TCPConnector(resolver=resolver)

    return make_session(connector=loop.run_until_complete(create()))


def proxy(server, scheme="socks5h", user=""):
    return f"{scheme}://{user}127.0.0.1:{server.port}"


async def greeted(server, methods=b"\x00", method=0):
    """Accept a connection, and answer its greeting."""
    wire = await server.accept()
    assert await wire.exactly(2 + len(methods)) == bytes([5, len(methods)]) + methods
    await wire.sendall(bytes([5, method]))
    return wire


async def asked(wire):
    """What the proxy is asked to reach: host and port."""
    version, command, zero, kind = await wire.exactly(4)
    assert (version, command, zero) == (5, 1, 0)
    if kind == 3:
        (length,) = await wire.exactly(1)
        host = (await wire.exactly(length)).decode()
    else:
        host = str(ipaddress.ip_address(await wire.exactly({1: 4, 4: 16}[kind])))
    return host, int.from_bytes(await wire.exactly(2), "big")


async def opened(server):
    """Let a connection through; the connection, and what it asked for."""
    wire = await greeted(server)
    where = await asked(wire)
    await wire.sendall(OPEN)
    return wire, where


async def test_proxy_looks_the_name_up(server, session, resolver):
    asking = asyncio.ensure_future(
        fetch(session, "http://server.example/path?x=1", proxy=proxy(server))
    )
    wire, where = await opened(server)
    assert where == ("server.example", 80)
    request = await wire.request()
    # The server does not know of the proxy: it is asked as if directly.
    assert request.target == "/path?x=1"
    assert request.all("Host") == ["server.example"]
    assert not request.all("Proxy-Authorization")
    await wire.sendall(OK)
    assert await asking == (200, b"ok")
    assert resolver.asked == []


async def test_this_machine_looks_the_name_up(server, session, resolver):
    asking = asyncio.ensure_future(
        fetch(session, "http://server.example:8080/", proxy=proxy(server, "socks5"))
    )
    wire, where = await opened(server)
    assert where == ("192.0.2.1", 8080)
    await wire.request()
    await wire.sendall(OK)
    assert await asking == (200, b"ok")
    assert resolver.asked == ["server.example"]


@pytest.mark.parametrize("host", ["192.0.2.7", "[2001:db8::7]"])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_address_is_asked_for_as_one(server, session, host, scheme):
    asking = asyncio.ensure_future(fetch(session, f"http://{host}/", proxy=proxy(server, scheme)))
    wire, where = await opened(server)
    assert where == (host.strip("[]"), 80)
    await wire.request()
    await wire.sendall(OK)
    assert await asking == (200, b"ok")


async def test_next_address_is_tried(server, session, resolver):
    resolver.addresses = ("192.0.2.1", "192.0.2.2")
    asking = asyncio.ensure_future(
        fetch(session, "http://server.example/", proxy=proxy(server, "socks5"))
    )
    wire = await greeted(server)
    assert await asked(wire) == ("192.0.2.1", 80)
    await wire.sendall(b"\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00")
    wire, where = await opened(server)
    assert where == ("192.0.2.2", 80)
    await wire.request()
    await wire.sendall(OK)
    assert await asking == (200, b"ok")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("how", ["url", "argument", "session"])
async def test_credentials(server, make_session, how):
    way = {"proxy": proxy(server, user="u%40ser:p%3Ass@" if how == "url" else "")}
    if how != "url":
        way["proxy_auth"] = http.BasicAuth("u@ser", "p:ss")
    session = make_session(**way if how == "session" else {})
    asking = asyncio.ensure_future(
        fetch(session, "http://server.example/", **way if how != "session" else {})
    )
    wire = await greeted(server, b"\x00\x02", 2)
    assert await wire.exactly(12) == b"\x01\x05u@ser\x04p:ss"
    await wire.sendall(b"\x01\x00")
    assert await asked(wire) == ("server.example", 80)
    await wire.sendall(OPEN)
    await wire.request()
    await wire.sendall(OK)
    assert await asking == (200, b"ok")


async def test_connection_is_used_again_for_its_host_only(server, session):
    way = proxy(server)
    asking = asyncio.ensure_future(fetch(session, "http://one.example/", proxy=way))
    wire, _ = await opened(server)
    await wire.request()
    await wire.sendall(OK)
    await asking
    asking = asyncio.ensure_future(fetch(session, "http://one.example/again", proxy=way))
    assert (await wire.request()).target == "/again"
    await wire.sendall(OK)
    await asking
    asking = asyncio.ensure_future(fetch(session, "http://two.example/", proxy=way))
    second, where = await opened(server)
    assert where == ("two.example", 80)
    await second.request()
    await second.sendall(OK)
    await asking


@pytest.mark.parametrize("trusted", [True, False])
async def test_encrypted(server, session, trusted, tls_authority):
    """The server's certificate is checked, through the proxy, by the server's name."""
    certificate = trustme.CA() if not trusted else tls_authority
    there = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.issue_cert("server.example").configure_cert(there)
    here = ssl.create_default_context()
    tls_authority.configure_trust(here)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secret = there.wrap_bio(incoming, outgoing, server_side=True)

    async def step(call, *arguments):
        while True:
            try:
                return call(*arguments)
            except ssl.SSLWantReadError:
                pass
            finally:
                if data := outgoing.read():
                    await wire.sendall(data)
            data = await wire.recv()
            if not data:
                raise ConnectionResetError
            incoming.write(data)

    asking = asyncio.ensure_future(
        fetch(session, "https://server.example/", proxy=proxy(server), ssl=here)
    )
    wire, where = await opened(server)
    assert where == ("server.example", 443)
    if not trusted:
        with pytest.raises(http.ClientConnectorCertificateError):
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                await step(secret.do_handshake)
            await asking
        return
    await step(secret.do_handshake)
    assert (await step(secret.read, 65536)).startswith(
        b"GET / HTTP/1.1\r\nHost: server.example\r\n"
    )
    secret.write(OK)
    await wire.sendall(outgoing.read())
    assert await asking == (200, b"ok")


REFUSALS = [
    (b"\x05\xff", "none of the ways to authenticate"),
    (b"\x05\x02", "way 2 to authenticate, which was not offered"),
    (b"\x04\x00", "does not speak SOCKS5"),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak SOCKS5"),
    (b"", "closed the connection"),
    (b"\x05\x00\x05\x05\x00\x01", "connection refused"),
    (b"\x05\x00\x05\x02\x00\x01", "rules do not allow it"),
    (b"\x05\x00\x05\x00\x00\x09", "address of kind 9"),
    (b"\x05\x00" + OPEN[:-1], "closed the connection"),
    (b"\x05\x00" + OPEN + b"HTTP/1.1 200 OK\r\n", "more than its answers"),
]


async def test_proxy_whose_name_is_unknown(session, resolver):
    with pytest.raises(http.ClientProxyConnectionError, match="no such name"):
        await session.get("http://server.example/", proxy="socks5h://nowhere.example:1080")
    assert resolver.asked == ["nowhere.example"]


@pytest.mark.parametrize(("said", "text"), REFUSALS)
async def test_proxy_that_refuses(server, session, said, text):
    """The error says so, and names where the way was to lead."""
    asking = asyncio.ensure_future(fetch(session, "http://server.example/", proxy=proxy(server)))
    wire = await server.accept()
    await wire.exactly(3)
    # The client may hang up as soon as it has seen enough.
    with contextlib.suppress(OSError):
        for at in range(0, len(said), 2):
            await wire.sendall(said[at : at + 2])
            await polled(1)
        wire.shutdown()
    with pytest.raises(http.ClientProxyConnectionError, match=text) as raised:
        await asking
    assert "server.example:80" in str(raised.value)
    stats = await settled(session.connector)
    assert (stats["idle"], stats["leased"]) == (0, 0)


async def test_proxy_that_is_not_there(session):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    with pytest.raises(http.ClientProxyConnectionError, match="Connect"):
        await session.get("http://server.example/", proxy=f"socks5h://127.0.0.1:{port}")


async def test_name_that_is_not_there(server, session):
    with pytest.raises(http.ClientConnectorDNSError):
        await session.get("http://nowhere.example/", proxy=proxy(server, "socks5"))


@pytest.mark.parametrize("field", ["sock_connect", "connect", "total"])
async def test_silent_proxy(server, session, field):
    with pytest.raises(asyncio.TimeoutError):
        await session.get(
            "http://server.example/",
            proxy=proxy(server),
            timeout=http.ClientTimeout(**{field: 0.05}),
        )
    wire = await server.accept()
    await wire.exactly(3)
    assert await wire.is_closed()
    assert (await settled(session.connector))["leased"] == 0


@pytest.mark.parametrize("steps", range(6))
async def test_cancelled_at_any_step(server, session, steps):
    asking = asyncio.ensure_future(fetch(session, "http://server.example/", proxy=proxy(server)))
    wire = await server.accept()
    await wire.exactly(3)
    script = b"\x05\x00" + OPEN
    await wire.sendall(script[: [0, 1, 2, 5, 11, 12][steps]])
    await polled(2)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await wire.recv_all()
    stats = await settled(session.connector)
    assert (stats["idle"], stats["leased"]) == (0, 0)


async def test_environment(server, make_session, monkeypatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", proxy(server, user="me:secret@"))
    session = make_session(trust_env=True)
    asking = asyncio.ensure_future(fetch(session, "http://server.example/"))
    wire = await greeted(server, b"\x00\x02", 2)
    assert await wire.exactly(11) == b"\x01\x02me\x06secret"
    await wire.sendall(b"\x01\x00")
    await asked(wire)
    await wire.sendall(OPEN)
    await wire.request()
    await wire.sendall(OK)
    assert await asking == (200, b"ok")


@pytest.mark.parametrize("scheme", ["socks", "socks4", "socks4a"])
async def test_other_kinds_are_refused_by_name(server, session, scheme):
    with pytest.raises(ValueError, match=f"{scheme}.*socks5h"):
        await session.get("http://server.example/", proxy=proxy(server, scheme))


@pytest.mark.parametrize("user", ["a" * 256 + ":b@", "a@", ":b@"])
async def test_credentials_that_have_no_room(server, session, user):
    with pytest.raises(ValueError, match="1 to 255 bytes"):
        await session.get("http://server.example/", proxy=proxy(server, user=user))


async def test_redirect_goes_through_the_proxy(server, session):
    asking = asyncio.ensure_future(fetch(session, "http://one.example/", proxy=proxy(server)))
    wire, _ = await opened(server)
    await wire.request()
    await wire.sendall(answer(b"", "Location: http://two.example/", status="302 Found"))
    second, where = await opened(server)
    assert where == ("two.example", 80)
    await second.request()
    await second.sendall(OK)
    assert await asking == (200, b"ok")
