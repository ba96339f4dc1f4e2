"""get_extra_info of asyncio's base class, replaced for all transports, as tests of programs do."""

import asyncio
import os
import socket
from unittest import mock

import pytest

from .recorder import Recorder
from .tls import TlsPeer


async def stream(loop, cleanup):
    left, right = socket.socketpair()
    cleanup(right.close)
    return (await loop.create_connection(Recorder, sock=left))[0]


async def datagrams(loop, cleanup):
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return (await loop.create_datagram_endpoint(asyncio.DatagramProtocol, sock=sock))[0]


async def pipe(loop, cleanup):
    read, write = os.pipe()
    cleanup(lambda: os.close(write))
    return (await loop.connect_read_pipe(Recorder, os.fdopen(read, "rb", 0)))[0]


@pytest.fixture(params=[stream, datagrams, pipe])
def transport(request, loop):
    """An open transport of each kind."""
    ends = []
    opened = loop.run_until_complete(request.param(loop, ends.append))
    yield opened
    opened.close()
    loop.run_until_complete(asyncio.sleep(0))
    loop.run_until_complete(asyncio.sleep(0))
    for end in ends:
        end()


async def test_mock(loop, transport):
    with mock.patch("asyncio.BaseTransport.get_extra_info", return_value="told") as replaced:
        assert transport.get_extra_info("peername") == "told"
        replaced.assert_called_once_with("peername")
        assert transport.get_extra_info("none such", "default") == "told"
        replaced.assert_called_with("none such", "default")
    assert transport.get_extra_info("none such", "default") == "default"


async def test_function(loop, transport, monkeypatch):
    """A function is a method there: it is given the transport, and may call what it replaces."""
    before = asyncio.BaseTransport.get_extra_info

    def replaced(self, name, default=None):
        if name == "whose":
            return self
        return default if name != "raises" else before(None, name)

    monkeypatch.setattr(asyncio.BaseTransport, "get_extra_info", replaced)
    assert transport.get_extra_info("whose") is transport
    assert transport.get_extra_info("none such", 5) == 5
    with pytest.raises(AttributeError):
        transport.get_extra_info("raises")


async def test_through_tls(loop, listener, tls_contexts):
    """TLS asks the transport below for what it does not know."""
    server_context, client_context = tls_contexts
    connecting = loop.create_task(
        loop.create_connection(
            Recorder, *listener.getsockname(), ssl=client_context, server_hostname="localhost"
        )
    )
    sock, _ = await loop.run_in_executor(None, listener.accept)
    peer = TlsPeer(loop, sock, server_context)
    await peer.handshake()
    transport, protocol = await connecting
    with mock.patch("asyncio.BaseTransport.get_extra_info", return_value="told"):
        assert transport.get_extra_info("peername") == "told"
        assert transport.get_extra_info("sslcontext") is client_context
    transport.abort()
    await protocol.until("connection_lost")
    peer.sock.close()
