"""Each descriptor has one owner: the caller's sockets, reused numbers, and running out of them."""

import asyncio
import contextlib
import errno
import os
import select
import signal
import socket
import subprocess
import sys
import textwrap

import pytest

from .peer import Peer, clog, polled
from .recorder import Recorder


def occupy(fd):
    """Make a socket pair whose first end has the descriptor `fd`, if that is free now."""
    left, right = socket.socketpair()
    if left.fileno() != fd and not is_open(fd):
        os.dup2(left.fileno(), fd)
        left.close()
        left = socket.socket(fileno=fd)
    left.setblocking(False)
    right.setblocking(False)
    return left, right


def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def quiet(sock):
    """Tell whether nothing has arrived at `sock`, not even the end of the stream."""
    return select.select([sock], [], [], 0) == ([], [], [])


@pytest.mark.parametrize("end", ["close", "abort"])
async def test_number_reused_after_close(connect, loop, end):
    transport, protocol, _ = await connect()
    fd = transport.get_extra_info("socket").fileno()
    getattr(transport, end)()
    await protocol.until("connection_lost")
    await polled()
    left, right = occupy(fd)
    with left, right:
        transport.write(b"x")
        transport.pause_reading()
        transport.resume_reading()
        transport.close()
        del transport
        protocol.transport = None
        await polled()
        assert quiet(right)
        other, stranger = await loop.create_connection(Recorder, sock=left)
        Peer(loop, right).send(b"data")
        await stranger.until("data_received")
        other.close()
        await stranger.until("connection_lost")
    assert protocol.calls == ["connection_made", "connection_lost"]


async def test_next_connection_gets_the_number(connect):
    # Events of a closed connection must not reach the one that has its number now.
    for _ in range(50):
        transport, protocol, peer = await connect()
        peer.send(b"late data")
        transport.abort()
        await protocol.until("connection_lost")
        _, successor, other = await connect()
        await polled()
        assert successor.calls == ["connection_made"]
        other.send(b"x")
        await successor.until("data_received")
        assert successor.received == b"x"
        peer.close()
        successor.transport.abort()
        await successor.until("connection_lost")
        other.close()


async def adopted(loop):
    """Make a transport of one end of a socket pair, the socket object being ours."""
    left, right = socket.socketpair()
    transport, protocol = await loop.create_connection(Recorder, sock=left)
    await polled()
    return transport, protocol, left, right


async def test_caller_closes_the_socket_then_the_transport(loop):
    transport, protocol, left, right = await adopted(loop)
    fd = left.fileno()
    left.close()
    stranger, other = occupy(fd)
    transport.close()
    await protocol.until("connection_lost")
    await polled()
    # The number belongs to a stranger now, and the transport must leave it alone.
    other.send(b"data")
    assert stranger.recv(10) == b"data"
    assert protocol.exception is None
    for sock in (stranger, other, right):
        sock.close()


async def test_caller_closes_the_socket_then_the_transport_writes(loop):
    transport, protocol, left, right = await adopted(loop)
    fd = left.fileno()
    left.close()
    stranger, other = occupy(fd)
    transport.write(b"secret")
    await polled()
    transport.close()
    await protocol.until("connection_lost")
    await polled()
    assert quiet(other)
    stranger.send(b"alive")
    assert other.recv(10) == b"alive"
    for sock in (stranger, other, right):
        sock.close()


async def test_transport_after_the_caller_closed_its_socket(loop):
    transport, protocol, left, right = await adopted(loop)
    left.close()
    transport.write(b"data")
    if isinstance(loop, asyncio.SelectorEventLoop) and type(loop).__module__ == "aioxide._loop":
        # The transport is a user of the socket, which therefore stays open: docs/compatibility.md.
        await polled()
        assert right.recv(10) == b"data"
        transport.close()
    await protocol.until("connection_lost")
    if protocol.exception is not None:
        assert protocol.exception.errno == errno.EBADF
    assert left.fileno() == -1
    right.close()


async def test_caller_closes_the_socket_and_the_peer_speaks(loop):
    transport, protocol, left, right = await adopted(loop)
    fd = left.fileno()
    left.close()
    stranger, other = occupy(fd)
    other.send(b"not for the transport")
    await polled()
    assert protocol.received == b""
    assert stranger.recv(100) == b"not for the transport"
    transport.abort()
    await protocol.until("connection_lost")
    for sock in (stranger, other, right):
        sock.close()


async def test_caller_detaches_the_socket(loop):
    transport, protocol, left, right = await adopted(loop)
    fd = left.detach()
    transport.abort()
    await protocol.until("connection_lost")
    await polled()
    ours = socket.socket(fileno=fd)
    ours.send(b"ours still")
    assert right.recv(100) == b"ours still"
    ours.close()
    right.close()


@pytest.mark.parametrize("end", ["write", "writelines", "peer speaks", "peer closes", "write_eof"])
async def test_use_of_a_detached_socket(loop, end):
    """The number is the caller's, who may have given it to something else: EBADF."""
    transport, protocol, left, right = await adopted(loop)
    fd = left.detach()
    if end == "write_eof":
        with pytest.raises(OSError, match="Bad file descriptor"):
            transport.write_eof()
        transport.abort()
    elif end == "peer speaks":
        right.send(b"not for the transport")
    elif end == "peer closes":
        right.close()
    else:
        getattr(transport, end)([b"da", b"ta"] if end == "writelines" else b"data")
    await protocol.until("connection_lost")
    assert protocol.calls == ["connection_made", "connection_lost"]
    if end != "write_eof":
        assert protocol.exception.errno == errno.EBADF
    await polled()
    ours = socket.socket(fileno=fd)
    if end != "peer closes":
        ours.send(b"ours still")
        assert right.recv(100) == b"ours still"
    ours.close()
    right.close()


async def test_detached_while_data_waits(loop):
    transport, protocol, left, right = await adopted(loop)
    data = await clog(transport)
    fd = left.detach()
    peer = Peer(loop, right)
    received = await peer.recv(len(data))
    await protocol.until("connection_lost")
    assert protocol.exception.errno == errno.EBADF
    assert data.startswith(received)
    os.close(fd)
    right.close()


async def test_watching_the_descriptor_of_a_transport_is_refused(connect, loop):
    transport, protocol, peer = await connect()
    fd = transport.get_extra_info("socket").fileno()
    for method, arguments in [
        (loop.add_reader, (fd, print)),
        (loop.add_writer, (fd, print)),
        (loop.remove_reader, (fd,)),
        (loop.remove_writer, (fd,)),
    ]:
        with pytest.raises(RuntimeError, match=f"File descriptor {fd} is used by transport <"):
            method(*arguments)
    peer.send(b"data")
    await protocol.until("data_received")


async def test_descriptor_of_a_closing_transport_is_not_refused(connect, loop):
    transport, protocol, peer = await connect()
    await clog(transport)
    sock = transport.get_extra_info("socket")
    transport.close()
    assert loop.remove_reader(sock) is False
    await peer.recv_all()
    await protocol.until("connection_lost")


async def test_sockets_of_a_server_are_closed_once(loop):
    server = await loop.create_server(Recorder, "127.0.0.1", 0)
    fd = server.sockets[0].fileno()
    server.close()
    stranger, other = occupy(fd)
    server.close()
    await server.wait_closed()
    await polled()
    other.send(b"data")
    assert stranger.recv(10) == b"data"
    assert quiet(other)
    stranger.close()
    other.close()


SERVER = """
    import asyncio, resource, sys

    class Echo(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            self.transport.write(data)

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(
            lambda loop, context: print(
                context["message"], context["exception"].errno, sorted(context), flush=True
            )
        )
        server = await loop.create_server(Echo, "127.0.0.1", 0, backlog=50)
        print(server.sockets[0].getsockname()[1], flush=True)
        await loop.create_future()

    # Room for a few connections only. What is imported late is imported before.
    loop = new_event_loop()
    loop.run_until_complete(asyncio.sleep(0))
    import os
    used = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 9, used + 9))
    loop.run_until_complete(main())
"""


@pytest.mark.time_limit(40)
def test_out_of_descriptors(loop_kind, on_asyncio, tmp_path):
    program = tmp_path / "server.py"
    program.write_text(
        f"from {loop_kind} import new_event_loop\n" + textwrap.dedent(SERVER), encoding="utf-8"
    )
    with (
        contextlib.ExitStack() as stack,
        subprocess.Popen(
            [sys.executable, str(program)], stdout=subprocess.PIPE, text=True
        ) as server,
    ):
        try:
            address = ("127.0.0.1", int(server.stdout.readline()))
            clients = [
                stack.enter_context(socket.create_connection(address, timeout=10))
                for _ in range(20)
            ]
            for number, client in enumerate(clients):
                client.send(b"%02d" % number)
            # It reports the lack, and serves those that it has.
            first = server.stdout.readline()
            assert first == (
                "socket.accept() out of system resource 24 ['exception', 'message', 'socket']\n"
            )
            assert clients[0].recv(2) == b"00"
            client = clients[0]
            for _ in range(10):
                client.send(b"on")
                assert client.recv(2) == b"on"
            # Those that it serves leave; after its pause it takes the others, all of them.
            waiting = list(enumerate(clients))
            while waiting:
                ready = select.select([client for _, client in waiting], [], [], 10)[0]
                assert ready
                for number, client in list(waiting):
                    if client in ready:
                        if number:
                            assert client.recv(2) == b"%02d" % number
                        client.close()
                        waiting.remove((number, client))
                if (0, clients[0]) in waiting:
                    clients[0].close()
                    waiting.remove((0, clients[0]))
            # A new connection is served at once.
            with socket.create_connection(address, timeout=10) as client:
                client.send(b"new")
                assert client.recv(3) == b"new"
        finally:
            server.send_signal(signal.SIGKILL)
            rest = server.stdout.read()
        # One report for each pause, of which there are few: 20 clients, room for about 5 at a
        # time. asyncio reports once for each free place of the backlog.
        assert on_asyncio or rest.count("out of system resource") <= 6


async def test_out_of_descriptors_while_connecting(loop, listener, open_descriptors):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = open_descriptors()
    await loop.getaddrinfo("127.0.0.1", 1)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
    hold = []
    try:
        with contextlib.suppress(OSError):
            while True:
                hold.append(socket.socket())
        with pytest.raises(OSError, match="Too many open files"):
            await loop.create_connection(Recorder, *listener.getsockname())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for sock in hold:
            sock.close()
    assert open_descriptors() == before
    transport, protocol = await loop.create_connection(Recorder, *listener.getsockname())
    transport.close()
    await protocol.until("connection_lost")
    listener.accept()[0].close()


# From 3.12 on a fork beside other threads warns, and the time limit has one.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
async def test_fork_does_not_close_the_parents_connections(connect, loop):
    transport, protocol, peer = await connect()
    pid = os.fork()
    if pid == 0:
        # The child leaves without running the loop; nothing of it may touch the connection.
        os._exit(0)
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        await asyncio.sleep(0)
    transport.write(b"alive")
    assert await peer.recv() == b"alive"
    peer.send(b"too")
    await protocol.until("data_received")
