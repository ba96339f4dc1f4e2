"""Write flow control: the marks, and pause_writing and resume_writing at them."""

import socket
import time

import pytest

from .peer import clog, polled
from .recorder import Recorder


async def test_default_limits(connect):
    transport, _, _ = await connect()
    assert transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)
    assert transport.get_write_buffer_size() == 0


@pytest.mark.parametrize(
    ("arguments", "limits"),
    [
        ({}, (16384, 65536)),
        ({"high": 1000}, (250, 1000)),
        ({"low": 1000}, (1000, 4000)),
        ({"high": 1000, "low": 10}, (10, 1000)),
        ({"high": 10, "low": 10}, (10, 10)),
        ({"high": 0}, (0, 0)),
        ({"low": 0}, (0, 0)),
        ({"high": 3}, (0, 3)),
        ({"high": 1e6}, (250_000, 1_000_000)),
        ({"high": 1000, "low": 10.0}, (10, 1000)),
    ],
    ids=repr,
)
async def test_limits_are_set(connect, arguments, limits):
    transport, _, _ = await connect()
    transport.set_write_buffer_limits(high=7, low=7)
    transport.set_write_buffer_limits(**arguments)
    assert transport.get_write_buffer_limits() == limits


async def test_limits_are_positional(connect):
    transport, _, _ = await connect()
    transport.set_write_buffer_limits(2000, 100)
    assert transport.get_write_buffer_limits() == (100, 2000)


@pytest.mark.parametrize(
    ("high", "low", "text"),
    [
        (1, 2, r"high \(1\) must be >= low \(2\) must be >= 0"),
        (1, -1, r"high \(1\) must be >= low \(-1\) must be >= 0"),
        (-4, None, r"high \(-4\) must be >= low \(-1\) must be >= 0"),
        (None, -1, r"high \(-4\) must be >= low \(-1\) must be >= 0"),
    ],
)
async def test_wrong_limits_are_refused(connect, high, low, text):
    transport, _, _ = await connect()
    with pytest.raises(ValueError, match=text):
        transport.set_write_buffer_limits(high, low)
    assert transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)


async def test_limit_beyond_all_buffers(connect):
    transport, protocol, _ = await connect()
    transport.set_write_buffer_limits(high=2**70)
    transport.set_write_buffer_limits(high=float("inf"), low=0)
    await clog(transport)
    assert protocol.calls == ["connection_made"]
    for wrong in (float("nan"), -(2**70)):
        with pytest.raises(ValueError, match="high|nan"):
            transport.set_write_buffer_limits(high=wrong)


async def test_limit_that_is_no_number_is_refused(connect):
    transport, _, _ = await connect()
    with pytest.raises(TypeError):
        transport.set_write_buffer_limits("many")


async def test_protocol_is_paused_above_the_high_mark_and_resumed_at_the_low_one(connect):
    transport, protocol, peer = await connect()
    transport.set_write_buffer_limits(high=10_000_000)
    data = await clog(transport)
    size = transport.get_write_buffer_size()

    transport.set_write_buffer_limits(high=size, low=size)
    assert protocol.calls == ["connection_made"]  # at the mark is not above it
    transport.write(b"x")
    assert protocol.calls == ["connection_made", "pause_writing"]
    transport.write(b"y")
    assert protocol.calls == ["connection_made", "pause_writing"]

    await peer.recv_exactly(len(data))
    await protocol.until("resume_writing")
    assert protocol.calls == ["connection_made", "pause_writing", "resume_writing"]
    assert await peer.recv_exactly(2) == b"xy"
    assert transport.get_write_buffer_size() == 0


async def test_low_mark_of_zero_resumes_when_all_is_sent(connect):
    sizes = []

    class Sizes(Recorder):
        def resume_writing(self):
            sizes.append(self.transport.get_write_buffer_size())
            super().resume_writing()

    transport, protocol, peer = await connect(Sizes())
    transport.set_write_buffer_limits(high=0)
    data = await clog(transport)
    assert protocol.calls == ["connection_made", "pause_writing"]
    assert await peer.recv_exactly(len(data)) == data
    await protocol.until("resume_writing")
    assert sizes == [0]


async def test_lowered_limit_pauses_at_once(connect):
    transport, protocol, _ = await connect()
    transport.set_write_buffer_limits(high=10_000_000)
    await clog(transport)
    assert protocol.calls == ["connection_made"]
    transport.set_write_buffer_limits(high=100)
    assert protocol.calls == ["connection_made", "pause_writing"]
    transport.set_write_buffer_limits(high=10)
    assert protocol.calls == ["connection_made", "pause_writing"]


async def test_raised_limit_does_not_resume(connect):
    transport, protocol, _ = await connect()
    await clog(transport)
    assert protocol.calls == ["connection_made", "pause_writing"]
    transport.set_write_buffer_limits(high=10_000_000)
    await polled()
    assert protocol.calls == ["connection_made", "pause_writing"]


async def test_size_counts_what_is_queued(connect):
    transport, _, peer = await connect()
    data = await clog(transport)
    size = transport.get_write_buffer_size()
    assert 0 < size < len(data)
    transport.write(b"x" * 100)
    transport.writelines([b"y" * 10, bytearray(b"z" * 5)])
    assert transport.get_write_buffer_size() == size + 115
    await peer.recv_exactly(len(data) + 115)
    await polled()
    assert transport.get_write_buffer_size() == 0


async def test_writelines_pauses(connect, asyncio_fault):
    asyncio_fault(True, "writelines() did not pause before 3.13.1", fixed_later=True)
    transport, protocol, _ = await connect()
    transport.set_write_buffer_limits(high=10_000_000)
    await clog(transport)
    transport.set_write_buffer_limits(high=transport.get_write_buffer_size())
    assert protocol.calls == ["connection_made"]
    transport.writelines([b"x"])
    assert protocol.calls == ["connection_made", "pause_writing"]


async def test_pause_and_resume_alternate(connect):
    total = 4_000_000

    class Pump(Recorder):
        left = total
        paused = False

        def pump(self):
            while self.left and not self.paused:
                self.transport.write(b"p" * 10_000)
                self.left -= 10_000

        def pause_writing(self):
            assert not self.paused
            self.paused = True
            super().pause_writing()

        def resume_writing(self):
            assert self.paused
            self.paused = False
            super().resume_writing()
            self.pump()

    transport, protocol, peer = await connect(Pump())
    transport.set_write_buffer_limits(high=50_000)
    protocol.pump()
    received = 0
    while received < total:
        assert transport.get_write_buffer_size() <= 60_000
        received += len(await peer.recv(20_000))
    await polled()
    assert protocol.calls.count("pause_writing") == protocol.calls.count("resume_writing") > 0


async def test_abort_forgets_the_queue(connect):
    transport, protocol, _ = await connect()
    await clog(transport)
    transport.abort()
    assert transport.get_write_buffer_size() == 0
    await protocol.until("connection_lost")
    assert protocol.calls == ["connection_made", "pause_writing", "connection_lost"]
    assert transport.get_write_buffer_size() == 0


async def test_close_while_paused_still_resumes(connect):
    transport, protocol, peer = await connect()
    data = await clog(transport)
    transport.close()
    assert await peer.recv_all() == data
    await protocol.until("connection_lost")
    expected = ["connection_made", "pause_writing", "resume_writing", "connection_lost"]
    assert protocol.calls == expected


async def test_late_answers_that_do_not_fit(connect):
    """Several protocols answer in one turn, late and with more than the kernel takes."""
    size = 60_000

    class Slow(Recorder):
        def data_received(self, data):
            super().data_received(data)
            until = time.perf_counter() + 0.001
            self.transport.write(b"a" * size)
            while time.perf_counter() < until:
                pass

    connections = [await connect(Slow()) for _ in range(3)]
    for transport, _, peer in connections:
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        peer.send(b"question")
    for _, protocol, peer in connections:
        assert await peer.recv_exactly(size) == b"a" * size
        assert "connection_lost" not in protocol.calls
