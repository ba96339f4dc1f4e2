"""TLS sessions that the next connection resumes, and those that it must not."""

import asyncio
import gc

import pytest

from aioxide import http
from aioxide._tls_sessions import PLACES, TlsSessions
from aioxide.http import _ssl

from ..net.tls import VERSIONS
from .test_tls import asked, client_context, make_server, server_context, tunnel  # noqa: F401
from .wire import OK, Server, fetch, settled


def reused(server):
    """Of each connection that the server has shaken hands on, whether it resumed a session."""
    return [wire.tls.session_reused for wire in server.wires]


async def visited(server, session, *arguments, **options):
    """One request of one connection, which the server then closes if the client wants that."""
    try:
        return await asked(server, session, *arguments, **options)
    finally:
        if session.connector.force_close:
            for wire in server.wires:
                wire.close()
            await settled(session.connector)


@pytest.fixture
def server(make_server, tls_authority):  # noqa: F811 - a fixture
    return make_server(server_context(tls_authority))


@pytest.fixture
def trusted(tls_authority, tmp_path, monkeypatch):
    """Have the default context trust the authority."""
    path = tmp_path / "authority.pem"
    tls_authority.cert_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    _ssl.context.cache_clear()
    yield
    _ssl.context.cache_clear()


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
async def test_the_next_connection_resumes(server, session_of, version):
    server.context.minimum_version = server.context.maximum_version = version
    session = session_of(ssl=False, force_close=True)
    for _ in range(3):
        assert await visited(server, session) == (200, b"ok")
    assert reused(server) == [False, True, True]


async def test_a_certificate_is_checked_once(server, session_of, trusted):
    session = session_of(force_close=True)
    for _ in range(2):
        assert await visited(server, session) == (200, b"ok")
    with pytest.raises(http.ClientConnectorCertificateError, match="127.0.0.1"):
        await visited(server, session, server.url.replace("localhost", "127.0.0.1"))
    assert reused(server)[:2] == [False, True]
    assert not any(reused(server)[2:])


async def test_a_connection_beside_the_first_resumes(server, session_of):
    session = session_of(ssl=False)
    assert await visited(server, session) == (200, b"ok")
    first = server.wires[0]
    taken = asyncio.ensure_future(fetch(session, server.url))
    await first.request()
    assert await visited(server, session) == (200, b"ok")
    await first.sendall(OK)
    assert await taken == (200, b"ok")
    assert reused(server) == [False, True]


@pytest.mark.parametrize("resume_tls", [None, True, False])
async def test_a_context_of_the_programs(server, session_of, tls_authority, resume_tls):
    """It may be given another certificate of the client, which a session would not show."""
    session = session_of(ssl=client_context(tls_authority), force_close=True, resume_tls=resume_tls)
    for _ in range(2):
        assert await visited(server, session) == (200, b"ok")
    assert reused(server) == [False, resume_tls is True]


async def test_none_is_resumed(server, session_of):
    session = session_of(ssl=False, force_close=True, resume_tls=False)
    for _ in range(2):
        assert await visited(server, session) == (200, b"ok")
    assert reused(server) == [False, False]


async def test_a_refused_certificate_leaves_nothing(server, session_of):
    session = session_of(force_close=True)
    for _ in range(2):
        with pytest.raises(http.ClientConnectorCertificateError):
            await visited(server, session)
    assert reused(server) == [False, False]


async def test_an_unchecked_session_is_not_for_who_checks(server, session_of):
    session = session_of(force_close=True)
    for _ in range(2):
        assert await visited(server, session, ssl=False) == (200, b"ok")
    with pytest.raises(http.ClientConnectorCertificateError):
        await visited(server, session)
    assert reused(server) == [False, True, False]


@pytest.mark.parametrize("right", [True, False])
async def test_a_fingerprint_is_compared_each_time(server, session_of, right):
    session = session_of(force_close=True)
    with pytest.raises(http.ServerFingerprintMismatch) as caught:
        await visited(server, session, ssl=http.Fingerprint(bytes(32)))
    fingerprint = http.Fingerprint(caught.value.got if right else caught.value.expected)
    for _ in range(2):
        if right:
            assert await visited(server, session, ssl=fingerprint) == (200, b"ok")
        else:
            with pytest.raises(http.ServerFingerprintMismatch):
                await visited(server, session, ssl=fingerprint)
    # The certificate of a session that is resumed is that of its beginning. Who is refused is left
    # before there is a session.
    assert reused(server) == [False, False, right]


async def test_another_name_is_another_place(server, session_of):
    session = session_of(ssl=False, force_close=True)
    for name in (None, "other", "other", None):
        assert await visited(server, session, server_hostname=name) == (200, b"ok")
    assert reused(server) == [False, False, True, True]


async def test_a_server_that_has_forgotten(server, session_of, tls_authority):
    session = session_of(ssl=False, force_close=True)
    assert await visited(server, session) == (200, b"ok")
    server.context = server_context(tls_authority)
    for _ in range(2):
        assert await visited(server, session) == (200, b"ok")
    assert reused(server) == [False, False, True]


async def hung_up(server, session):
    """A request whose server ends the handshake before it has begun."""

    async def hang_up():
        sock, _ = await server.loop.sock_accept(server.sock)
        sock.close()

    _, failed = await asyncio.gather(
        hang_up(), fetch(session, server.url, "POST"), return_exceptions=True
    )
    assert isinstance(failed, http.ClientConnectionError)


async def test_after_a_handshake_that_failed_all_is_proved_again(server, session_of):
    session = session_of(ssl=False, force_close=True)
    assert await visited(server, session) == (200, b"ok")
    await hung_up(server, session)
    for _ in range(2):
        assert await visited(server, session) == (200, b"ok")
    assert reused(server) == [False, False, True]


async def test_a_server_that_cannot_resume_is_asked_twice(server, session_of):
    session = session_of(ssl=False, force_close=True)
    for _ in range(2):
        assert await visited(server, session) == (200, b"ok")
        await hung_up(server, session)
    for _ in range(3):
        assert await visited(server, session) == (200, b"ok")
    assert reused(server) == [False] * 5


async def test_two_failures_apart_are_not_the_servers_fault(server, session_of):
    session = session_of(ssl=False, force_close=True)
    for _ in range(3):
        for _ in range(2):
            assert await visited(server, session) == (200, b"ok")
        await hung_up(server, session)
    assert reused(server) == [False, True] * 3


async def test_connectors_share_nothing(server, session_of):
    for _ in range(2):
        session = session_of(ssl=False, force_close=True)
        assert await visited(server, session) == (200, b"ok")
        await session.close()
        assert not session._connector
    assert reused(server) == [False, False]


async def test_inside_a_tunnel(session_of, loop, tls_authority):
    session = session_of(ssl=False, force_close=True)
    theirs = server_context(tls_authority)
    proxy = Server(loop)
    inside = []
    for _ in range(2):
        asking = asyncio.ensure_future(fetch(session, "https://localhost:444/", proxy=proxy.url))
        _, inner = await tunnel(await proxy.accept(), theirs)
        inside.append(inner.tls.session_reused)
        await inner.request()
        await inner.sendall(OK)
        assert await asking == (200, b"ok")
        inner.close()
    proxy.close()
    assert inside == [False, True]


def test_only_so_many_places_are_remembered():
    sessions = TlsSessions()
    first = sessions._of(0)
    for place in range(1, PLACES):
        sessions._of(place)
    assert sessions._of(0) is first
    sessions._of(PLACES)
    assert sessions._of(0) is not first
    assert len(sessions._left) == PLACES


async def test_connections_that_are_over_are_not_kept(server, session_of):
    session = session_of(ssl=False, force_close=True)
    assert await visited(server, session) == (200, b"ok")
    await visited(server, session)
    gc.collect()
    (left,) = session.connector._tls_sessions._left.values()
    assert left.session is not None
    assert left.newest() is None
