"""Unix datagram sockets."""

import asyncio
import os
import socket
import stat
import sys

import pytest

from .endpoint import Endpoint, quiet


@pytest.fixture
def unix():
    made = []

    def make(address=None):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.settimeout(10)
        if address is not None:
            sock.bind(address)
        made.append(sock)
        return sock

    yield make
    for sock in made:
        sock.close()


def echo(protocol, data, addr):
    protocol.transport.sendto(data, addr)


@pytest.fixture(params=["path", "path that is not ASCII", "abstract", "abstract bytes"])
def addresses(request, tmp_path):
    """Two free addresses."""
    kind = request.param
    if kind.startswith("path"):
        name = "größe" if "ASCII" in kind else "x"
        return [str(tmp_path / f"{name}{number}") for number in range(2)]
    names = [f"\0aioxide-test-{os.getpid()}-{number}" for number in range(2)]
    return [name.encode() for name in names] if "bytes" in kind else names


async def test_echo(endpoint, unix, addresses):
    server, client = addresses
    sock = unix(server)
    sock.setblocking(False)
    protocol = await endpoint(Endpoint(datagram_received=echo), sock=sock)
    peer = unix(client)
    for number in range(3):
        peer.sendto(b"%d" % number, server)
        await protocol.got(number + 1)
        await asyncio.sleep(0)
        assert peer.recvfrom(10) == (b"%d" % number, sock.getsockname())
    assert [address for _, address in protocol.received] == [peer.getsockname()] * 3


async def test_made_by_the_loop(endpoint, tmp_path):
    path = str(tmp_path / "socket")
    server = await endpoint(
        Endpoint(datagram_received=echo), family=socket.AF_UNIX, local_addr=path
    )
    assert stat.S_ISSOCK(os.stat(path).st_mode)
    assert server.transport.get_extra_info("sockname") == path
    client = await endpoint(
        family=socket.AF_UNIX, local_addr=str(tmp_path / "client"), remote_addr=path
    )
    client.transport.sendto(b"data")
    await client.got(1)
    assert client.received == [(b"data", path)]
    # A socket file that was left behind is replaced.
    server.transport.close()
    await server.until("connection_lost")
    again = await endpoint(family=socket.AF_UNIX, local_addr=path)
    assert again.transport.get_extra_info("sockname") == path


async def test_sender_without_an_address(endpoint, unix, tmp_path):
    path = str(tmp_path / "socket")
    protocol = await endpoint(family=socket.AF_UNIX, local_addr=path)
    unix().sendto(b"x", path)
    await protocol.got(1)
    assert protocol.received == [(b"x", None)]


async def test_errors(endpoint, contexts, tmp_path):
    protocol = await endpoint(family=socket.AF_UNIX, local_addr=str(tmp_path / "socket"))
    protocol.transport.sendto(b"x", str(tmp_path / "none"))
    await quiet(protocol)
    assert [type(error) for error in protocol.errors] == [FileNotFoundError]
    protocol.transport.sendto(b"x", "/" + "x" * 200)
    await quiet(protocol)
    kinds = [type(error) for error in protocol.errors]
    assert kinds == [FileNotFoundError, OSError]
    assert protocol.errors[1].args == ("AF_UNIX path too long",)
    assert not contexts
    protocol.transport.sendto(b"x", 5)
    await protocol.until("connection_lost")
    assert [type(context["exception"]) for context in contexts] == [TypeError]


async def test_pair_without_addresses(endpoint, contexts):
    """asyncio takes it for unconnected, as its peer's name is empty: it only receives."""
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with right:
        protocol = await endpoint(sock=left)
        right.send(b"x")
        await protocol.got(1)
        assert protocol.received == [(b"x", None)]
        protocol.transport.sendto(b"x")
        await protocol.until("connection_lost")
        assert isinstance(protocol.exception, TypeError)
    assert len(contexts) == 1


async def test_large_datagrams(endpoint, unix, tmp_path):
    path = str(tmp_path / "socket")
    protocol = await endpoint(family=socket.AF_UNIX, local_addr=path)
    peer = unix()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    sent = [os.urandom(size) for size in (200_000, 1, 150_000)]
    for count, data in enumerate(sent, 1):
        peer.sendto(data, path)
        await protocol.got(count)
    assert [data for data, _ in protocol.received] == sent


async def test_wrong_addresses(loop):
    for address in (5, b"path", ("path", 5)):
        with pytest.raises(TypeError, match="string is expected"):
            await loop.create_datagram_endpoint(Endpoint, family=socket.AF_UNIX, local_addr=address)


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="no such family")
async def test_another_family(endpoint):
    """Asks the kernel for its links: the answer comes from address (0, 0)."""
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 0)
    sock.bind((0, 0))
    protocol = await endpoint(sock=sock)
    header = (20).to_bytes(4, sys.byteorder) + (18).to_bytes(2, sys.byteorder)
    header += (0x301).to_bytes(2, sys.byteorder) + bytes(8) + bytes(4)
    protocol.transport.sendto(header, (0, 0))
    await protocol.got(1)
    assert protocol.received[0][1] == (0, 0)
