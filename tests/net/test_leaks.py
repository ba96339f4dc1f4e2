"""Each operation, thousands of times: no object, reference, descriptor or memory stays."""

import asyncio
import contextlib
import gc
import os
import socket
import sys

import pytest

from .peer import polled
from .recorder import BufferedRecorder, Recorder

# Caches, free lists and hash tables grow a little; a leak is one for each repetition.
SLACK = 0.02
ALWAYS = 500
LOOP = asyncio.get_running_loop


class Objects:
    """What many operations share; a reference that stays is counted here."""

    def __init__(self):
        self.callback = lambda *args: None
        self.argument = object()
        self.ours, self.theirs = socket.socketpair()
        for sock in (self.ours, self.theirs):
            sock.setblocking(False)

    def close(self):
        self.ours.close()
        self.theirs.close()

    def references(self):
        return [
            sys.getrefcount(each)
            for each in (LOOP(), self.callback, self.argument, self.ours, Recorder, asyncio.Task)
        ]


async def measured(operation, objects):
    await polled()
    gc.collect()
    return {
        "objects": len(gc.get_objects()),
        "blocks": sys.getallocatedblocks(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "references": objects.references(),
        "tasks": len(asyncio.all_tasks()),
        "watched": len(LOOP()._selector.get_map()),
    }


async def leaks_nothing(operation, count):
    """`await operation(objects)`, so many times."""
    objects = Objects()
    try:
        # A loop may keep the memory of so many handles for the next.
        for _ in range(1200):
            LOOP().call_soon(objects.callback)
        await polled()
        for _ in range(count // 5):
            await operation(objects)
        most = ALWAYS + count * SLACK
        before = await measured(operation, objects)
        for _ in range(count):
            await operation(objects)
        after = await measured(operation, objects)
        if any(after[name] - before[name] >= most for name in ("objects", "blocks")):
            # What grows once only, such as the interpreter's free lists, has grown by now.
            before |= {name: after[name] for name in ("objects", "blocks")}
            for _ in range(count):
                await operation(objects)
            after = await measured(operation, objects)
    finally:
        objects.close()
    for name in ("descriptors", "tasks", "watched"):
        assert after[name] == before[name], name
    for name in ("objects", "blocks"):
        assert after[name] - before[name] < most, (name, before[name], after[name])
    for old, new in zip(before["references"], after["references"], strict=True):
        assert new - old < most, (before["references"], after["references"])


def now(function):
    """An operation that waits for nothing; callbacks run in the next turn."""

    async def operation(objects):
        function(LOOP(), objects)
        await asyncio.sleep(0)

    return operation


def refused(function, error):
    def call(loop, objects):
        with pytest.raises(error):
            function(loop, objects)

    return now(call)


async def failing_task(objects):
    async def fail():
        raise LookupError

    with contextlib.suppress(LookupError):
        await LOOP().create_task(fail())


async def cancelled_task(objects):
    task = LOOP().create_task(asyncio.sleep(1000))
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def failing_callback(objects):
    def fail():
        raise LookupError

    loop = LOOP()
    loop.set_exception_handler(lambda *args: None)
    loop.call_soon(fail)
    await asyncio.sleep(0)
    loop.set_exception_handler(None)


async def timer(objects):
    done = LOOP().create_future()
    LOOP().call_later(0, done.set_result, objects.argument)
    await done


async def readiness(objects):
    loop = LOOP()
    done = loop.create_future()
    loop.add_writer(objects.ours, lambda: done.done() or done.set_result(None))
    await done
    loop.remove_writer(objects.ours)


SCHEDULING = {
    "call_soon": now(lambda loop, o: loop.call_soon(o.callback, o.argument)),
    "call_soon-many-arguments": now(lambda loop, o: loop.call_soon(o.callback, *[o.argument] * 9)),
    "call_soon-cancel": now(lambda loop, o: loop.call_soon(o.callback, o.argument).cancel()),
    "call_soon_threadsafe": now(lambda loop, o: loop.call_soon_threadsafe(o.callback, o.argument)),
    "call_later-cancel": now(lambda loop, o: loop.call_later(9, o.callback, o.argument).cancel()),
    "call_at-cancel": now(lambda loop, o: loop.call_at(9e9, o.callback, o.argument).cancel()),
    "call_soon-context": now(
        lambda loop, o: loop.call_soon(o.callback, context=__import__("contextvars").Context())
    ),
    "call_soon-refused": refused(lambda loop, o: loop.call_soon(), TypeError),
    "call_later-refused": refused(lambda loop, o: loop.call_later("x", o.callback), TypeError),
    "add_reader-refused": refused(lambda loop, o: loop.add_reader(-1, o.callback), ValueError),
    "repr": now(lambda loop, o: repr(loop.call_soon(o.callback, o.argument))),
    "time": now(lambda loop, o: loop.time()),
    "create_future": now(lambda loop, o: loop.create_future()),
    "create_task": now(lambda loop, o: loop.create_task(asyncio.sleep(0))),
    "add_reader": now(
        lambda loop, o: (loop.add_reader(o.ours, o.callback), loop.remove_reader(o.ours))
    ),
    "add_reader-replaced": now(
        lambda loop, o: (
            [loop.add_reader(o.ours, o.callback) for _ in range(2)] and loop.remove_reader(o.ours)
        )
    ),
    "timer": timer,
    "readiness": readiness,
    "failing-task": failing_task,
    "cancelled-task": cancelled_task,
    "failing-callback": failing_callback,
}


@pytest.mark.parametrize("name", SCHEDULING)
async def test_scheduling(loop, name):
    await leaks_nothing(SCHEDULING[name], 10_000)


async def finish(transport, protocol, *, abort=False):
    transport.abort() if abort else transport.close()
    await protocol.until("connection_lost")


def connection(use, factory=Recorder):
    """An operation on a new connection: `await use(transport, protocol, peer)`."""

    async def operation(objects):
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        with theirs:
            transport, protocol = await LOOP().create_connection(factory, sock=ours)
            await use(transport, protocol, theirs)
            if not transport.is_closing():
                transport.close()
            await protocol.until("connection_lost")

    return operation


async def nothing(transport, protocol, peer):
    pass


async def abort(transport, protocol, peer):
    transport.abort()


async def read(transport, protocol, peer):
    peer.send(b"data")
    await protocol.until("data_received")


async def read_to_the_end(transport, protocol, peer):
    peer.send(b"data")
    peer.close()
    await protocol.until("connection_lost")


async def write(transport, protocol, peer):
    for data in (b"bytes", bytearray(b"array"), memoryview(b"view")):
        transport.write(data)
    transport.writelines([b"a", bytearray(b"b")])
    assert transport.get_write_buffer_size() == 0


async def write_much_and_abort(transport, protocol, peer):
    transport.write(bytes(1_000_000))
    transport.write(bytearray(100_000))
    assert "pause_writing" in protocol.calls
    transport.abort()


async def write_to_nobody(transport, protocol, peer):
    peer.close()
    await protocol.until("connection_lost")
    for _ in range(3):
        transport.write(b"lost")


async def refuse(transport, protocol, peer):
    for data in (None, "text", 1):
        with pytest.raises(TypeError):
            transport.write(data)
    transport.write_eof()
    with pytest.raises(RuntimeError):
        transport.write(b"x")


async def ask(transport, protocol, peer):
    for name in ("socket", "peername", "sockname", "nothing"):
        transport.get_extra_info(name)
    repr(transport)
    transport.pause_reading()
    transport.resume_reading()
    transport.set_protocol(transport.get_protocol())
    transport.set_write_buffer_limits(high=100)


async def fail(transport, protocol, peer):
    def raising(data):
        raise LookupError

    LOOP().set_exception_handler(lambda *args: None)
    protocol.data_received = raising
    peer.send(b"x")
    await protocol.until("connection_lost")
    del protocol.data_received
    LOOP().set_exception_handler(None)


async def streams(objects):
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    with theirs:
        reader, writer = await asyncio.open_connection(sock=ours)
        theirs.send(b"line\n")
        assert await reader.readline() == b"line\n"
        writer.write(b"answer")
        await writer.drain()
        writer.close()
        await writer.wait_closed()


async def sock_methods(objects):
    loop = LOOP()
    await loop.sock_sendall(objects.ours, b"data")
    assert await loop.sock_recv(objects.theirs, 10) == b"data"
    waiting = asyncio.ensure_future(loop.sock_recv(objects.theirs, 10))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])


async def accept(objects):
    class Served(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            served.append(self)
            transport.close()

    loop = LOOP()
    served = []
    server = await loop.create_server(Served, "127.0.0.1", 0)
    for _ in range(3):
        _, protocol = await loop.create_connection(Recorder, *server.sockets[0].getsockname())
        await protocol.until("connection_lost")
    server.close()
    await server.wait_closed()
    for protocol in served:
        await protocol.until("connection_lost")


async def refused_connection(objects):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            await LOOP().create_connection(Recorder, *sock.getsockname())


async def thread(objects):
    assert await LOOP().run_in_executor(None, int) == 0


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self):
        self.lost = LOOP().create_future()
        self.received = LOOP().create_future()

    def datagram_received(self, data, addr):
        self.received.set_result(data)

    def connection_lost(self, exc):
        self.lost.set_result(exc)


async def datagrams(objects):
    loop = LOOP()
    ours, protocol = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
    ours.sendto(b"data", ours.get_extra_info("sockname"))
    assert await protocol.received == b"data"
    ours.close()
    await protocol.lost


async def pipes(objects):
    loop = LOOP()
    reader, writer = os.pipe()
    stream = asyncio.StreamReader()
    reading, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reader, "rb", 0)
    )
    writing, protocol = await loop.connect_write_pipe(Recorder, os.fdopen(writer, "wb", 0))
    writing.write(b"data")
    writing.close()
    assert await stream.read() == b"data"
    await protocol.until("connection_lost")
    reading.close()


async def subprocess(objects):
    process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    assert await process.communicate(b"data") == (b"data", None)


CONNECTIONS = {
    "open-close": (connection(nothing), 1500),
    "abort": (connection(abort), 1500),
    "read": (connection(read), 1500),
    "read-buffered": (connection(read, BufferedRecorder), 1500),
    "read-to-the-end": (connection(read_to_the_end), 1500),
    "write": (connection(write), 1500),
    "write-much": (connection(write_much_and_abort), 1000),
    "write-to-nobody": (connection(write_to_nobody), 1500),
    "write-refused": (connection(refuse), 1500),
    "ask": (connection(ask), 1500),
    "protocol-that-fails": (connection(fail), 1500),
    "streams": (streams, 1500),
    "sock-methods": (sock_methods, 3000),
    "accept": (accept, 600),
    "refused-connection": (refused_connection, 1000),
    "thread": (thread, 2000),
    "datagrams": (datagrams, 1000),
    "pipes": (pipes, 1000),
    "subprocess": (subprocess, 40),
}


@pytest.mark.time_limit(60)
@pytest.mark.parametrize("name", CONNECTIONS)
async def test_connection(loop, name):
    operation, count = CONNECTIONS[name]
    await leaks_nothing(operation, count)


@pytest.mark.parametrize("name", [*SCHEDULING, *CONNECTIONS])
async def test_collector_at_every_allocation(loop, name):
    """What is half made or half gone is seen by the collector, and survives that."""
    operation = SCHEDULING[name] if name in SCHEDULING else CONNECTIONS[name][0]
    objects = Objects()
    before = gc.get_threshold()
    gc.freeze()  # what is there already is not looked at again and again
    gc.set_threshold(1)
    try:
        for _ in range(3):
            await operation(objects)
        await polled(1)
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
        objects.close()


async def test_leak_is_found(loop):
    held = []

    async def leak(objects):
        held.append([objects.argument])

    with pytest.raises(AssertionError):
        await leaks_nothing(leak, 2000)
