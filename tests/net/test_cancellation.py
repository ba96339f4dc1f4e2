"""Cancelled at every await: no descriptor leaks, and a caller's socket has one owner."""

import asyncio
import socket
import types

import pytest

from .peer import polled
from .recorder import Recorder


@types.coroutine
def suspended(coroutine, step, when, reached):
    """Drive `coroutine`; cancel this task at its `step`-th suspension.

    `when` is "at once", before what it waits for can happen, or "when done": what it waits for has
    happened, and the task does not know yet.
    """
    task = asyncio.current_task()
    iterator = coroutine.__await__()
    count = 0
    send, value = iterator.send, None
    while True:
        try:
            future = send(value)
        except StopIteration as stop:
            return stop.value
        if count == step:
            reached.append(step)
            if when == "at once" or future is None:
                task.cancel()
            else:
                # A callback added now runs before the task's own.
                future.add_done_callback(lambda _: task.cancel())
        count += 1
        try:
            value = yield future
            send = iterator.send
        except BaseException as error:
            send, value = iterator.throw, error


async def sweep(make, check, when):
    """Cancel `make()` at its first suspension, its second and so on, until one run completes."""
    for step in range(100):
        reached = []

        async def run(step=step, reached=reached):
            return await suspended(make(), step, when, reached)

        task = asyncio.create_task(run())
        await asyncio.wait([task])
        if not reached:
            break
        await check(task)
        await polled()
    assert step > 0
    return task.result()


async def closed(transport, protocol):
    transport.close()
    await protocol.until("connection_lost")


WHEN = pytest.mark.parametrize("when", ["at once", "when done"])


def collect(listener):
    """Accept and close what has arrived."""
    listener.setblocking(False)
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return


async def dispose(task):
    """A cancelled call may still have succeeded; then what it made is ours to close."""
    if not task.cancelled():
        await closed(*task.result())


@WHEN
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"happy_eyeballs_delay": 0.25},
        {"happy_eyeballs_delay": 0},
        {"local_addr": ("127.0.0.1", 0)},
    ],
    ids=["plain", "happy-eyeballs", "no-delay", "local-address"],
)
async def test_connecting_by_name(loop, listener, when, arguments, open_descriptors, asyncio_fault):
    asyncio_fault(
        "happy_eyeballs_delay" in arguments, "the winner of the race is left open", run=False
    )
    port = listener.getsockname()[1]
    await loop.getaddrinfo("localhost", port)
    before = open_descriptors()

    def make():
        return loop.create_connection(
            Recorder, "localhost", port, family=socket.AF_INET, **arguments
        )

    async def check(task):
        await dispose(task)
        await polled()
        collect(listener)
        assert open_descriptors() == before

    await closed(*await sweep(make, check, when))
    collect(listener)
    await polled()
    assert open_descriptors() == before


@WHEN
async def test_connecting_by_number(loop, listener, when, open_descriptors):
    before = open_descriptors()

    async def check(task):
        await dispose(task)
        await polled()
        collect(listener)
        assert open_descriptors() == before

    def make():
        return loop.create_connection(Recorder, *listener.getsockname())

    await closed(*await sweep(make, check, when))
    collect(listener)


@WHEN
async def test_connecting_a_socket(loop, when, open_descriptors):
    # From the first await on, the transport owns the socket and closes it once.
    before = open_descriptors()
    pairs = []

    def make():
        pairs.append(socket.socketpair())
        return loop.create_connection(Recorder, sock=pairs[-1][0])

    async def check(task):
        left, right = pairs[-1]
        await dispose(task)
        await polled()
        assert left.fileno() == -1
        assert right.recv(1) == b""
        right.close()
        assert open_descriptors() == before

    await closed(*await sweep(make, check, when))
    pairs[-1][1].close()
    await polled()
    assert open_descriptors() == before


@WHEN
async def test_adopting_an_accepted_socket(loop, when, open_descriptors):
    before = open_descriptors()
    pairs = []

    def make():
        pairs.append(socket.socketpair())
        return loop.connect_accepted_socket(Recorder, pairs[-1][0])

    async def check(task):
        left, right = pairs[-1]
        await dispose(task)
        await polled()
        assert left.fileno() == -1
        right.close()
        assert open_descriptors() == before

    await closed(*await sweep(make, check, when))
    pairs[-1][1].close()


async def test_cancelled_before_the_first_step_leaves_the_socket(loop):
    left, right = socket.socketpair()
    with left, right:
        task = asyncio.create_task(loop.create_connection(Recorder, sock=left))
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await polled()
        left.send(b"ours")
        assert right.recv(10) == b"ours"


@WHEN
async def test_sock_connect_leaves_the_socket_to_its_owner(loop, listener, when):
    made = []

    def make():
        made.append(socket.socket())
        made[-1].setblocking(False)
        return loop.sock_connect(made[-1], listener.getsockname())

    async def check(task):
        [sock] = made
        assert task.cancelled()
        assert sock.fileno() >= 0
        # Nothing watches the descriptor any more, so it is free for the next call.
        assert not loop.remove_writer(sock)
        assert not loop.remove_reader(sock)
        made.pop().close()
        await polled()
        collect(listener)

    # connect() to loopback may complete at once: then there is no await to be cancelled at.
    try:
        await sweep(make, check, when)
    finally:
        for sock in made:
            sock.close()
    await polled()
    collect(listener)


@WHEN
async def test_creating_a_server(loop, when, open_descriptors):
    before = open_descriptors()

    async def check(task):
        if not task.cancelled():
            task.result().close()
            await task.result().wait_closed()
        await polled()
        gone = open_descriptors()
        assert gone == before

    def make():
        return loop.create_server(Recorder, ["127.0.0.1", "::1"], 0, start_serving=False)

    server = await sweep(make, check, when)
    server.close()
    await server.wait_closed()


@WHEN
async def test_opening_a_stream(loop, listener, when, open_descriptors):
    before = open_descriptors()
    writers = []

    async def open_stream():
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writers.append(writer)
        return reader

    async def check(task):
        if writers:
            writers[-1].close()
            await writers.pop().wait_closed()
        await polled()
        collect(listener)
        assert open_descriptors() == before

    await sweep(open_stream, check, when)
    writers[-1].close()
    await writers[-1].wait_closed()
    collect(listener)


async def test_after_any_number_of_turns(loop, listener, open_descriptors):
    before = open_descriptors()
    for turns in range(60):
        task = asyncio.create_task(
            loop.create_connection(
                Recorder, "localhost", listener.getsockname()[1], family=socket.AF_INET
            )
        )
        for _ in range(turns):
            await asyncio.sleep(0)
            if task.done():
                break
        complete = task.done()
        task.cancel()
        await asyncio.wait([task])
        await dispose(task)
        await polled()
        collect(listener)
        assert open_descriptors() == before
        if complete:
            break
    else:
        task = asyncio.create_task(loop.create_connection(Recorder, *listener.getsockname()))
        await asyncio.wait([task])
        await dispose(task)
        collect(listener)
