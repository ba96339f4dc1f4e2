"""TLS: how a connection begins, what is known of it then, and how it fails to begin."""

import asyncio
import gc
import socket
import ssl
import weakref

import pytest

from .peer import Peer, polled, ready
from .recorder import Recorder
from .tls import TlsPeer, contexts_of


async def accepted(loop, listener):
    listener.setblocking(False)
    await ready(loop.add_reader, loop.remove_reader, listener)
    return listener.accept()[0]


async def serve_one(loop, context, factory=Recorder, **options):
    """A server on the loop under test; its protocols are appended to the list."""
    made = []

    def new():
        made.append(factory())
        return made[-1]

    server = await loop.create_server(new, "127.0.0.1", 0, ssl=context, **options)
    return server, server.sockets[0].getsockname(), made


async def client_of(loop, address, context):
    sock = socket.create_connection(address)
    return TlsPeer(loop, sock, context, server_side=False)


# What is known


async def test_client_knows_its_connection(loop, tls_connect, tls_contexts, tls_version):
    transport, protocol, peer = await tls_connect()
    assert protocol.calls == ["connection_made"]
    assert protocol.transport is transport
    assert isinstance(transport, asyncio.Transport)
    tls = transport.get_extra_info("ssl_object")
    assert isinstance(tls, ssl.SSLObject)
    assert tls.version() == tls_version.name.replace("_", ".")
    assert transport.get_extra_info("sslcontext") is tls_contexts[1]
    assert transport.get_extra_info("cipher") == tls.cipher()
    assert transport.get_extra_info("compression") is None
    assert transport.get_extra_info("peercert") == tls.getpeercert()
    assert ("DNS", "localhost") in transport.get_extra_info("peercert")["subjectAltName"]
    assert transport.get_extra_info("peername") == peer.sock.getsockname()
    assert transport.get_extra_info("sockname") == peer.sock.getpeername()
    sock = transport.get_extra_info("socket")
    assert sock.getpeername() == peer.sock.getsockname()
    assert transport.get_extra_info("nothing") is None
    assert transport.get_extra_info("nothing", 7) == 7


async def test_server_knows_its_connection(loop, tls_contexts):
    server_context, client_context = tls_contexts
    server, address, made = await serve_one(loop, server_context)
    peer = await client_of(loop, address, client_context)
    await peer.handshake()
    await polled()
    transport = made[0].transport
    assert transport.get_extra_info("sslcontext") is server_context
    assert transport.get_extra_info("peercert") is None
    assert transport.get_extra_info("ssl_object").server_side
    assert transport.get_extra_info("peername") == peer.sock.getsockname()
    assert transport.get_protocol() is made[0]
    transport.abort()
    await made[0].until("connection_lost")
    peer.close()
    server.close()


async def test_protocol_is_made_before_the_handshake(loop, tls_contexts):
    server, address, made = await serve_one(loop, tls_contexts[0])
    peer = Peer(loop, socket.create_connection(address))
    await polled(4)
    assert len(made) == 1
    assert made[0].calls == []
    peer.close()
    await polled(4)
    assert made[0].calls == []
    server.close()


async def test_accepted_socket(loop, tls_contexts):
    left, right = socket.socketpair()
    left.setblocking(False)
    peer = TlsPeer(loop, right, tls_contexts[1], server_side=False)
    handshake = loop.create_task(peer.handshake())
    transport, protocol = await loop.connect_accepted_socket(Recorder, left, ssl=tls_contexts[0])
    await handshake
    await peer.sendall(b"hello")
    await protocol.until("data_received")
    transport.write(b"answer")
    assert await peer.recv() == b"answer"
    transport.close()
    await peer.close_notify()
    await protocol.until("connection_lost")
    peer.close()


async def test_unix_sockets(loop, tls_contexts, tmp_path):
    path = str(tmp_path / "socket")
    server_context, client_context = tls_contexts
    made = []

    def new():
        made.append(Recorder())
        return made[-1]

    server = await loop.create_unix_server(new, path, ssl=server_context)
    transport, protocol = await loop.create_unix_connection(
        Recorder, path, ssl=client_context, server_hostname="localhost"
    )
    transport.write(b"hello")
    await polled(6)
    await made[0].until("data_received")
    assert made[0].received == b"hello"
    transport.close()
    await protocol.until("connection_lost")
    await made[0].until("connection_lost")
    server.close()


# What the context says holds


async def test_alpn(loop, listener, tls_connect, tls_contexts):
    for context, names in zip(tls_contexts, (["h2", "http/1.1"], ["http/1.1"]), strict=True):
        context.set_alpn_protocols(names)
    transport, _, peer = await tls_connect()
    assert transport.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
    assert peer.tls.selected_alpn_protocol() == "http/1.1"


async def test_sni_callback_chooses_the_context(loop, authority, tls_contexts):
    server_context, client_context = tls_contexts
    other, _ = contexts_of(authority, server_context.maximum_version)
    asked = []

    def choose(tls, name, context):
        asked.append((type(tls), name, context is server_context))
        tls.context = other

    server_context.sni_callback = choose
    server, address, made = await serve_one(loop, server_context)
    peer = await client_of(loop, address, client_context)
    await peer.handshake()
    await polled()
    assert asked == [(ssl.SSLObject, "localhost", True)]
    assert made[0].transport.get_extra_info("ssl_object").context is other
    made[0].transport.abort()
    await made[0].until("connection_lost")
    peer.close()
    server.close()
    server_context.sni_callback = None


async def test_client_certificate(loop, authority, tls_contexts):
    server_context, client_context = tls_contexts
    server_context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(server_context)
    authority.issue_cert("client.test").configure_cert(client_context)
    server, address, made = await serve_one(loop, server_context)
    peer = await client_of(loop, address, client_context)
    await peer.handshake()
    await made[0].until("connection_made")
    certificate = made[0].transport.get_extra_info("peercert")
    assert certificate["subjectAltName"] == (("DNS", "client.test"),)
    made[0].transport.abort()
    await made[0].until("connection_lost")
    peer.close()
    server.close()


async def test_no_client_certificate_where_one_is_needed(loop, authority, tls_contexts):
    server_context, client_context = tls_contexts
    server_context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(server_context)
    server, address, made = await serve_one(loop, server_context)
    peer = await client_of(loop, address, client_context)
    # The other end's alert may be lost with the connection.
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await peer.handshake()
        await peer.recv()
        raise ConnectionError("the end of the stream")
    assert made[0].calls == []
    peer.close()
    server.close()


async def test_versions_that_do_not_meet(loop, listener, authority):
    server_context, client_context = contexts_of(authority)
    server_context.maximum_version = ssl.TLSVersion.TLSv1_2
    client_context.minimum_version = ssl.TLSVersion.TLSv1_3
    connecting = loop.create_task(
        loop.create_connection(
            Recorder, *listener.getsockname(), ssl=client_context, server_hostname="localhost"
        )
    )
    peer = TlsPeer(loop, await accepted(loop, listener), server_context)
    with pytest.raises(ssl.SSLError):
        await peer.handshake()
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        await connecting
    peer.close()


async def test_resumed_session(loop, listener, authority):
    server_context, client_context = contexts_of(authority, ssl.TLSVersion.TLSv1_2)
    listener.setblocking(False)

    async def connect(context):
        protocol = Recorder()
        connecting = loop.create_task(
            loop.create_connection(
                lambda: protocol,
                *listener.getsockname(),
                ssl=context,
                server_hostname="localhost",
            )
        )
        peer = TlsPeer(loop, await accepted(loop, listener), server_context)
        await peer.handshake()
        transport, _ = await connecting
        tls = transport.get_extra_info("ssl_object")
        session, reused = tls.session, tls.session_reused
        transport.abort()
        await protocol.until("connection_lost")
        peer.close()
        return session, reused

    session, reused = await connect(client_context)
    assert session is not None
    assert session.has_ticket
    assert not reused


async def test_program_has_its_own_ssl_object(loop, listener, tls_connect, tls_contexts):
    calls = []

    class Own(ssl.SSLObject):
        def read(self, *args):
            calls.append("read")
            return super().read(*args)

        def write(self, data):
            calls.append("write")
            return super().write(data)

        def unwrap(self):
            calls.append("unwrap")
            return super().unwrap()

    tls_contexts[1].sslobject_class = Own
    transport, protocol, peer = await tls_connect()
    assert type(transport.get_extra_info("ssl_object")) is Own
    await peer.sendall(b"x" * 40_000)
    await protocol.until(lambda: len(protocol.received) == 40_000)
    transport.write(b"y" * 40_000)
    assert await peer.recv_exactly(40_000) == b"y" * 40_000
    transport.close()
    assert set(calls) == {"read", "write", "unwrap"}


# Failures


async def test_certificate_that_nobody_signed(loop, tls_connect, tls_version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = tls_version
    protocol = Recorder()
    with pytest.raises(ssl.SSLCertVerificationError, match="self.signed|unable to get local"):
        await tls_connect(protocol, context=context)
    assert protocol.calls == []


async def test_other_name(loop, listener, tls_contexts):
    connecting = loop.create_task(
        loop.create_connection(
            Recorder, *listener.getsockname(), ssl=tls_contexts[1], server_hostname="other"
        )
    )
    peer = TlsPeer(loop, await accepted(loop, listener), tls_contexts[0])
    handshake = loop.create_task(peer.handshake())
    with pytest.raises(ssl.CertificateError, match="Hostname mismatch"):
        await connecting
    await asyncio.wait([handshake])
    if handshake.exception() is None:
        await asyncio.wait([loop.create_task(peer.recv_raw())])
    peer.close()


async def test_client_meets_plain_text(loop, listener, tls_contexts):
    connecting = loop.create_task(
        loop.create_connection(
            Recorder, *listener.getsockname(), ssl=tls_contexts[1], server_hostname="localhost"
        )
    )
    peer = Peer(loop, await accepted(loop, listener))
    peer.send(b"220 hello, this is mail\r\n")
    with pytest.raises(ssl.SSLError, match="WRONG_VERSION_NUMBER"):
        await connecting
    peer.close()


@pytest.mark.parametrize(
    "hello", [b"GET / HTTP/1.1\r\n\r\n", b"\x80\x01\x02", b"\x16\x03\x01\xff\xff"]
)
async def test_server_meets_what_is_no_hello(loop, tls_contexts, hello):
    server, address, made = await serve_one(loop, tls_contexts[0])
    peer = Peer(loop, socket.create_connection(address))
    peer.send(hello)
    peer.shutdown()
    await peer.recv_all()
    assert made[0].calls == []
    peer.close()
    server.close()


async def test_end_of_stream_in_the_handshake(loop, listener, tls_contexts):
    connecting = loop.create_task(
        loop.create_connection(
            Recorder, *listener.getsockname(), ssl=tls_contexts[1], server_hostname="localhost"
        )
    )
    peer = Peer(loop, await accepted(loop, listener))
    assert await peer.recv()
    peer.shutdown()
    with pytest.raises(ConnectionResetError):
        await connecting
    peer.close()


async def test_handshake_timeout(loop, listener, tls_contexts):
    connecting = loop.create_task(
        loop.create_connection(
            Recorder,
            *listener.getsockname(),
            ssl=tls_contexts[1],
            server_hostname="localhost",
            ssl_handshake_timeout=0.05,
        )
    )
    peer = Peer(loop, await accepted(loop, listener))
    text = "SSL handshake is taking longer than 0.05 seconds: aborting the connection"
    with pytest.raises(ConnectionAbortedError, match=text):
        await connecting
    peer.close()


async def test_server_handshake_timeout(loop, tls_contexts):
    server, address, made = await serve_one(loop, tls_contexts[0], ssl_handshake_timeout=0.05)
    peer = Peer(loop, socket.create_connection(address))
    assert await peer.recv() == b""
    assert made[0].calls == []
    peer.close()
    server.close()


@pytest.mark.parametrize("option", ["ssl_handshake_timeout", "ssl_shutdown_timeout"])
@pytest.mark.parametrize("value", [0, -1])
async def test_times_are_positive(loop, listener, tls_contexts, asyncio_fault, option, value):
    asyncio_fault(True, "leaves the socket to the collector", run=False)
    with pytest.raises(ValueError, match=f"{option} should be a positive number, got {value}"):
        await loop.create_connection(
            Recorder,
            *listener.getsockname(),
            ssl=tls_contexts[1],
            server_hostname="localhost",
            **{option: value},
        )
    listener.accept()[0].close()
    gc.collect()


async def test_context_of_the_wrong_side(loop, listener, tls_contexts, asyncio_fault):
    asyncio_fault(True, "leaves the socket to the collector", run=False)
    with pytest.raises(ssl.SSLError, match="Cannot create a client socket"):
        await loop.create_connection(
            Recorder, *listener.getsockname(), ssl=tls_contexts[0], server_hostname="localhost"
        )
    listener.accept()[0].close()
    gc.collect()


async def test_connecting_is_cancelled(loop, listener, tls_contexts):
    connecting = loop.create_task(
        loop.create_connection(
            Recorder, *listener.getsockname(), ssl=tls_contexts[1], server_hostname="localhost"
        )
    )
    peer = Peer(loop, await accepted(loop, listener))
    assert await peer.recv()
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    assert await peer.recv() == b""
    peer.close()


async def test_connection_made_raises(loop, contexts, tls_contexts):
    class Raises(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            raise RuntimeError("no")

    server, address, made = await serve_one(loop, tls_contexts[0], Raises)
    peer = await client_of(loop, address, tls_contexts[1])
    try:
        await peer.handshake()
        await peer.recv()
    except (ssl.SSLError, ConnectionError):
        pass
    await made[0].until("connection_lost")
    assert str(made[0].exception) == "no"
    assert [context["message"] for context in contexts] == [
        "Fatal error: protocol.buffer_updated() call failed."
    ]
    peer.close()
    server.close()


async def test_debug_mode_tells_of_failed_handshakes(loop, contexts, asyncio_log, tls_contexts):
    loop.set_debug(True)
    server, address, made = await serve_one(loop, tls_contexts[0])
    peer = Peer(loop, socket.create_connection(address))
    peer.send(b"GET / HTTP/1.1\r\n\r\n")
    await peer.recv_all()
    await polled(4)
    (context,) = contexts
    assert context["message"] == "Error on transport creation for incoming connection"
    assert isinstance(context["exception"], ssl.SSLError)
    assert context["protocol"] is made[0]
    assert "starts SSL handshake" in "".join(record.getMessage() for record in asyncio_log)
    assert "SSL handshake failed" in "".join(record.getMessage() for record in asyncio_log)
    peer.close()
    server.close()
    loop.set_debug(False)


async def test_nothing_keeps_a_connection_that_is_over(loop, listener, authority):
    server_context, client_context = contexts_of(authority)
    connecting = loop.create_task(
        loop.create_connection(
            Recorder,
            *listener.getsockname(),
            ssl=client_context,
            server_hostname="localhost",
        )
    )
    peer = TlsPeer(loop, await accepted(loop, listener), server_context)
    await peer.handshake()
    transport, protocol = await connecting
    assert protocol.transport is transport
    transport.abort()
    await protocol.until("connection_lost")
    await polled()
    peer.close()
    del connecting, protocol, transport
    reference = weakref.ref(client_context)
    del client_context
    gc.collect()
    assert reference() is None
