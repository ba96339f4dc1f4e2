"""A program's function in the place of `loop._selector.select`, as virtual clocks have it."""

import asyncio
import functools
import threading
from unittest import mock

import pytest


class VirtualClock:
    """Moves the time on where the loop would wait; no test waits for it."""

    def __init__(self):
        self.now = 1000.0
        self.asked = []

    def __enter__(self):
        loop = asyncio.get_running_loop()
        select = functools.partial(self.select, loop._selector.select)
        self.patches = [
            mock.patch.object(loop._selector, "select", new=select),
            mock.patch.object(loop, "time", new=self.time),
            mock.patch.object(loop, "_clock_resolution", new=0.001),
        ]
        for patch in self.patches:
            patch.start()
        return self

    def __exit__(self, *exc):
        for patch in self.patches:
            patch.stop()

    def time(self):
        return self.now

    def select(self, original, timeout):
        self.asked.append(timeout)
        ready = original(0)
        if not ready and timeout is not None:
            self.now += timeout
        return ready


def test_sleeps_take_no_time(run):
    async def main():
        loop = asyncio.get_running_loop()
        before = loop.time()
        with VirtualClock() as clock:
            await asyncio.sleep(3600)
            assert clock.now == pytest.approx(4600)
            seen = []
            async with asyncio.TaskGroup() as group:
                for delay in (30, 10, 20):
                    group.create_task(asyncio.sleep(delay)).add_done_callback(
                        lambda _, delay=delay: seen.append(delay)
                    )
            assert seen == [10, 20, 30]
            assert clock.now == pytest.approx(4630)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(5):
                    await loop.create_future()
            assert clock.now == pytest.approx(4635)
        # The clock is the system's again, and nobody is asked.
        assert before <= loop.time() < before + 3600
        asked = len(clock.asked)
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        assert len(clock.asked) == asked

    run(main())


def test_each_turn_polls(loop):
    asked = []
    original = loop._selector.select

    def select(timeout):
        asked.append(timeout)
        return original(timeout)

    loop._selector.select = select
    turns = 20

    def turn(left):
        loop.call_soon(turn, left - 1) if left else loop.stop()

    loop.call_soon(turn, turns - 1)
    loop.run_forever()
    del loop._selector.select
    # The last turn is the one that stops.
    assert asked == [0] * turns


def test_the_original_tells_what_is_ready(loop, pair):
    ours, theirs = pair
    found = []
    original = loop._selector.select

    def select(timeout):
        ready = original(timeout)
        found.extend((key.fd, events) for key, events in ready)
        return ready

    received = []

    def read():
        received.append(ours.recv(10))
        loop.remove_reader(ours)
        loop.stop()

    loop.add_reader(ours, read)
    loop._selector.select = select
    theirs.send(b"x")
    loop.run_forever()
    assert received == [b"x"]
    assert (ours.fileno(), 1) in found


def test_streams_and_threads_go_on(run):
    async def main():
        loop = asyncio.get_running_loop()

        async def echo(reader, writer):
            writer.write(await reader.readexactly(5))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        original = loop._selector.select
        with mock.patch.object(loop._selector, "select", new=lambda timeout: original(timeout)):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello")
            assert await reader.read() == b"hello"
            writer.close()
            await writer.wait_closed()
            called = asyncio.Event()
            thread = threading.Thread(target=loop.call_soon_threadsafe, args=(called.set,))
            thread.start()
            await called.wait()
            thread.join()
            assert await asyncio.to_thread(int, "3") == 3
        server.close()
        await server.wait_closed()

    run(main())


def test_an_error_ends_the_run(loop):
    def select(timeout):
        raise ZeroDivisionError

    loop._selector.select = select
    seen = []
    loop.call_soon(seen.append, 1)
    with pytest.raises(ZeroDivisionError):
        loop.run_forever()
    assert seen == []
    del loop._selector.select
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert seen == [1]


def test_another_selector(loop):
    """A wrapper in the place of the whole selector."""
    asked = []
    original = loop._selector

    class Wrapper:
        def __getattr__(self, name):
            return getattr(original, name)

        def select(self, timeout=None):
            asked.append(timeout)
            return original.select(timeout)

    loop._selector = Wrapper()
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop._selector = original
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert asked == [0]
