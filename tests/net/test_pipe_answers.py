"""Pipes that are ready together: what their protocols do to each other, and when answers go out."""

import asyncio
import contextvars
import io
import os

import pytest

from .peer import polled
from .recorder import Calls, Recorder

ROOM = 65536


class Writer(Calls, asyncio.BaseProtocol):
    pass


class Acting(Recorder):
    """Calls a function with what it receives."""

    def __init__(self, act):
        super().__init__()
        self.act = act

    def data_received(self, data):
        super().data_received(data)
        self.act(data)


class Pipes:
    """Transports on the loop under test, each with the other end as a plain file."""

    def __init__(self, loop):
        self.loop = loop
        self.opened = []

    async def reader(self, act):
        reading, writing = os.pipe()
        target = io.FileIO(writing, "wb")
        transport, protocol = await self.loop.connect_read_pipe(
            lambda: Acting(act), io.FileIO(reading, "rb")
        )
        self.opened += transport, target
        return transport, protocol, target

    async def writer(self):
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        source = io.FileIO(reading, "rb")
        transport, protocol = await self.loop.connect_write_pipe(Writer, io.FileIO(writing, "wb"))
        self.opened += transport, source
        return transport, protocol, source

    async def asked(self, act, others=1):
        """Have `act(b"x")` called in a turn in which further pipes are to be read after it."""
        _, first, asking = await self.reader(act)
        rest = [await self.reader(lambda data: None) for _ in range(others)]
        asking.write(b"x")
        for _, _, file in rest:
            file.write(b"y")
        await first.until("data_received")
        await rest[-1][1].until("data_received")
        await polled()

    def close(self):
        for one in self.opened:
            one.close()


@pytest.fixture
def pipes(loop):
    pipes = Pipes(loop)
    yield pipes
    pipes.close()
    loop.run_until_complete(polled())


# Answers


async def test_answers_to_one_pipe_keep_their_order(pipes):
    order = []
    writer, _, source = await pipes.writer()

    def answer(data):
        order.append(data)
        writer.write(data)
        writer.write(bytearray(data.upper()))

    readers = [await pipes.reader(answer) for _ in range(20)]
    for number, (_, _, file) in enumerate(readers):
        file.write(b"%d-a " % number)
    await readers[-1][1].until("data_received")
    await polled()
    assert len(order) == 20
    assert source.read(ROOM) == b"".join(data + data.upper() for data in order)


async def test_each_answers_on_its_own(pipes):
    targets = [await pipes.writer() for _ in range(20)]
    readers = [await pipes.reader(writer.write) for writer, _, _ in targets]
    for _ in range(3):
        for number, (_, _, file) in enumerate(readers):
            file.write(b"%d" % number)
        await polled()
        found = [source.read(ROOM) for _, _, source in targets]
        assert found == [b"%d" % number for number in range(20)]


async def test_lone_answer_goes_out_at_once(loop, pipes):
    writer, _, source = await pipes.writer()
    seen = []

    def answer(data):
        loop.call_soon(seen.append, "soon")
        writer.write(data)
        seen.append(source.read(ROOM))

    _, protocol, file = await pipes.reader(answer)
    file.write(b"x")
    await protocol.until("data_received")
    assert seen[0] == b"x"


async def test_answer_is_there_when_the_next_callback_runs(loop, pipes):
    writer, _, source = await pipes.writer()
    seen = []

    def answer(data):
        writer.write(data)
        loop.call_soon(lambda: seen.append(source.read(ROOM)))

    await pipes.asked(answer, others=5)
    assert seen == [b"x"]


async def test_answer_is_there_when_another_descriptor_is_told(loop, pipes):
    writer, _, source = await pipes.writer()
    seen = []
    reading, writing = os.pipe()

    def look():
        loop.remove_reader(reading)
        seen.append(source.read(ROOM))

    _, protocol, file = await pipes.reader(writer.write)
    loop.add_reader(reading, look)
    file.write(b"x")
    os.write(writing, b"x")
    await protocol.until("data_received")
    await polled()
    assert seen == [b"x"]
    os.close(reading)
    os.close(writing)


ENDS = ["close", "write_eof", "abort"]


@pytest.mark.parametrize("method", ENDS)
async def test_answer_goes_out_before_the_end(pipes, method):
    writer, protocol, source = await pipes.writer()

    def answer(data):
        writer.write(b"the last")
        getattr(writer, method)()
        assert writer.is_closing()
        writer.write(b"too late")

    await pipes.asked(answer)
    await protocol.until("connection_lost")
    await polled()
    assert protocol.exception is None
    assert source.read(ROOM) == b"the last"
    assert source.read(ROOM) == b""


async def test_answer_leaves_no_buffer(pipes):
    writer, protocol, source = await pipes.writer()
    seen = []

    def answer(data):
        writer.write(data)
        seen.append(writer.get_write_buffer_size())
        seen.append(source.read(ROOM))
        writer.write(data)
        writer.set_write_buffer_limits(high=0)
        seen.append(source.read(ROOM))
        writer.write(data)
        seen.append("bufsize=0" in repr(writer))
        seen.append(source.read(ROOM))

    await pipes.asked(answer)
    assert seen == [0, b"x", b"x", True, b"x"]
    assert "pause_writing" not in protocol.calls


async def test_answer_to_a_reader_that_has_closed(pipes):
    writer, protocol, source = await pipes.writer()

    def answer(data):
        source.close()
        writer.write(data)
        writer.write(data)

    await pipes.asked(answer)
    await protocol.until("connection_lost")
    assert isinstance(protocol.exception, BrokenPipeError)
    assert protocol.calls == ["connection_made", "connection_lost"]
    assert writer.is_closing()


async def test_answer_that_the_pipe_does_not_take(pipes):
    variable = contextvars.ContextVar("variable", default="nothing")
    writer, protocol, source = await pipes.writer()
    writer.set_write_buffer_limits(high=1000)
    writer.write(bytes(ROOM - 4096))
    seen = []
    note = protocol.note

    def look(name):
        seen.append((name, variable.get()))
        note(name)

    protocol.note = look

    def answer(data):
        variable.set("answer")
        writer.write(bytes(20_000))

    await pipes.asked(answer)
    assert [name for name, _ in seen] == ["pause_writing"]
    size = ROOM - 4096 + 20_000
    while size:
        size -= len(source.read(ROOM) or b"")
        await polled(1)
    await protocol.until("resume_writing")
    assert seen == [("pause_writing", "answer"), ("resume_writing", "answer")]
    assert source.read(ROOM) is None
    assert not writer.is_closing()


@pytest.mark.parametrize("method", ENDS)
async def test_end_of_an_answer_that_the_pipe_does_not_take(pipes, method):
    writer, protocol, source = await pipes.writer()
    writer.write(bytes(ROOM - 4096))

    def answer(data):
        writer.write(bytes(20_000))
        getattr(writer, method)()

    await pipes.asked(answer)
    size = 0
    while data := source.read(ROOM):
        size += len(data)
        await polled(1)
    await protocol.until("connection_lost")
    assert size == (ROOM if method == "abort" else ROOM - 4096 + 20_000)


async def test_exception_after_an_answer(pipes, contexts):
    writer, _, source = await pipes.writer()

    def answer(data):
        writer.write(data)
        raise ZeroDivisionError

    await pipes.asked(answer)
    assert source.read(ROOM) == b"x"
    (context,) = contexts
    assert isinstance(context["exception"], ZeroDivisionError)
    assert context["message"].startswith("Exception in callback ")
    assert "_read_ready" in context["message"]
    assert isinstance(context["handle"], asyncio.Handle)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_exception_that_ends_the_run_after_an_answer(loop, pipes, error):
    source, others = None, []

    async def main():
        nonlocal source
        writer, _, source = await pipes.writer()

        def answer(data):
            writer.write(data)
            raise error

        _, _, asking = await pipes.reader(answer)
        _, other, file = await pipes.reader(lambda data: None)
        others.append(other)
        asking.write(b"x")
        file.write(b"y")
        await asyncio.Event().wait()

    task = loop.create_task(main())
    with pytest.raises(error):
        loop.run_until_complete(task)
    assert source.read(ROOM) == b"x"
    # Nothing of the turn is lost.
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.run_until_complete(others[0].until("data_received"))


async def test_large_answers(loop, pipes):
    size = 300_000
    writer, _, source = await pipes.writer()
    received = bytearray()

    def take():
        received.extend(source.read(1 << 20) or b"")

    loop.add_reader(source, take)
    await pipes.asked(lambda data: writer.write(data * size))
    while len(received) < size:
        await polled(1)
    loop.remove_reader(source)
    assert received == b"x" * size


# Pipes that act on each other


@pytest.mark.parametrize("method", ["pause_reading", "close"])
async def test_pipe_stops_another_that_is_ready(pipes, method):
    def stop(data):
        called.append(data)
        for transport, protocol, _ in readers:
            if len(called) == 1 and not protocol.received:
                getattr(transport, method)()

    called = []
    readers = [await pipes.reader(stop) for _ in range(5)]
    for number, (_, _, file) in enumerate(readers):
        file.write(b"%d" % number)
    await polled()
    await polled()
    assert len(called) == 1
    if method == "pause_reading":
        for transport, _, _ in readers:
            transport.resume_reading()
        await polled()
        assert sorted(called) == [b"0", b"1", b"2", b"3", b"4"]


async def test_pipe_paused_and_resumed_by_another(pipes):
    order = []

    def again(data):
        order.append(data)
        if len(order) == 1:
            for transport, _, _ in readers:
                transport.pause_reading()
                transport.resume_reading()
            pipes.loop.call_soon(order.append, "soon")

    readers = [await pipes.reader(again) for _ in range(3)]
    for number, (_, _, file) in enumerate(readers):
        file.write(b"%d" % number)
    await polled()
    await polled()
    # Those that were registered anew are told of by the next poll, behind what was scheduled.
    assert order[1] == "soon"
    assert sorted(order[2:] + order[:1]) == [b"0", b"1", b"2"]


async def test_protocol_set_by_another_pipe_gets_the_data(pipes):
    def replace(data):
        if not others:
            for transport, protocol, _ in readers:
                if protocol.received == b"":
                    others.append(Recorder())
                    transport.set_protocol(others[-1])

    others = []
    readers = [await pipes.reader(replace) for _ in range(3)]
    for _, _, file in readers:
        file.write(b"x")
    await polled()
    await polled()
    assert [other.received for other in others] == [b"x", b"x"]


async def test_order_of_pipes_and_callbacks(loop, pipes):
    """What a pipe schedules runs when all pipes of the poll were read."""
    order = []

    def received(data):
        order.append("data")
        loop.call_soon(order.append, "soon")

    readers = [await pipes.reader(received) for _ in range(3)]
    for _, _, file in readers:
        file.write(b"x")
    await polled()
    assert order == ["data"] * 3 + ["soon"] * 3


# What the program put in the way


async def test_method_of_the_programs(pipes):
    transport, protocol, file = await pipes.reader(lambda data: None)
    called = []
    transport.pause_reading()
    original = transport._read_ready

    def read_ready():
        called.append("_read_ready")
        original()

    transport._read_ready = read_ready
    transport.resume_reading()
    file.write(b"x")
    await protocol.until("data_received")
    assert called == ["_read_ready"]


async def test_debug_mode_tells_of_slow_reads(loop, pipes, asyncio_log):
    loop.set_debug(True)
    loop.slow_callback_duration = 0
    _, protocol, file = await pipes.reader(lambda data: None)
    file.write(b"x")
    await protocol.until("data_received")
    await polled()
    loop.slow_callback_duration = 1000
    texts = [record.getMessage() for record in asyncio_log]
    assert [text for text in texts if "_read_ready" in text and " took " in text]


async def test_debug_mode_lets_no_answer_wait(loop, pipes):
    loop.set_debug(True)
    writer, _, source = await pipes.writer()
    seen = []

    def answer(data):
        writer.write(data)
        seen.append(source.read(ROOM))

    await pipes.asked(answer)
    assert seen == [b"x"]
