"""New connections over TLS, the ways of dialling.py."""

import asyncio
import contextlib
import ssl

import pytest

from aioxide import http

from ..net.tls import contexts_of
from .dialling import NAME, Resolver, each_way, failure, known
from .test_cancelled import using
from .wire import settled

pytestmark = pytest.mark.usefixtures("loop")


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
    for going in each_way(monkeypatch):
        async with using(server_context, ssl=ssl.create_default_context()) as (server, session):
            going(session)
            server.url = server.named
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
        for going in each_way(monkeypatch):
            session = going(make_session(timeout=http.ClientTimeout(**{field: 0.001})))
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
    for going in each_way(monkeypatch):
        session = going(make_session())
        url = f"https://127.0.0.1:{server.port}/"
        failing = asyncio.ensure_future(failure(session.get(url)))
        wire = await server.accept()
        await wire.until(b"\x16\x03")
        wire.close()
        seen.append(await failing)
    assert seen[0] == seen[1] == seen[2]
