"""Nobody starves: descriptors, timers and threads beside callbacks that never end.

Everything is counted in turns or in calls. Where a clock is read, the bound is a thousand times
what is promised.
"""

import asyncio
import itertools
import os
import socket
import threading

import pytest

# The promise is 25 us between two polls while a descriptor is watched.
GENEROUS = 0.5


class Chain:
    """A callback that schedules itself for ever, and counts."""

    def __init__(self, loop):
        self.loop = loop
        self.count = 0
        self.handle = loop.call_soon(self.step)

    def step(self):
        self.count += 1
        self.handle = self.loop.call_soon(self.step)

    def end(self):
        self.handle.cancel()


def test_reader_beside_a_chain_of_callbacks(loop):
    ours, theirs = socket.socketpair()
    chain = Chain(loop)
    sent = []
    delays = []

    def send():
        sent.append(loop.time())
        theirs.send(b"x")

    def readable():
        delays.append(loop.time() - sent[-1])
        ours.recv(1)
        if len(delays) == 20:
            chain.end()
            loop.stop()
        else:
            loop.call_soon(send)

    loop.add_reader(ours, readable)
    loop.call_soon(send)
    loop.run_forever()
    assert max(delays) < GENEROUS
    loop.remove_reader(ours)
    ours.close()
    theirs.close()


def test_reader_beside_a_thousand_chains(loop):
    ours, theirs = socket.socketpair()
    chains = [Chain(loop) for _ in range(1000)]
    counts = []

    def readable():
        ours.recv(1)
        counts.append(chains[0].count)
        if len(counts) == 10:
            loop.stop()
        else:
            theirs.send(b"x")

    loop.add_reader(ours, readable)
    theirs.send(b"x")
    loop.run_forever()
    # A turn of a thousand callbacks takes longer than a poll may be put off: a few turns for each.
    gaps = [later - earlier for earlier, later in itertools.pairwise(counts)]
    assert max(gaps) <= 20
    for chain in chains:
        chain.end()
    loop.remove_reader(ours)
    ours.close()
    theirs.close()


def test_timer_beside_a_chain_of_callbacks(loop):
    chain = Chain(loop)
    late = []
    when = loop.time() + 0.002
    loop.call_at(when, lambda: (late.append(loop.time() - when), loop.stop()))
    loop.run_forever()
    chain.end()
    assert 0 <= late[0] + 1e-6 < GENEROUS
    # Once at least: a process that is put off for these 2 ms has the timer due in its first turn.
    assert chain.count >= 1


def test_overdue_timer_beside_a_chain_runs_within_turns(loop):
    chain = Chain(loop)
    counts = []

    def timer():
        counts.append(chain.count)
        if len(counts) == 50:
            loop.stop()
        else:
            loop.call_at(loop.time() - 1, timer)

    loop.call_at(loop.time() - 1, timer)
    loop.run_forever()
    chain.end()
    gaps = [later - earlier for earlier, later in itertools.pairwise(counts)]
    assert max(gaps) <= 2


def test_callbacks_beside_overdue_timers(loop):
    """Timers that are made overdue for ever do not keep callbacks from their turn."""
    seen = []
    running = True

    def timer():
        if running:
            loop.call_at(loop.time() - 1, timer)

    loop.call_at(loop.time() - 1, timer)
    loop.call_soon(lambda: loop.call_soon(lambda: loop.call_soon(seen.append, 1)))
    for _ in range(5):
        loop.call_soon(loop.stop)
        loop.run_forever()
    running = False
    assert seen == [1]


def test_thread_beside_a_chain_of_callbacks(loop, start_thread):
    chain = Chain(loop)
    arrived = threading.Semaphore(0)

    def thread():
        for _ in range(50):
            loop.call_soon_threadsafe(arrived.release)
            assert arrived.acquire(timeout=20)
        loop.call_soon_threadsafe(loop.stop)

    start_thread(thread)
    loop.run_forever()
    chain.end()


def test_a_flood_from_a_thread_beside_a_reader(loop, start_thread):
    """call_soon_threadsafe without end leaves descriptors their turn."""
    ours, theirs = socket.socketpair()
    done = threading.Event()
    reads = []

    def flood():
        while not done.is_set():
            loop.call_soon_threadsafe(list)

    def readable():
        reads.append(ours.recv(1))
        if len(reads) == 20:
            done.set()
            loop.stop()
        else:
            theirs.send(b"x")

    loop.add_reader(ours, readable)
    theirs.send(b"x")
    start_thread(flood)
    loop.run_forever()
    assert len(reads) == 20
    loop.remove_reader(ours)
    ours.close()
    theirs.close()


def test_readers_that_are_always_ready_share(loop):
    """Level-triggered descriptors that nobody drains: each is called once in a poll."""
    count = 20
    pipes = [os.pipe() for _ in range(count)]
    calls = [0] * count

    def readable(number):
        calls[number] += 1
        if sum(calls) == 100 * count:
            loop.stop()

    for number, (reader, writer) in enumerate(pipes):
        os.write(writer, b"x")
        loop.add_reader(reader, readable, number)
    loop.run_forever()
    assert max(calls) - min(calls) <= 1
    for reader, writer in pipes:
        loop.remove_reader(reader)
        os.close(reader)
        os.close(writer)


def test_more_ready_descriptors_than_one_poll_returns(loop):
    """Whatever the size of the event buffer, all get their turn before any is called often."""
    count = 450
    reader, writer = os.pipe()
    os.write(writer, b"x")
    readers = [os.dup(reader) for _ in range(count)]
    calls = dict.fromkeys(readers, 0)

    def readable(fd):
        calls[fd] += 1
        if all(calls.values()):
            loop.stop()
        assert calls[fd] < 50

    for fd in readers:
        loop.add_reader(fd, readable, fd)
    loop.run_forever()
    assert min(calls.values()) >= 1
    for fd in readers:
        loop.remove_reader(fd)
        os.close(fd)
    os.close(reader)
    os.close(writer)


def test_callbacks_and_timers_beside_a_reader_that_is_always_ready(loop):
    reader, writer = os.pipe()
    os.write(writer, b"x")
    calls = 0

    def readable():
        nonlocal calls
        calls += 1

    loop.add_reader(reader, readable)
    steps = []

    async def main():
        for step in range(100):
            steps.append((step, calls))
            await asyncio.sleep(0)
        await asyncio.sleep(0.001)

    loop.run_until_complete(main())
    assert len(steps) == 100
    assert calls > 1
    loop.remove_reader(reader)
    os.close(reader)
    os.close(writer)


def test_wait_beside_spinning_tasks(loop):
    """Three tasks that spin on sleep(0) beside one that waits for a socket."""
    ours, theirs = socket.socketpair()
    done = False

    async def spin():
        turns = 0
        while not done:
            turns += 1
            await asyncio.sleep(0)
        return turns

    async def main():
        nonlocal done
        spinners = [asyncio.create_task(spin()) for _ in range(3)]
        for _ in range(20):
            arrived = loop.create_future()
            loop.add_reader(ours, arrived.set_result, None)
            theirs.send(b"x")
            await arrived
            loop.remove_reader(ours)
            ours.recv(1)
        done = True
        return await asyncio.gather(*spinners)

    turns = loop.run_until_complete(main())
    assert max(turns) - min(turns) <= 1
    ours.close()
    theirs.close()


def test_stop_comes_through_a_chain(loop, start_thread):
    chain = Chain(loop)
    start_thread(loop.call_soon_threadsafe, loop.stop)
    loop.run_forever()
    chain.end()


@pytest.mark.parametrize("tasks", [1, 10])
def test_cancelled_tasks_leave_beside_spinning_ones(loop, tasks):
    async def spin():
        while True:
            await asyncio.sleep(0)

    async def main():
        spinning = [asyncio.create_task(spin()) for _ in range(tasks)]
        await asyncio.sleep(0.001)
        for task in spinning:
            task.cancel()
        results = await asyncio.gather(*spinning, return_exceptions=True)
        return [type(result) for result in results]

    assert loop.run_until_complete(main()) == [asyncio.CancelledError] * tasks


@pytest.mark.parametrize("idle", [0, 0.0005, 0.003])
def test_the_turns_after_a_wait_look_at_descriptors(loop, pair, idle):
    """Programs make a descriptor ready, let the loop turn twice, and count on its callback."""
    ours, theirs = pair
    seen = []

    async def main():
        for _ in range(50 if idle else 1):
            await asyncio.sleep(idle)
            theirs.send(b"x")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert seen.pop() == b"x"

    loop.add_reader(ours, lambda: seen.append(ours.recv(1)))
    loop.run_until_complete(main())
    loop.remove_reader(ours)


def test_what_is_written_after_a_wait_has_arrived_two_turns_later(loop):
    received = []
    lost = asyncio.Event()

    class Server(asyncio.Protocol):
        def data_received(self, data):
            received.append(data)

        def connection_lost(self, exc):
            lost.set()

    async def main():
        server = await loop.create_server(Server, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        transport, _ = await loop.create_connection(asyncio.Protocol, *address)
        for _ in range(50):
            await asyncio.sleep(0.0005)
            transport.write(b"x")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert received.pop() == b"x"
        transport.close()
        await lost.wait()
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())
