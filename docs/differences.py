"""Asks asyncio and aioxide the same questions, and prints both answers.

    ./dev python docs/differences.py            all of them
    ./dev python docs/differences.py accept     those with this text in their names

docs/compatibility.md cites the questions by name.
"""

import asyncio
import collections
import io
import os
import selectors
import signal
import socket
import sys
import time

import aioxide

LOOPS = {"asyncio": asyncio.SelectorEventLoop, "aioxide": aioxide.new_event_loop}


async def transport_on(loop, sock, protocol=asyncio.Protocol):
    sock.setblocking(False)
    transport, _ = await loop.create_connection(protocol, sock=sock)
    return transport


async def end(transport, *socks):
    transport.abort()
    await asyncio.sleep(0)
    for sock in socks:
        sock.close()


def wait_busily(seconds):
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def outcome(function):
    try:
        return function()
    except (AttributeError, OSError, RuntimeError, TypeError) as error:
        return f"{type(error).__name__}: {error}"


# Classes


async def transport_class(loop):
    ours, theirs = socket.socketpair()
    transport = await transport_on(loop, ours)
    answer = type(transport).__name__, isinstance(transport, asyncio.Transport)
    await end(transport, theirs)
    return answer


async def handle_class(loop):
    handle = loop.call_soon(print)
    handle.cancel()
    return type(handle).__module__, isinstance(handle, asyncio.Handle)


async def loop_class(loop):
    return isinstance(loop, asyncio.SelectorEventLoop), isinstance(loop, asyncio.BaseEventLoop)


async def loop_with_a_selector(loop):
    def make():
        type(loop)(selectors.SelectSelector()).close()
        return "made"

    return outcome(make)


# Order


async def accept_turns(loop):
    """In which turn after a client has come the factory is called, and connection_made()."""
    turns = 0
    seen = {}
    made = loop.create_future()

    class Protocol(asyncio.Protocol):
        def __init__(self):
            seen["factory"] = turns
            seen["in a task"] = asyncio.current_task() is not None

        def connection_made(self, transport):
            seen["connection_made"] = turns
            made.set_result(transport)

    def turn():
        nonlocal turns
        turns += 1
        wait_busily(60e-6)  # longer than a poll may be put off
        if not made.done():
            loop.call_soon(turn)

    server = await loop.create_server(Protocol, "127.0.0.1", 0)
    client = socket.create_connection(server.sockets[0].getsockname())
    turn()
    transport = await made
    server.close()
    await end(transport, client)
    return seen


async def timers_of_the_same_time(loop):
    order = []
    when = loop.time() + 0.01
    for number in range(8):
        loop.call_at(when, order.append, number)
    await asyncio.sleep(0.02)
    return order


async def descriptors_in_a_turn(loop):
    """How many of 300 ready descriptors each turn serves."""
    turn = 0
    served = collections.Counter()
    pairs = [socket.socketpair() for _ in range(300)]

    def read(sock):
        served[turn] += 1
        loop.remove_reader(sock)

    for ours, theirs in pairs:
        theirs.send(b"x")
        loop.add_reader(ours, read, ours)
    while served.total() < len(pairs):
        turn += 1
        await asyncio.sleep(0)
    for ours, theirs in pairs:
        ours.close()
        theirs.close()
    return list(served.values())


# Writing


async def two_writes_of_one_callback(loop):
    """What has reached the peer after each write, and at the next callback."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    transport = await transport_on(loop, ours)
    seen = []

    def look():
        try:
            seen.append(theirs.recv(100, socket.MSG_PEEK).decode())
        except BlockingIOError:
            seen.append("")

    def write():
        for text in (b"1", b"2"):
            transport.write(text)
            look()

    loop.call_soon(write)
    loop.call_soon(look)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await end(transport, theirs)
    return seen


async def answers_of_pipes(loop):
    """What is in the other pipe after a write of `data_received`: of one pipe, of several."""
    seen = []
    transports = []
    source, target = os.pipe()
    os.set_blocking(source, False)
    writer, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, io.FileIO(target, "wb"))

    class Answering(asyncio.Protocol):
        def data_received(self, data):
            writer.write(data)
            seen.append(outcome(lambda: os.read(source, 100)))

        def eof_received(self):
            ended.release()

    ended = asyncio.Semaphore(0)
    for count in (1, 2):
        asking = []
        for _ in range(count):
            reading, writing = os.pipe()
            asking.append(io.FileIO(writing, "wb"))
            made = await loop.connect_read_pipe(Answering, io.FileIO(reading, "rb"))
            transports.append(made[0])
        for file in asking:
            file.write(b"x")
            file.close()
        for _ in asking:
            await ended.acquire()
    for transport in (writer, *transports):
        transport.close()
    await asyncio.sleep(0)
    os.close(source)
    return seen


async def bytearray_changed_after_write(loop):
    """What is sent of a bytearray that was queued, then changed."""
    ours, theirs = socket.socketpair()
    transport = await transport_on(loop, ours)
    first = 1 << 20
    transport.write(bytes(first))
    data = bytearray(b"before")
    transport.write(data)
    data[:] = b"AFTER!"
    transport.close()
    theirs.setblocking(False)
    received = b""
    while chunk := await loop.sock_recv(theirs, 1 << 20):
        received += chunk
    theirs.close()
    return received[first:]


# Descriptors


async def socket_closed_behind_its_transport(loop):
    """What a write comes to after the program has closed the socket that it gave away."""
    lost = []

    class Protocol(asyncio.Protocol):
        def connection_lost(self, exc):
            lost.append(repr(exc))

    ours, theirs = socket.socketpair()
    transport = await transport_on(loop, ours, Protocol)
    ours.close()
    transport.write(b"hello")
    for _ in range(3):
        await asyncio.sleep(0)
    theirs.setblocking(False)
    answer = f"lost: {lost}, peer got: {outcome(lambda: theirs.recv(10))}"
    await end(transport, theirs)
    return answer


async def add_reader_on_a_listening_socket(loop):
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    number = server.sockets[0].fileno()
    answer = outcome(lambda: loop.add_reader(number, print))
    server.close()
    return answer


async def wakeup_descriptor_without_handlers(loop):
    number = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(number)
    return number != -1


QUESTIONS = [
    transport_class,
    handle_class,
    loop_class,
    loop_with_a_selector,
    accept_turns,
    timers_of_the_same_time,
    descriptors_in_a_turn,
    two_writes_of_one_callback,
    answers_of_pipes,
    bytearray_changed_after_write,
    socket_closed_behind_its_transport,
    add_reader_on_a_listening_socket,
    wakeup_descriptor_without_handlers,
]


def main(text):
    for question in QUESTIONS:
        if text not in question.__name__:
            continue
        print(question.__name__)
        for name, make in LOOPS.items():
            loop = make()
            try:
                print(f"    {name}: {loop.run_until_complete(question(loop))}")
            finally:
                loop.close()


if __name__ == "__main__":
    main("".join(sys.argv[1:2]))
