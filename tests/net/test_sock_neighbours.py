"""`sock_recv` and the others beside other users of a descriptor, and of the loop."""

import asyncio
import socket

import pytest

from .peer import polled, step, waiting
from .recorder import Recorder

LARGE = bytes(range(256)) * 8192


async def test_descriptor_of_a_transport(loop, connect):
    transport, _, _ = await connect(Recorder())
    sock = transport.get_extra_info("socket")
    with socket.socket(fileno=sock.fileno()) as same:
        same.setblocking(False)
        try:
            number = same.fileno()
            match = f"File descriptor {number} is used by transport"
            with pytest.raises(RuntimeError, match=match):
                await loop.sock_recv(same, 10)
        finally:
            same.detach()


async def test_second_of_two_that_receive_gets_the_data(loop, pair):
    left, right = pair
    first = await waiting(loop.sock_recv(left, 10))
    second = await waiting(loop.sock_recv(left, 10))
    right.send(b"data")
    assert await second == b"data"
    right.send(b"more")
    await polled()
    assert not first.done()
    assert await loop.sock_recv(left, 10) == b"more"
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()


async def test_cancelling_the_first_of_two_leaves_the_second(loop, pair):
    left, right = pair
    first = await waiting(loop.sock_recv(left, 10))
    second = await waiting(loop.sock_recv(left, 10))
    first.cancel()
    await asyncio.wait([first])
    await polled()
    right.send(b"data")
    assert await second == b"data"


async def test_add_reader_takes_the_place_of_a_call(loop, pair):
    left, right = pair
    receiving = await waiting(loop.sock_recv(left, 10))
    called = []
    loop.add_reader(left, lambda: called.append(left.recv(10)))
    right.send(b"data")
    await polled()
    assert called == [b"data"]
    assert not receiving.done()
    assert loop.remove_reader(left)
    receiving.cancel()
    await asyncio.wait([receiving])


async def test_a_call_takes_the_place_of_a_reader(loop, pair):
    left, right = pair
    called = []
    loop.add_reader(left, called.append, 1)
    receiving = await waiting(loop.sock_recv(left, 10))
    right.send(b"data")
    assert await receiving == b"data"
    await polled()
    right.send(b"more")
    await polled()
    assert called == []
    assert not loop.remove_reader(left)


async def test_remove_reader_ends_the_wait_of_a_call(loop, pair):
    left, right = pair
    receiving = await waiting(loop.sock_recv(left, 10))
    assert loop.remove_reader(left)
    assert not loop.remove_reader(left)
    right.send(b"data")
    await polled()
    assert not receiving.done()
    receiving.cancel()
    await asyncio.wait([receiving])
    assert left.recv(10) == b"data"


async def test_a_writer_beside_a_call_that_receives(loop, pair):
    left, right = pair
    receiving = await waiting(loop.sock_recv(left, 10))
    written = []
    loop.add_writer(left, written.append, 1)
    await polled()
    assert written
    right.send(b"data")
    assert await receiving == b"data"
    right.send(b"more")
    count = len(written)
    await polled()
    assert len(written) > count
    assert loop.remove_writer(left)
    count = len(written)
    receiving = asyncio.create_task(loop.sock_recv(left, 10))
    assert await receiving == b"more"
    assert len(written) == count


async def test_a_reader_beside_a_call_that_sends(loop, pair):
    left, right = pair
    received = []
    loop.add_reader(left, lambda: received.append(left.recv(10)))
    sending = await waiting(loop.sock_sendall(left, LARGE))
    right.send(b"data")
    await polled()
    assert received == [b"data"]
    size = 0
    while size < len(LARGE):
        size += len(await loop.sock_recv(right, 1 << 20))
    await sending
    right.send(b"more")
    await polled()
    assert received == [b"data", b"more"]
    assert loop.remove_reader(left)


async def test_what_is_watched_is_told_by_the_selector(loop, pair):
    left, _ = pair
    key = left.fileno()
    assert key not in loop._selector.get_map()
    receiving = await waiting(loop.sock_recv(left, 10))
    found = loop._selector.get_key(left)
    assert found.events == 1
    assert found.data[0] is not None
    assert found.data[1] is None
    receiving.cancel()
    await asyncio.wait([receiving])
    await polled()
    assert key not in loop._selector.get_map()


# The loop


def test_loop_is_closed_while_a_call_waits(loop, pair):
    left, right = pair
    coroutine = loop.sock_recv(left, 10)
    coroutine.send(None)
    loop.close()
    right.send(b"data")
    coroutine.close()
    assert left.recv(10) == b"data"


def test_closed_loop(loop, pair):
    left, right = pair
    loop.close()
    coroutine = loop.sock_recv(left, 10)
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        coroutine.send(None)
    right.send(b"data")
    assert step(loop.sock_recv(left, 10)) == b"data"


def test_a_call_waits_on_into_another_run(loop, pair):
    left, right = pair
    receiving = loop.create_task(loop.sock_recv(left, 10))
    loop.run_until_complete(polled())
    assert not receiving.done()
    right.send(b"data")
    assert loop.run_until_complete(receiving) == b"data"


async def test_a_socket_that_always_has_data_starves_nobody(loop, pair):
    left, right = pair
    other, peer = socket.socketpair()
    with other, peer:
        other.setblocking(False)
        done = []

        async def flood():
            while not done:
                right.send(b"x")
                await loop.sock_recv(left, 10)
                await asyncio.sleep(0)

        flooding = asyncio.create_task(flood())
        receiving = asyncio.create_task(loop.sock_recv(other, 10))
        await asyncio.sleep(0)
        peer.send(b"seen")
        done.append(await receiving)
        await flooding
    assert done == [b"seen"]


async def test_methods_that_a_program_replaced_are_called(loop, pair, monkeypatch):
    left, right = pair
    asked = []

    def recv(self, n, *flags):
        asked.append(n)
        return receive(self, n, *flags)

    receive = socket.socket.recv
    right.send(b"one two")
    assert await loop.sock_recv(left, 3) == b"one"
    monkeypatch.setattr(socket.socket, "recv", recv, raising=False)
    assert await loop.sock_recv(left, 4) == b" two"
    assert asked == [4]


async def test_methods_of_a_subclass_are_called(loop):
    class Shouting(socket.socket):
        def recv(self, *arguments):
            return super().recv(*arguments).upper()

    left, right = socket.socketpair()
    with right, Shouting(fileno=left.detach()) as shouting:
        shouting.setblocking(False)
        receiving = await waiting(loop.sock_recv(shouting, 10))
        right.send(b"quiet")
        assert await receiving == b"QUIET"


async def test_debug_mode_comes_and_goes(loop, pair):
    left, right = pair
    for debug in (False, True, False, True, True, False, False):
        loop.set_debug(debug)
        receiving = await waiting(loop.sock_recv(left, 10))
        right.send(b"data")
        assert await receiving == b"data"
    loop.set_debug(False)


@pytest.mark.parametrize("debug", [True, False])
async def test_debug_mode_changes_while_data_is_sent(loop, pair, debug):
    left, right = pair
    loop.set_debug(not debug)
    sending = await waiting(loop.sock_sendall(left, LARGE))
    receiving = asyncio.create_task(loop.sock_recv(left, 10))
    await polled()
    loop.set_debug(debug)
    received = bytearray()
    while len(received) < len(LARGE):
        received += await loop.sock_recv(right, 1 << 16)
    await sending
    assert received == LARGE
    right.send(b"data")
    assert await receiving == b"data"
    loop.set_debug(False)


@pytest.mark.parametrize("end", ["close", "drop"])
async def test_coroutine_is_ended_while_it_waits(loop, pair, end):
    left, right = pair
    coroutine = loop.sock_recv(left, 10)
    future = coroutine.send(None)
    assert asyncio.isfuture(future)
    if end == "close":
        coroutine.close()
    del coroutine
    future.cancel()
    await polled()
    right.send(b"data")
    await polled()
    assert await loop.sock_recv(left, 10) == b"data"


async def test_wait_for(loop, pair):
    left, right = pair
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(loop.sock_recv(left, 10), 0.001)
    receiving = asyncio.create_task(loop.sock_recv(left, 10))
    await polled()
    right.send(b"data")
    assert await receiving == b"data"
