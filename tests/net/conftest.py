"""Coroutine tests, and the connections they use."""

import asyncio
import gc
import os
import socket
import ssl
import subprocess

import pytest
import trustme

from .coroutines import pytest_itemcollected, pytest_pyfunc_call  # noqa: F401 - pytest finds them here
from .endpoint import Endpoint
from .peer import Peer, ready
from .recorder import Recorder
from .tls import VERSIONS, TlsPeer, contexts_of


@pytest.fixture
def contexts(expect_exception_handler):
    """What the loop's exception handler was called with; the test checks it."""
    yield expect_exception_handler
    expect_exception_handler.clear()


@pytest.fixture
def no_zombies():
    """Fails a test that leaves a child."""
    yield
    gc.collect()
    subprocess._cleanup()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.fixture
def on_asyncio(loop_kind):
    """Whether this is the control arm."""
    return loop_kind == "asyncio"


@pytest.fixture
def asyncio_fault(request, on_asyncio):
    """Expect the control arm to fail where this Python's asyncio is known to be wrong."""

    def mark(when, reason, *, fixed_later=False, run=True):
        """`fixed_later`: some patch releases are right; not `run`: it would disturb later tests."""
        if on_asyncio and when:
            if not run:
                pytest.xfail(reason)
            strict = not fixed_later
            request.applymarker(pytest.mark.xfail(reason=reason, strict=strict))

    return mark


@pytest.fixture
def pairs():
    """Makes connected pairs that do not block."""
    made = []

    def pair():
        left, right = socket.socketpair()
        left.setblocking(False)
        right.setblocking(False)
        made.extend((left, right))
        return left, right

    yield pair
    for sock in made:
        sock.close()


@pytest.fixture
def listener():
    """A plain listening socket on loopback with a receive buffer that does not grow."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    sock.bind(("127.0.0.1", 0))
    sock.listen(16)
    yield sock
    sock.close()


@pytest.fixture
def connect(loop, listener):
    """Connect a recorder to a plain socket: `transport, protocol, peer = await connect(protocol)`.

    The sockets are closed and the transports aborted when the test is over.
    """
    opened = []

    async def connect_protocol(protocol=None):
        protocol = Recorder() if protocol is None else protocol
        transport, made = await loop.create_connection(lambda: protocol, *listener.getsockname())
        assert made is protocol
        peer = Peer(loop, listener.accept()[0])
        opened.append((transport, protocol, peer))
        return transport, protocol, peer

    yield connect_protocol
    for transport, protocol, peer in opened:
        peer.close()
        # abort() of a transport that is lost raises in some releases of asyncio (gh-156512).
        lost = "connection_lost" in protocol.calls
        if not loop.is_closed() and not lost:
            transport.abort()
    opened.clear()
    if not loop.is_closed():
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(asyncio.sleep(0))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for localhost that signs itself, and its key, in one file."""
    directory = tmp_path_factory.mktemp("certificate")
    key, cert, both = (directory / name for name in ("key.pem", "cert.pem", "both.pem"))
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    command += f" -addext subjectAltName=DNS:localhost -keyout {key} -out {cert}"
    subprocess.run(command.split(), check=True, capture_output=True, timeout=60)
    both.write_bytes(key.read_bytes() + cert.read_bytes())
    return both


@pytest.fixture
def server_context(certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def client_context(certificate):
    return ssl.create_default_context(cafile=certificate)


@pytest.fixture
def open_descriptors():
    """Count this process's open descriptors, garbage collected first."""

    def count():
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    return count


@pytest.fixture
def endpoint(loop):
    """Make a datagram endpoint: `protocol = await endpoint(protocol, **options)`.

    Without options it is bound to loopback. It is aborted when the test is over.
    """
    made = []

    async def make(protocol=None, **options):
        protocol = Endpoint() if protocol is None else protocol
        transport, same = await loop.create_datagram_endpoint(
            lambda: protocol, **(options or {"local_addr": ("127.0.0.1", 0)})
        )
        assert same is protocol
        made.append((transport, protocol))
        return protocol

    yield make
    for transport, protocol in made:
        if not loop.is_closed() and "connection_lost" not in protocol.calls:
            transport.abort()
    made.clear()
    if not loop.is_closed():
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(asyncio.sleep(0))


# TLS


@pytest.fixture(scope="session")
def authority():
    """Who signs the certificates of the tests."""
    return trustme.CA()


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def tls_version(request):
    """The version of TLS that both ends speak."""
    return request.param


@pytest.fixture
def tls_contexts(authority, tls_version):
    """Contexts for a server and for a client."""
    return contexts_of(authority, tls_version)


@pytest.fixture
def tls_connect(loop, listener, tls_contexts):
    """As `connect`, over TLS: the recorder is the client, the peer a TlsPeer that shook hands."""
    server_context, client_context = tls_contexts
    listener.setblocking(False)
    opened = []

    async def connect_protocol(protocol=None, *, context=None, **options):
        protocol = Recorder() if protocol is None else protocol
        peers = []

        async def serve():
            await ready(loop.add_reader, loop.remove_reader, listener)
            peers.append(TlsPeer(loop, listener.accept()[0], server_context))
            await peers[0].handshake()

        serving = loop.create_task(serve())
        try:
            transport, _ = await loop.create_connection(
                lambda: protocol,
                *listener.getsockname(),
                ssl=context or client_context,
                server_hostname="localhost",
                **options,
            )
            await serving
        except BaseException:
            serving.cancel()
            await asyncio.wait([serving])
            for peer in peers:
                peer.close()
            raise
        opened.append((transport, protocol, peers[0]))
        return transport, protocol, peers[0]

    yield connect_protocol
    for transport, protocol, peer in opened:
        peer.close()
        if not loop.is_closed() and "connection_lost" not in protocol.calls:
            transport.abort()
    opened.clear()
    if not loop.is_closed():
        for _ in range(3):
            loop.run_until_complete(asyncio.sleep(0))


@pytest.fixture
def pair():
    """A connected pair of sockets that do not block."""
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)
    yield left, right
    left.close()
    right.close()
