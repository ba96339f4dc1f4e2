"""Waits to read for a socket that was told of data before, and may have become another since."""

import asyncio
import os
import socket
import threading

import pytest

from .peer import polled, received, step, waiting
from .test_descriptors import occupy


async def exchange(loop, made):
    """Receive from several at the same time, what is sent after the calls have come to wait."""
    receiving = [asyncio.create_task(loop.sock_recv(sock, 100)) for sock, _ in made]
    await polled()
    assert not any(task.done() for task in receiving)
    for _, peer in made:
        peer.send(b"data")
    assert await asyncio.gather(*receiving) == [b"data"] * len(made)


@pytest.fixture(params=["asked-late", "untried"])
def trusted(request, pairs):
    """Make waits for the socket ones that need not ask the kernel, and need no try before."""
    beside, times = ([], 2) if request.param == "asked-late" else ([pairs() for _ in range(4)], 12)

    async def trusted(loop, sock, peer):
        for _ in range(times):
            await exchange(loop, [(sock, peer), *beside])

    return trusted


async def spin(until):
    """Keep the loop from ever waiting."""
    while not until.done():
        await asyncio.sleep(0)


def replace(sock, pairs):
    """Put another socket under the number of `sock`; return its peer."""
    other, peer = pairs()
    os.dup2(other.fileno(), sock.fileno())
    return peer


@pytest.mark.parametrize("count", [1, 2, 3, 20])
async def test_the_loop_waits_for_sockets_that_became_others(
    loop, pairs, count, wait_idle, start_thread, trusted
):
    made = [pairs() for _ in range(count)]
    for left, right in made:
        await trusted(loop, left, right)
    peers = [replace(left, pairs) for left, _ in made]
    native = threading.get_native_id()

    def send():
        wait_idle(native)
        for peer in peers:
            peer.send(b"data")

    receiving = [asyncio.create_task(loop.sock_recv(left, 100)) for left, _ in made]
    thread = start_thread(send)
    assert await asyncio.gather(*receiving) == [b"data"] * count
    thread.join()


async def test_another_socket_is_put_under_the_number_in_a_busy_loop(loop, pairs, trusted):
    left, right = pairs()
    await trusted(loop, left, right)
    peer = replace(left, pairs)
    receiving = asyncio.create_task(loop.sock_recv(left, 100))
    spinning = asyncio.create_task(spin(receiving))
    await polled()
    peer.send(b"data")
    assert await receiving == b"data"
    await spinning


async def test_numbers_are_used_again_in_a_loop_that_never_waits(loop, pairs, trusted):
    """The new sockets may have the addresses of the old ones as well."""
    done = loop.create_future()
    spinning = asyncio.create_task(spin(done))
    left, right = pairs()
    await trusted(loop, left, right)
    for _ in range(20):
        fd = left.fileno()
        left.close()
        right.close()
        del left
        left, right = occupy(fd)
        assert await received(loop, left, right, b"data") == b"data"
    left.close()
    right.close()
    done.set_result(None)
    await spinning


async def test_numbers_are_used_again_by_accepted_sockets(loop):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        for _ in range(10):
            with socket.create_connection(listener.getsockname()) as client:
                sock, _ = await loop.sock_accept(listener)
                with sock:
                    assert await received(loop, sock, client, b"one") == b"one"
                    assert await received(loop, sock, client, b"two") == b"two"


async def test_a_call_that_was_cancelled_trusts_nothing(loop, pairs, trusted):
    left, right = pairs()
    await trusted(loop, left, right)
    receiving = await waiting(loop.sock_recv(left, 100))
    receiving.cancel()
    await asyncio.wait([receiving])
    assert await received(loop, left, right, b"data") == b"data"
    receiving = asyncio.create_task(loop.sock_recv(left, 100))
    await asyncio.sleep(0)
    receiving.cancel()
    await asyncio.wait([receiving])
    assert receiving.cancelled()
    peer = replace(left, pairs)
    assert await received(loop, left, peer, b"other") == b"other"


async def test_a_writer_joins_and_leaves(loop, pairs, trusted):
    left, right = pairs()
    await trusted(loop, left, right)
    receiving = await waiting(loop.sock_recv(left, 100))
    called = loop.create_future()
    loop.add_writer(left, lambda: called.done() or called.set_result(None))
    await called
    right.send(b"data")
    assert await receiving == b"data"
    assert await received(loop, left, right, b"beside") == b"beside"
    assert loop.remove_writer(left)
    assert await received(loop, left, right, b"alone") == b"alone"
    assert await received(loop, left, right, b"again") == b"again"


async def test_a_reader_takes_the_place_of_a_call(loop, pairs, trusted):
    left, right = pairs()
    await trusted(loop, left, right)
    receiving = await waiting(loop.sock_recv(left, 100))
    got = loop.create_future()
    loop.add_reader(left, lambda: got.set_result(left.recv(100)))
    right.send(b"for the reader")
    assert await got == b"for the reader"
    assert loop.remove_reader(left)
    assert not receiving.done()
    receiving.cancel()
    await asyncio.wait([receiving])
    assert await received(loop, left, right, b"data") == b"data"


async def test_end_of_the_stream(loop, pairs, trusted):
    left, right = pairs()
    await trusted(loop, left, right)
    receiving = await waiting(loop.sock_recv(left, 100))
    right.close()
    assert await receiving == b""
    fd = left.fileno()
    left.close()
    left, right = occupy(fd)
    with left, right:
        assert await received(loop, left, right, b"data") == b"data"


async def test_into_a_buffer(loop, pairs):
    left, right = pairs()
    buffer = bytearray(10)
    for data in (b"one", b"two", b"three"):
        receiving = await waiting(loop.sock_recv_into(left, buffer))
        right.send(data)
        assert await receiving == len(data)
        assert buffer[: len(data)] == data
    peer = replace(left, pairs)
    receiving = await waiting(loop.sock_recv_into(left, buffer))
    peer.send(b"other")
    assert await receiving == 5
    assert buffer[:5] == b"other"


def test_a_run_ends_while_calls_wait(loop, pairs, trusted):
    """What they wait for comes in the next one."""
    made = [pairs() for _ in range(5)]

    async def begin():
        for left, right in made:
            await trusted(loop, left, right)
        peers = [replace(left, pairs) for left, _ in made]
        tasks = [asyncio.create_task(loop.sock_recv(left, 100)) for left, _ in made]
        await asyncio.sleep(0)
        return tasks, peers

    tasks, peers = loop.run_until_complete(begin())
    for peer in peers:
        peer.send(b"data")
    assert loop.run_until_complete(asyncio.gather(*tasks)) == [b"data"] * 5


async def test_data_that_came_before_the_call(loop, pairs, trusted):
    left, right = pairs()
    await trusted(loop, left, right)
    for number in range(100):
        data = b"data %d" % number
        right.send(data)
        assert await loop.sock_recv(left, 100) == data


async def test_more_came_than_a_call_takes(loop, pairs, trusted):
    left, right = pairs()
    await trusted(loop, left, right)
    receiving = await waiting(loop.sock_recv(left, 4))
    right.send(b"onetwothree")
    assert await receiving == b"onet"
    assert step(loop.sock_recv(left, 4)) == b"woth"
    assert step(loop.sock_recv(left, 4)) == b"ree"
    assert await received(loop, left, right, b"more") == b"more"


async def test_datagrams(loop, trusted):
    """One that is short does not say that there is none left."""
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with left, right:
        left.setblocking(False)
        for _ in range(3):
            await trusted(loop, left, right)
            receiving = await waiting(loop.sock_recv(left, 100))
            right.send(b"first")
            right.send(b"second")
            assert await receiving == b"first"
            assert await loop.sock_recv(left, 100) == b"second"


async def test_urgent_data_ends_a_read_early(loop, trusted):
    """What follows the mark is there although less came than there was room for."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        sock, _ = listener.accept()
        with client, sock:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
            await trusted(loop, sock, client)
            receiving = await waiting(loop.sock_recv(sock, 100))
            client.send(b"before!", socket.MSG_OOB)
            client.send(b"after")
            got = await receiving
            while len(got) < len(b"before!after"):
                got += await loop.sock_recv(sock, 100)
            assert got == b"before!after"


async def test_the_program_reads_by_itself_in_between(loop, pairs, trusted):
    left, right = pairs()
    await trusted(loop, left, right)
    receiving = await waiting(loop.sock_recv(left, 100))
    right.send(b"data")
    assert left.recv(2) == b"da"
    assert await receiving == b"ta"
    right.send(b"for the program")
    assert left.recv(100) == b"for the program"
    assert await received(loop, left, right, b"data") == b"data"


async def test_a_try_to_read_is_left_out(loop, on_asyncio, pairs):
    """After waits before which nothing had come, data that came is read a turn later."""
    first, *others = made = [pairs() for _ in range(5)]

    for _ in range(5):
        await exchange(loop, made)
        for left, right in made:
            right.send(b"there")
            assert step(loop.sock_recv(left, 100)) == b"there"
    for _ in range(8):
        await exchange(loop, made)
    waits = [asyncio.create_task(loop.sock_recv(left, 100)) for left, _ in others]
    await asyncio.sleep(0)
    left, right = first
    right.send(b"there")
    receiving = asyncio.create_task(loop.sock_recv(left, 100))
    await asyncio.sleep(0)
    assert receiving.done() is on_asyncio
    assert await receiving == b"there"
    for _, right in others:
        right.send(b"data")
    assert await asyncio.gather(*waits) == [b"data"] * len(others)
