"""HTTP over TLS: which certificates are refused and how, and which versions are spoken."""

import asyncio
import contextlib
import datetime
import hashlib
import socket
import ssl

import pytest

from aioxide import http

from ..net.tls import VERSIONS, TlsPeer, contexts_of
from .wire import OK, Server, Wire, fetch, settled


class TlsWire(TlsPeer, Wire):
    """A connection that a client has made, over TLS."""

    def __init__(self, loop, sock, context):
        TlsPeer.__init__(self, loop, sock, context)
        self.unread = b""


class TlsServer(Server):
    """A server that shakes hands."""

    def __init__(self, loop, context, **options):
        super().__init__(loop, **options)
        self.context = context
        self.url = self.named("localhost", "https")

    def wire(self, loop, sock):
        return TlsWire(loop, sock, self.context)

    async def accept(self):
        wire = await super().accept()
        await wire.handshake()
        return wire


@pytest.fixture
def make_server(loop):
    made = []

    def make(context, **options):
        made.append(TlsServer(loop, context, **options))
        return made[-1]

    yield make
    for server in made:
        server.close()


def server_context(authority, *names, **options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ["localhost"]), **options).configure_cert(context)
    return context


def client_context(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def asked(server, session, url=None, **options):
    """One request of one connection."""

    async def serve():
        with contextlib.suppress(ssl.SSLError, OSError):
            await server.answers(OK)

    serving = asyncio.ensure_future(serve())
    try:
        return await fetch(session, url or server.url, **options)
    finally:
        serving.cancel()
        await asyncio.wait([serving])


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
async def test_version_of_the_context_is_spoken(make_server, session, tls_authority, version):
    theirs = server_context(tls_authority)
    ours = client_context(tls_authority)
    ours.minimum_version = ours.maximum_version = version
    server = make_server(theirs)
    assert await asked(server, session, ssl=ours) == (200, b"ok")
    name = {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]
    assert server.wires[0].tls.version() == name
    assert (await settled(session.connector))["idle"] == 1


async def test_connection_is_used_again(make_server, session, tls_authority):
    server = make_server(server_context(tls_authority))
    ours = client_context(tls_authority)

    async def twice():
        return [await fetch(session, server.url, ssl=ours) for _ in range(2)]

    found, _ = await asyncio.gather(twice(), server.answers(OK, OK))
    assert found == [(200, b"ok")] * 2


async def test_idle_connection_that_ended_is_not_used(make_server, session, tls_authority):
    server = make_server(server_context(tls_authority))
    ours = client_context(tls_authority)
    await asked(server, session, ssl=ours)
    wire = server.wires[0]
    await wire.close_notify()
    wire.close()
    assert await asked(server, session, method="POST", ssl=ours) == (200, b"ok")


async def test_authority_that_is_not_trusted(make_server, session, tls_authority):
    server = make_server(server_context(tls_authority))
    with pytest.raises(http.ClientConnectorCertificateError) as caught:
        await asked(server, session)
    assert isinstance(caught.value, (ssl.SSLError, http.ClientSSLError, ValueError))
    assert isinstance(caught.value.certificate_error, ssl.SSLCertVerificationError)
    assert caught.value.host == "localhost"
    await settled(session.connector)


async def test_certificate_of_another_name(make_server, session, tls_authority):
    server = make_server(server_context(tls_authority, "other.example"))
    with pytest.raises(http.ClientConnectorCertificateError, match="localhost"):
        await asked(server, session, ssl=client_context(tls_authority))


async def test_certificate_that_is_over(make_server, session, tls_authority):
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    server = make_server(server_context(tls_authority, not_after=yesterday))
    with pytest.raises(http.ClientConnectorCertificateError):
        await asked(server, session, ssl=client_context(tls_authority))


async def test_no_check_is_none(make_server, session, tls_authority):
    server = make_server(server_context(tls_authority, "other.example"))
    assert await asked(server, session, ssl=False) == (200, b"ok")


async def test_unchecked_connection_is_not_used_by_who_checks(make_server, session, tls_authority):
    server = make_server(server_context(tls_authority, "other.example"))
    assert await asked(server, session, ssl=False) == (200, b"ok")
    with pytest.raises(http.ClientConnectorCertificateError):
        await asked(server, session)


async def test_name_that_is_given_is_checked_instead(make_server, session, tls_authority):
    server = make_server(server_context(tls_authority, "other.example"))
    ours = client_context(tls_authority)
    found = await asked(server, session, ssl=ours, server_hostname="other.example")
    assert found == (200, b"ok")
    # And its connection is not used by who did not give it.
    with pytest.raises(http.ClientConnectorCertificateError):
        await asked(server, session, ssl=ours)


async def test_address_is_checked(make_server, session, tls_authority):
    ours = client_context(tls_authority)
    server = make_server(server_context(tls_authority, "127.0.0.1"))
    url = server.named("127.0.0.1", "https")
    assert await asked(server, session, url, ssl=ours) == (200, b"ok")
    server = make_server(server_context(tls_authority, "127.0.0.2"))
    url = server.named("127.0.0.1", "https")
    with pytest.raises(http.ClientConnectorCertificateError):
        await asked(server, session, url, ssl=ours)


class Here(http.AbstractResolver):
    """All names are of this machine."""

    async def resolve(self, host, port=0, family=socket.AF_INET):
        found = {"hostname": host, "host": "127.0.0.1", "port": port, "proto": 0, "flags": 0}
        return [{**found, "family": socket.AF_INET}]

    async def close(self):
        pass


async def test_dot_at_the_end_is_not_part_of_the_name(make_server, make_session, tls_authority):
    server = make_server(server_context(tls_authority))
    ours = client_context(tls_authority)
    url = server.named("localhost.", "https")
    session = make_session(connector=http.TCPConnector(resolver=Here()))
    assert await asked(server, session, url, ssl=ours) == (200, b"ok")


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("where", ["request", "connector"])
async def test_fingerprint(make_server, make_session, tls_authority, right, where):
    certificate = tls_authority.issue_cert("localhost")
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(theirs)
    der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    digest = hashlib.sha256(der).digest() if right else bytes(32)
    fingerprint = http.Fingerprint(digest)
    server = make_server(theirs)
    options = {}
    if where == "request":
        session = make_session()
        options["ssl"] = fingerprint
    else:
        session = make_session(connector=http.TCPConnector(ssl=fingerprint))
    if right:
        assert await asked(server, session, **options) == (200, b"ok")
        return
    with pytest.raises(http.ServerFingerprintMismatch) as caught:
        await asked(server, session, **options)
    assert caught.value.got == hashlib.sha256(der).digest()
    assert (await settled(session.connector))["idle"] == 0


async def test_server_that_speaks_no_tls(server, session):
    asking = asyncio.ensure_future(fetch(session, server.named("localhost", "https")))
    wire = await server.accept()
    await wire.recv()
    wire.send(b"HTTP/1.1 400 This is plain HTTP\r\n\r\n")
    with pytest.raises(http.ClientConnectorSSLError):
        await asking
    await settled(session.connector)


async def test_server_that_hangs_up_in_the_handshake(server, session):
    asking = asyncio.ensure_future(fetch(session, server.named("localhost", "https")))
    wire = await server.accept()
    await wire.recv()
    wire.reset()
    with pytest.raises(http.ClientOSError):
        await asking
    await settled(session.connector)


async def test_no_version_in_common(make_server, session, tls_authority):
    theirs = server_context(tls_authority)
    theirs.minimum_version = ssl.TLSVersion.TLSv1_3
    ours = client_context(tls_authority)
    ours.maximum_version = ssl.TLSVersion.TLSv1_2
    server = make_server(theirs)
    with pytest.raises(http.ClientConnectorSSLError):
        await asked(server, session, ssl=ours)


async def test_certificate_of_the_client_is_shown(make_server, session, tls_authority):
    theirs = server_context(tls_authority)
    theirs.verify_mode = ssl.CERT_REQUIRED
    tls_authority.configure_trust(theirs)
    ours = client_context(tls_authority)
    server = make_server(theirs)
    with pytest.raises(http.ClientError):
        await asked(server, session, method="POST", ssl=ours)
    other = client_context(tls_authority)
    tls_authority.issue_cert("client@localhost").configure_cert(other)
    assert await asked(server, session, ssl=other) == (200, b"ok")
    assert server.wires[-1].tls.getpeercert()


@pytest.mark.parametrize("complete", [True, False])
async def test_body_without_a_length_is_whole_only_with_a_farewell(
    make_server, session, tls_authority, complete
):
    """Whoever cuts the connection could cut the body off otherwise."""
    server = make_server(server_context(tls_authority))
    ours = client_context(tls_authority)
    asking = asyncio.ensure_future(session.get(server.url, ssl=ours))
    wire = await server.accept()
    await wire.request()
    await wire.sendall(b"HTTP/1.1 200 OK\r\n\r\nall of it")
    response = await asking
    if complete:
        await wire.close_notify()
        wire.close()
        assert await response.read() == b"all of it"
        return
    wire.reset()
    with pytest.raises(http.ClientPayloadError):
        await response.read()


# Proxies


async def tunnel(wire, context):
    """Answer CONNECT, and be the server behind the proxy."""
    request = await wire.request()
    wire.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
    inner = TlsWire(wire.loop, wire.sock, context)
    await inner.handshake()
    return request, inner


async def test_tunnel_through_a_proxy(server, session, tls_authority):
    theirs, ours = contexts_of(tls_authority)

    async def twice():
        return [
            await fetch(
                session,
                "https://localhost:444/inside",
                proxy=server.url,
                ssl=ours,
                headers={"Authorization": "for the server"},
                proxy_headers={"Proxy-Authorization": "for the proxy", "X-Proxy": "yes"},
            )
            for _ in range(2)
        ]

    asking = asyncio.ensure_future(twice())
    wire = await server.accept()
    connect, inner = await tunnel(wire, theirs)
    assert connect.line == "CONNECT localhost:444 HTTP/1.1"
    assert connect.all("Host") == ["localhost:444"]
    assert connect.all("Proxy-Authorization") == ["for the proxy"]
    assert connect.all("X-Proxy") == ["yes"]
    assert connect.all("Authorization") == []
    for _ in range(2):
        request = await inner.request()
        assert request.line == "GET /inside HTTP/1.1"
        assert request.all("Proxy-Authorization") == request.all("X-Proxy") == []
        assert request.all("Authorization") == ["for the server"]
        await inner.sendall(OK)
    assert await asking == [(200, b"ok")] * 2
    assert (await settled(session.connector))["connects"] == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_credentials_of_the_proxy_go_to_the_proxy(server, session, tls_authority, scheme):
    theirs, ours = contexts_of(tls_authority)
    proxy = server.url.replace("http://", "http://me:secret@")
    asking = asyncio.ensure_future(
        fetch(session, f"{scheme}://localhost:444/inside", proxy=proxy, ssl=ours)
    )
    wire = await server.accept()
    if scheme == "http":
        request = await wire.request()
        assert request.target == "http://localhost:444/inside"
        assert request.all("Proxy-Authorization") == [http.encode_basic_auth("me", "secret")]
        assert request.all("Authorization") == []
        wire.send(OK)
    else:
        connect, inner = await tunnel(wire, theirs)
        assert connect.all("Proxy-Authorization") == [http.encode_basic_auth("me", "secret")]
        assert connect.all("Authorization") == []
        request = await inner.request()
        assert request.all("Proxy-Authorization") == []
        await inner.sendall(OK)
    assert await asking == (200, b"ok")


@pytest.mark.parametrize("status", ["407 Who are you", "403 No", "502 Bad", "301 Moved"])
async def test_proxy_that_refuses(server, session, status):
    asking = asyncio.ensure_future(fetch(session, "https://inside.example/", proxy=server.url))
    wire = await server.accept()
    await wire.request()
    wire.send(f"HTTP/1.1 {status}\r\nLocation: http://evil.example/\r\n\r\n".encode())
    with pytest.raises(http.ClientHttpProxyError) as caught:
        await asking
    assert caught.value.status == int(status[:3])
    assert (await settled(session.connector))["idle"] == 0


@pytest.mark.parametrize("extra", [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"])
async def test_what_a_proxy_says_after_its_answer_is_not_taken_in_clear(
    server, session, tls_authority, extra
):
    asking = asyncio.ensure_future(
        fetch(
            session, "https://inside.example/", proxy=server.url, ssl=client_context(tls_authority)
        )
    )
    wire = await server.accept()
    await wire.request()
    wire.send(b"HTTP/1.1 200 Connection established\r\n\r\n" + extra)
    with contextlib.suppress(OSError):
        await wire.recv()
        wire.shutdown()
    with pytest.raises(http.ClientError):
        await asking
    await settled(session.connector)


async def test_certificate_behind_a_proxy_is_checked(server, session, tls_authority):
    theirs, _ = contexts_of(tls_authority)
    asking = asyncio.ensure_future(
        fetch(
            session,
            "https://other.example/",
            proxy=server.url,
            ssl=client_context(tls_authority),
        )
    )
    wire = await server.accept()
    with contextlib.suppress(ssl.SSLError):
        await tunnel(wire, theirs)
    with pytest.raises(http.ClientConnectorCertificateError):
        await asking
    await settled(session.connector)


async def test_proxy_that_is_not_there(session):
    with pytest.raises(http.ClientProxyConnectionError):
        await fetch(session, "https://inside.example/", proxy="http://127.0.0.1:1/")
