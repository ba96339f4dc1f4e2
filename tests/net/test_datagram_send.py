"""sendto(): what is sent, what is refused, and flow control."""

import asyncio
import contextvars
import errno
import gc
import os
import re
import socket
import sys

import pytest

from .endpoint import Endpoint, plain, quiet

HEADER = 8 if sys.version_info >= (3, 13) else 0
DISCARD = ("127.0.0.1", 9)


def name(protocol):
    return protocol.transport.get_extra_info("sockname")


@pytest.fixture
def clogged(loop, endpoint, tmp_path):
    """An endpoint that is connected to a plain Unix socket which has no room any more.

    Over UDP there is always room: what the receiver has no room for is lost.
    """
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.setblocking(False)
    receiver.bind(str(tmp_path / "receiver"))

    async def make(protocol=None, **limits):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.connect(str(tmp_path / "receiver"))
        protocol = await endpoint(protocol, sock=sock)
        transport = protocol.transport
        count = 0
        while transport.get_write_buffer_size() == 0:
            transport.sendto(b"x")
            count += 1
        if limits:
            transport.set_write_buffer_limits(**limits)
        return protocol, receiver, count

    yield make
    receiver.close()


async def receive(receiver, count):
    """Read so many datagrams, as they come."""
    loop = asyncio.get_running_loop()
    return [await loop.sock_recv(receiver, 100_000) for _ in range(count)]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
async def test_bytes_like(endpoint, kind):
    protocol = await endpoint()
    with plain() as peer:
        protocol.transport.sendto(kind(b"data"), peer.getsockname())
        protocol.transport.sendto(data=kind(b"more"), addr=peer.getsockname())
        await asyncio.sleep(0)
        assert peer.recv(10) + peer.recv(10) == b"datamore"


@pytest.mark.parametrize("data", ["text", 5, None, [b"x"]], ids=repr)
async def test_what_is_not_bytes_like(endpoint, data):
    protocol = await endpoint()
    kind = type(data).__name__
    with pytest.raises(TypeError, match=f"must be a bytes-like object, not '{kind}'"):
        protocol.transport.sendto(data, DISCARD)


@pytest.mark.parametrize("arguments", [(), (b"1", DISCARD, 3)], ids=repr)
async def test_wrong_number_of_arguments(endpoint, arguments):
    protocol = await endpoint()
    with pytest.raises(TypeError):
        protocol.transport.sendto(*arguments)
    with pytest.raises(TypeError):
        protocol.transport.sendto(b"1", address=DISCARD)
    with pytest.raises(TypeError):
        protocol.transport.sendto(b"1", data=b"2")


async def test_empty_datagrams(endpoint):
    """Received always; sent from 3.13 on."""
    server = await endpoint()
    client = await endpoint(remote_addr=name(server))
    client.transport.sendto(b"")
    client.transport.sendto(memoryview(b""))
    client.transport.sendto(b"end")
    empty = [b"", b""] if sys.version_info >= (3, 13) else []
    assert await server.got(len(empty) + 1) == [*empty, b"end"]
    with plain() as peer:
        peer.sendto(b"", name(server))
        await server.got(len(empty) + 2)
    assert server.received[-1][0] == b""


@pytest.mark.parametrize("first", ["direct", "gathered"])
async def test_buffer_may_be_changed_afterwards(endpoint, first):
    protocol = await endpoint()
    with plain() as peer:
        if first == "gathered":
            protocol.transport.sendto(b"first", peer.getsockname())
            peer.recv(10)
        data = bytearray(b"before")
        protocol.transport.sendto(data, peer.getsockname())
        data[:] = b"after"
        await asyncio.sleep(0)
        assert peer.recv(10) == b"before"


async def test_other_address_than_the_remote_one(endpoint):
    with plain() as peer:
        remote = peer.getsockname()
        protocol = await endpoint(remote_addr=remote)
        for address in (DISCARD, [*remote], "address", 5):
            text = re.escape(f"Invalid address: must be None or {remote}")
            with pytest.raises(ValueError, match=f"^{text}$"):
                protocol.transport.sendto(b"x", address)
        for address in (None, remote, (remote[0], remote[1])):
            protocol.transport.sendto(b"x", address)
            await asyncio.sleep(0)
            assert peer.recv(10) == b"x"


async def test_remote_address_is_set_afterwards(endpoint):
    """On the private `_address`: asyncio-dgram does so for connected sockets of the program's."""
    sock = plain()
    with plain() as peer:
        remote = peer.getsockname()
        sock.connect(remote)
        transport = (await endpoint(sock=sock)).transport
        assert transport._address is None
        transport._address = remote
        assert transport._address is remote
        with pytest.raises(ValueError, match="Invalid address"):
            transport.sendto(b"x", DISCARD)
        transport.sendto(b"x", remote)
        assert peer.recv(10) == b"x"
        transport._address = None
        transport.sendto(b"y")
        await asyncio.sleep(0)
        assert peer.recv(10) == b"y"
    with plain() as peer:
        transport = (await endpoint(local_addr=("127.0.0.1", 0))).transport
        transport._address = peer.getsockname()
        transport.sendto(b"z")
        assert peer.recv(10) == b"z"


@pytest.mark.parametrize(
    "address",
    [None, "127.0.0.1", ("127.0.0.1",), ("127.0.0.1", "9"), ("127.0.0.1", 70000), (5, 9), b"x"],
    ids=repr,
)
@pytest.mark.parametrize("when", ["first", "later", "answering"])
async def test_wrong_address_is_fatal(endpoint, contexts, address, when):
    def answer(protocol, data, addr):
        protocol.transport.sendto(b"good", addr)
        protocol.transport.sendto(b"bad", address)

    protocol = await endpoint(Endpoint(datagram_received=answer))
    transport = protocol.transport
    with plain() as peer:
        if when == "answering":
            peer.sendto(b"question", name(protocol))
            await protocol.until("connection_lost")
        else:
            if when == "later":
                transport.sendto(b"good", peer.getsockname())
            transport.sendto(b"bad", address)
            assert transport.is_closing()
        if when != "first":
            assert peer.recv(10) == b"good"
    await protocol.until("connection_lost")
    assert isinstance(protocol.exception, (TypeError, OverflowError, ValueError))
    [context] = contexts
    assert context["message"] == "Fatal write error on datagram transport"
    assert context["exception"] is protocol.exception
    assert context["transport"] is transport
    assert context["protocol"] is protocol


async def test_host_name(endpoint):
    protocol = await endpoint()
    with plain() as peer:
        for _ in range(3):
            protocol.transport.sendto(b"x", ("localhost", peer.getsockname()[1]))
            assert peer.recv(10) == b"x"
        protocol.transport.sendto(b"x", ("", peer.getsockname()[1]))
        assert peer.recv(10) == b"x"


async def test_error_of_the_network(endpoint):
    protocol = await endpoint()
    protocol.transport.sendto(bytes(70_000), DISCARD)
    protocol.transport.sendto(b"x", ("255.255.255.255", 9))
    await quiet(protocol)
    assert [type(error) for error in protocol.errors] == [OSError, PermissionError]
    assert protocol.errors[0].strerror == os.strerror(protocol.errors[0].errno)
    assert not protocol.transport.is_closing()
    with plain() as peer:
        protocol.transport.sendto(b"still there", peer.getsockname())
        assert peer.recv(20) == b"still there"


async def test_errors_among_datagrams(endpoint):
    """One that is refused keeps no other back."""
    protocol = await endpoint()
    with plain() as peer:
        for number in range(5):
            protocol.transport.sendto(b"%d" % number, peer.getsockname())
            protocol.transport.sendto(bytes(70_000), peer.getsockname())
        await quiet(protocol)
        assert [peer.recv(10) for _ in range(5)] == [b"%d" % number for number in range(5)]
    assert len(protocol.errors) == 5


async def test_refused_connection(endpoint):
    with plain() as peer:
        address = peer.getsockname()
    protocol = await endpoint(remote_addr=address)
    protocol.transport.sendto(b"1")
    await protocol.until("error_received")
    assert [type(error) for error in protocol.errors] == [ConnectionRefusedError]
    assert not protocol.transport.is_closing()
    protocol.transport.sendto(b"2")
    await protocol.until(lambda: len(protocol.errors) == 2)


async def test_error_received_that_raises(endpoint, contexts):
    def fail(protocol, error):
        raise LookupError("of the protocol")

    protocol = await endpoint(Endpoint(error_received=fail))
    # The first of a step is sent in the call.
    with pytest.raises(LookupError):
        protocol.transport.sendto(bytes(70_000), DISCARD)
    with plain() as peer:
        gone = peer.getsockname()
    connected = await endpoint(Endpoint(error_received=fail), remote_addr=gone)
    connected.transport.sendto(b"x")
    await connected.until("error_received")
    await quiet(connected)
    assert [type(context["exception"]) for context in contexts] == [LookupError]
    assert not connected.transport.is_closing()


async def test_error_of_an_answer(endpoint):
    variable = contextvars.ContextVar("variable", default="none")
    seen = []

    def answer(protocol, data, addr):
        protocol.transport.sendto(bytes(70_000), addr)
        protocol.transport.sendto(data, addr)

    variable.set("creation")
    made = [
        await endpoint(
            Endpoint(
                datagram_received=answer, error_received=lambda *_: seen.append(variable.get())
            )
        )
        for _ in range(3)
    ]
    variable.set("later")
    with plain() as peer:
        for protocol in made:
            for number in range(3):
                peer.sendto(b"%d" % number, name(protocol))
        for protocol in made:
            await protocol.until(lambda protocol=protocol: len(protocol.errors) == 3)
        await quiet(*made)
        assert sorted(peer.recv(10) for _ in range(9)) == sorted([b"0", b"1", b"2"] * 3)
    assert seen == ["creation"] * 9


async def test_detached_socket(endpoint):
    """Its number may be another file's: nothing is sent there."""
    sock = plain()
    protocol = await endpoint(sock=sock)
    with plain() as peer, socket.socket(fileno=sock.detach()):
        for _ in range(2):
            protocol.transport.sendto(b"x", peer.getsockname())
        protocol.transport.abort()
        await protocol.until("connection_lost")
        peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            peer.recv(10)
    assert [error.errno for error in protocol.errors] == [errno.EBADF] * 2


async def test_raising_error_received_of_gathered_datagrams(endpoint, contexts, on_asyncio):
    def fail(protocol, error):
        raise LookupError("of the protocol")

    protocol = await endpoint(Endpoint(error_received=fail))
    with plain() as peer:
        protocol.transport.sendto(b"1", peer.getsockname())
        if on_asyncio:
            with pytest.raises(LookupError):
                protocol.transport.sendto(bytes(70_000), DISCARD)
        else:
            protocol.transport.sendto(bytes(70_000), DISCARD)
        protocol.transport.sendto(b"2", peer.getsockname())
        await quiet(protocol)
        assert peer.recv(10) + peer.recv(10) == b"12"
    assert len(contexts) == (0 if on_asyncio else 1)
    assert not protocol.transport.is_closing()


async def test_many_in_one_step_arrive_in_order(endpoint):
    protocol = await endpoint()
    with plain() as peer, plain() as other:
        sizes = [number % 7 * 100 + 1 for number in range(200)]
        for number, size in enumerate(sizes):
            target = other if number % 5 == 0 else peer
            protocol.transport.sendto(bytes([number]) * size, target.getsockname())
        assert protocol.transport.get_write_buffer_size() == 0
        for number, size in enumerate(sizes):
            target = other if number % 5 == 0 else peer
            assert target.recv(1000) == bytes([number]) * size


async def test_many_of_one_size_arrive_singly(endpoint):
    protocol = await endpoint()
    with plain() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sent = [bytes([number]) * 1200 for number in range(70)]
        sent += [b"short", b"s", *[bytes([number]) * 40 for number in range(20)], bytes(60_000)]
        for data in sent:
            protocol.transport.sendto(data, peer.getsockname())
        assert protocol.transport.get_write_buffer_size() == 0
        assert [peer.recv(65536) for _ in sent] == sent


async def test_what_the_mtu_refuses_is_sent_in_fragments(endpoint):
    """Of datagrams longer than the way's packets the kernel makes fragments, one by one only."""
    protocol = await endpoint()
    with plain() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sent = [bytes([number]) * 20_000 for number in range(6)]
        for data in sent:
            protocol.transport.sendto(data, peer.getsockname())
        await quiet(protocol)
        assert [peer.recv(65536) for _ in sent] == sent
    assert protocol.errors == []


async def test_sending_from_another_endpoints_callback(endpoint):
    """A relay."""
    out = await endpoint()
    with plain() as peer:

        def relay(protocol, data, addr):
            out.transport.sendto(data, peer.getsockname())

        protocol = await endpoint(Endpoint(datagram_received=relay))
        for number in range(10):
            peer.sendto(b"%d" % number, name(protocol))
        await protocol.got(10)
        assert [peer.recv(10) for _ in range(10)] == [b"%d" % number for number in range(10)]


def test_sending_while_the_loop_is_not_running(loop):
    with plain() as peer:
        transport, protocol = loop.run_until_complete(
            loop.create_datagram_endpoint(Endpoint, remote_addr=peer.getsockname())
        )
        transport.sendto(b"1")
        transport.sendto(b"2")
        assert peer.recv(10) + peer.recv(10) == b"12"
        transport.close()
        loop.run_until_complete(protocol.until("connection_lost"))


# Flow control


async def test_what_there_is_no_room_for_is_kept(clogged):
    protocol, receiver, count = await clogged()
    transport = protocol.transport
    assert transport.get_write_buffer_size() == 1 + HEADER
    transport.sendto(b"two")
    transport.sendto(b"three")
    assert transport.get_write_buffer_size() == 9 + 3 * HEADER
    assert " write=<polling, " in repr(transport)
    received = await receive(receiver, count + 2)
    assert received == [b"x"] * count + [b"two", b"three"]
    assert transport.get_write_buffer_size() == 0
    await quiet(protocol)
    assert " write=<idle, bufsize=0>" in repr(transport)


async def test_protocol_is_paused_and_resumed(clogged, asyncio_fault):
    asyncio_fault(
        (3, 13) <= sys.version_info < (3, 14),
        "the header is not taken off the size again",
        fixed_later=True,
    )
    protocol, receiver, count = await clogged(high=2000, low=100)
    transport = protocol.transport
    assert transport.get_write_buffer_limits() == (100, 2000)
    transport.sendto(bytes(1900))
    assert protocol.calls == ["connection_made"]
    transport.sendto(bytes(200))
    assert protocol.calls == ["connection_made", "pause_writing"]
    transport.sendto(bytes(200))
    await receive(receiver, count + 3)
    await protocol.until("resume_writing")
    assert protocol.calls == ["connection_made", "pause_writing", "resume_writing"]
    assert transport.get_write_buffer_size() == 0


@pytest.mark.parametrize("call", ["pause_writing", "resume_writing"])
@pytest.mark.parametrize("action", ["sendto", "close", "abort", "raise"])
async def test_acting_when_paused_or_resumed(clogged, contexts, asyncio_fault, call, action):
    asyncio_fault(
        (3, 13) <= sys.version_info < (3, 14),
        "the header is not taken off the size again",
        fixed_later=True,
    )
    asyncio_fault(
        call == "resume_writing" and action in ("close", "abort"),
        "connection_lost is called twice",
    )

    def act(protocol):
        if action == "sendto":
            protocol.transport.sendto(b"again")
        elif action == "close":
            protocol.transport.close()
        elif action == "abort":
            protocol.transport.abort()
        else:
            raise LookupError

    protocol, receiver, count = await clogged(Endpoint(**{call: act}), high=10)
    protocol.transport.sendto(b"0123456789")
    lost = action == "abort" and call == "pause_writing"
    again = [b"again"] if action == "sendto" else []
    expected = [b"x"] * (count - 1)
    expected += [] if lost else [b"x", b"0123456789", *again]
    assert await receive(receiver, len(expected)) == expected
    if action in ("close", "abort"):
        await protocol.until("connection_lost")
        assert protocol.exception is None
    await quiet(protocol)
    assert [type(context["exception"]) for context in contexts] == [LookupError] * (
        action == "raise"
    )
    assert protocol.calls.count(call) == 1


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, (16384, 65536)),
        ({"high": 100}, (25, 100)),
        ({"low": 100}, (100, 400)),
        ({"high": 0}, (0, 0)),
        ({"high": 5, "low": 5}, (5, 5)),
    ],
    ids=repr,
)
async def test_marks(endpoint, limits, expected):
    protocol = await endpoint()
    protocol.transport.set_write_buffer_limits(**limits)
    assert protocol.transport.get_write_buffer_limits() == expected


@pytest.mark.parametrize("limits", [{"high": 1, "low": 2}, {"low": -1}, {"high": -1}], ids=repr)
async def test_wrong_marks(endpoint, limits):
    protocol = await endpoint()
    with pytest.raises(ValueError, match="must be >= low"):
        protocol.transport.set_write_buffer_limits(**limits)


async def test_close_sends_what_is_queued(clogged):
    protocol, receiver, count = await clogged()
    transport = protocol.transport
    transport.sendto(b"queued")
    transport.close()
    transport.close()
    await quiet(protocol)
    assert "connection_lost" not in protocol.calls
    # asyncio still takes more.
    transport.sendto(b"late")
    assert (await receive(receiver, count + 2))[-2:] == [b"queued", b"late"]
    await protocol.until("connection_lost")
    assert protocol.exception is None


async def test_abort_drops_what_is_queued(clogged, on_asyncio):
    protocol, receiver, count = await clogged()
    protocol.transport.sendto(b"queued")
    protocol.transport.abort()
    protocol.transport.abort()
    await protocol.until("connection_lost")
    # asyncio goes on counting it.
    assert on_asyncio or protocol.transport.get_write_buffer_size() == 0
    assert await receive(receiver, count - 1) == [b"x"] * (count - 1)
    with pytest.raises(BlockingIOError):
        receiver.recv(10)


async def test_abort_of_what_was_closed(clogged):
    protocol, _, _ = await clogged()
    protocol.transport.close()
    protocol.transport.abort()
    await protocol.until("connection_lost")
    assert protocol.calls.count("connection_lost") == 1


async def test_receiver_that_goes_away(clogged):
    """Each queued datagram is refused by itself."""
    protocol, receiver, _ = await clogged()
    protocol.transport.sendto(b"queued")
    receiver.close()
    await protocol.until(lambda: len(protocol.errors) == 2)
    # The kernel disconnects the socket with the first.
    assert isinstance(protocol.errors[0], ConnectionRefusedError)
    assert isinstance(protocol.errors[1], OSError)
    await quiet(protocol)
    assert protocol.transport.get_write_buffer_size() == 0
    protocol.transport.close()
    await protocol.until("connection_lost")
    gc.collect()
