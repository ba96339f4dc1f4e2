"""What is left of a wait: closed sockets, numbers that are used again, copies that stay open."""

import asyncio
import os
import socket
import threading

import pytest

from .peer import polled, received
from .recorder import Recorder
from .test_descriptors import occupy

LARGE = bytes(1 << 20)


@pytest.fixture
def takes():
    """Makes a pair whose first socket has a number that is free."""
    made = []

    def takes(fd):
        left, right = occupy(fd)
        assert left.fileno() == fd
        made.extend((left, right))
        return left, right

    yield takes
    for sock in made:
        sock.close()


def epoll_entry(fd):
    """The events that the process's epoll instances watch for on `fd`."""
    found = []
    for name in os.listdir("/proc/self/fdinfo"):
        try:
            with open(f"/proc/self/fdinfo/{name}") as file:
                lines = [line.split() for line in file]
        except FileNotFoundError:
            continue
        found += [int(line[3], 16) for line in lines if line[0] == "tfd:" and int(line[1]) == fd]
    return found


async def test_a_registration_outlives_its_wait(loop, pairs, on_asyncio):
    left, right = pairs()
    assert await received(loop, left, right, b"one") == b"one"
    entry = epoll_entry(left.fileno())
    assert (entry == []) is on_asyncio
    assert await received(loop, left, right, b"two") == b"two"
    assert epoll_entry(left.fileno()) == entry
    left.close()


@pytest.mark.parametrize("rounds", [1, 3])
async def test_number_reused_by_another_socket(loop, pairs, takes, rounds):
    left, right = pairs()
    fd = left.fileno()
    for data in range(rounds):
        assert await received(loop, left, right, bytes([data])) == bytes([data])
        left.close()
        left, right = takes(fd)
    assert await received(loop, left, right, b"last") == b"last"


async def test_number_reused_while_a_copy_of_the_first_is_open(loop, pairs, takes):
    left, right = pairs()
    fd = left.fileno()
    assert await received(loop, left, right, b"first") == b"first"
    with left.dup() as copy:
        left.close()
        other, peer = takes(fd)
        receiving = asyncio.create_task(loop.sock_recv(other, 100))
        await polled()
        right.send(b"for the copy")
        await polled()
        assert not receiving.done()
        peer.send(b"second")
        assert await receiving == b"second"
        right.send(b", too")
        await polled()
        assert copy.recv(100) == b"for the copy, too"


async def test_number_reused_by_a_file_of_another_kind(loop, pairs):
    left, right = pairs()
    fd = left.fileno()
    assert await received(loop, left, right, b"data") == b"data"
    left.close()
    reading, writing = os.pipe()
    if reading != fd:
        os.dup2(reading, fd)
        os.close(reading)
    called = []
    loop.add_reader(fd, lambda: called.append(os.read(fd, 10)))
    os.write(writing, b"pipe")
    await polled()
    assert called == [b"pipe"]
    assert loop.remove_reader(fd)
    os.close(fd)
    os.close(writing)


async def test_number_reused_by_an_accepted_connection(loop, pairs):
    left, right = pairs()
    fd = left.fileno()
    assert await received(loop, left, right, b"data") == b"data"
    protocol = Recorder()
    server = await loop.create_server(lambda: protocol, "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()) as client:
        left.close()
        await protocol.until("connection_made")
        assert protocol.transport.get_extra_info("socket").fileno() == fd
        client.send(b"hello")
        await protocol.until("data_received")
        assert protocol.received == b"hello"
    await protocol.until("connection_lost")
    server.close()
    await server.wait_closed()


async def test_number_reused_by_a_server(loop, pairs):
    left, right = pairs()
    fd = left.fileno()
    assert await received(loop, left, right, b"data") == b"data"
    left.close()
    listener = socket.create_server(("127.0.0.1", 0))
    if listener.fileno() != fd:
        os.dup2(listener.fileno(), fd)
        listener.close()
        listener = socket.socket(fileno=fd)
    protocol = Recorder()
    server = await loop.create_server(lambda: protocol, sock=listener)
    with socket.create_connection(listener.getsockname()):
        await protocol.until("connection_made")
    await protocol.until("connection_lost")
    server.close()
    await server.wait_closed()


async def test_number_reused_while_a_call_waits(loop, pairs, takes, asyncio_fault):
    asyncio_fault(True, "the other socket's call waits for ever", run=False)
    left, _ = pairs()
    fd = left.fileno()
    receiving = asyncio.create_task(loop.sock_recv(left, 100))
    await polled()
    left.close()
    other, peer = takes(fd)
    try:
        assert await received(loop, other, peer, b"data") == b"data"
        assert not receiving.done()
    finally:
        receiving.cancel()
        await asyncio.wait([receiving])
    assert await received(loop, other, peer, b"more") == b"more"


async def test_nothing_is_left_of_a_call_that_is_cancelled_after_its_socket(loop, pairs, takes):
    left, _ = pairs()
    fd = left.fileno()
    receiving = asyncio.create_task(loop.sock_recv(left, 100))
    await polled()
    left.close()
    receiving.cancel()
    await asyncio.wait([receiving])
    await polled()
    other, peer = takes(fd)
    assert not loop.remove_reader(other)
    assert await received(loop, other, peer, b"data") == b"data"


async def test_two_sockets_of_one_number(loop, pairs):
    left, right = pairs()
    same = socket.socket(fileno=left.fileno())
    try:
        for sock in (left, same, left, left, same):
            assert await received(loop, sock, right, b"data") == b"data"
        sending = asyncio.create_task(loop.sock_sendall(same, LARGE))
        assert await received(loop, left, right, b"data") == b"data"
        size = 0
        while size < len(LARGE):
            size += len(await loop.sock_recv(right, 1 << 16))
        await sending
    finally:
        same.detach()


async def test_detached_socket(loop, pairs):
    left, right = pairs()
    assert await received(loop, left, right, b"one") == b"one"
    with socket.socket(fileno=left.detach()) as heir:
        assert await received(loop, heir, right, b"two") == b"two"


async def test_data_that_nobody_waits_for(loop, pairs):
    left, right = pairs()
    assert await received(loop, left, right, b"one") == b"one"
    for _ in range(5):
        right.send(b"-")
        await polled()
    assert await loop.sock_recv(left, 100) == b"-----"
    assert await received(loop, left, right, b"two") == b"two"


async def test_room_is_not_asked_for_once_all_is_sent(loop, pairs):
    left, right = pairs()
    for _ in range(2):
        sending = asyncio.create_task(loop.sock_sendall(left, LARGE))
        size = 0
        while size < len(LARGE):
            size += len(await loop.sock_recv(right, 1 << 16))
        await sending
        assert await received(loop, left, right, b"data") == b"data"
        assert [events & 4 for events in epoll_entry(left.fileno())] in ([], [0])


async def test_a_reader_that_a_call_replaced_is_not_told_of(loop, pairs):
    left, right = pairs()
    loop.add_reader(left, list)
    assert await received(loop, left, right, b"data") == b"data"
    right.send(b"for nobody")
    await polled()
    # Edge-triggered, or not there.
    assert all(events >> 31 for events in epoll_entry(left.fileno()))
    assert not loop.remove_reader(left)
    assert await loop.sock_recv(left, 100) == b"for nobody"


async def test_sockets_are_not_kept(loop, pairs, open_descriptors):
    before = open_descriptors()
    for _ in range(3):
        left, right = socket.socketpair()
        with right:
            left.setblocking(False)
            assert await received(loop, left, right, b"data") == b"data"
            left.close()
    del left
    assert open_descriptors() == before


@pytest.mark.parametrize("use", ["add_reader", "sock_recv"])
def test_a_copy_of_a_closed_descriptor_does_not_keep_the_loop_busy(
    loop, pairs, wait_idle, start_thread, use, asyncio_fault
):
    """The kernel goes on telling of it, and no call can stop that."""
    asyncio_fault(use == "add_reader", "the loop spins", run=False)
    left, right = pairs()
    copy = left.dup()
    if use == "add_reader":
        loop.add_reader(left, list)
        fd = left.fileno()
        left.close()
        loop.remove_reader(fd)
    else:
        loop.run_until_complete(received(loop, left, right, b"data"))
        left.close()
    right.send(b"for ever")
    native = threading.get_native_id()

    def stop_when_idle():
        for _ in range(3):
            wait_idle(native)
        loop.call_soon_threadsafe(loop.stop)

    thread = start_thread(stop_when_idle)
    loop.run_forever()
    thread.join()
    with copy:
        assert copy.recv(10) == b"for ever"
        # All that was registered is registered still.
        reader, writer = pairs()
        assert loop.run_until_complete(received(loop, reader, writer, b"seen")) == b"seen"


async def test_what_is_registered_stays_so_when_strays_are_left_behind(loop, pairs, on_asyncio):
    """Enough of them for the loop to leave its epoll instance behind."""
    if on_asyncio:
        pytest.skip("asyncio's selector does not")
    reader, writer = pairs()
    called = []
    loop.add_reader(reader, lambda: called.append(reader.recv(10)))
    cached, peer = pairs()
    assert await received(loop, cached, peer, b"one") == b"one"
    protocol = Recorder()
    server = await loop.create_server(lambda: protocol, "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()) as client:
        await protocol.until("connection_made")
        left, right = pairs()
        with left.dup():
            loop.add_reader(left, list)
            fd = left.fileno()
            left.close()
            loop.remove_reader(fd)
            right.send(b"for ever")
            await polled(100)
            polls = loop.stats()["polls"]
            await polled(10)
            assert loop.stats()["polls"] - polls < 100
            writer.send(b"reader")
            client.send(b"transport")
            await protocol.until("data_received")
            assert protocol.received == b"transport"
            await polled()
            assert called == [b"reader"]
            assert await received(loop, cached, peer, b"two") == b"two"
            loop.call_soon_threadsafe(called.append, "thread")
            await polled()
            assert called == [b"reader", "thread"]
    await protocol.until("connection_lost")
    loop.remove_reader(reader)
    server.close()
    await server.wait_closed()


async def test_another_socket_is_put_under_the_number(loop, pairs):
    left, right = pairs()
    assert await received(loop, left, right, b"one") == b"one"
    other, peer = pairs()
    os.dup2(other.fileno(), left.fileno())
    assert await received(loop, left, peer, b"two") == b"two"
    with other.dup() as copy:
        os.dup2(copy.fileno(), left.fileno())
        assert await received(loop, left, peer, b"three") == b"three"
    # The first pair is gone.
    assert right.recv(1) == b""
