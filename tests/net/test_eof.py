"""Half-closed connections: write_eof, and what eof_received returns."""

import pytest

from .peer import clog, polled
from .recorder import BufferedRecorder, Recorder


def answering(base, answer):
    """Make a recorder that returns `answer` from eof_received."""

    class Answering(base):
        def eof_received(self):
            super().eof_received()
            return answer

    return Answering()


@pytest.mark.parametrize("base", [Recorder, BufferedRecorder])
@pytest.mark.parametrize("answer", [None, False, 0])
async def test_false_answer_closes(connect, base, answer):
    transport, protocol, peer = await connect(answering(base, answer))
    peer.send(b"last words")
    peer.shutdown()
    await protocol.until("connection_lost")
    assert protocol.calls == ["connection_made", "data_received", "eof_received", "connection_lost"]
    assert protocol.received == b"last words"
    assert protocol.exception is None
    assert transport.is_closing()
    assert await peer.recv_all() == b""


@pytest.mark.parametrize("base", [Recorder, BufferedRecorder])
@pytest.mark.parametrize("answer", [True, 1, "yes"])
async def test_true_answer_keeps_the_other_half_open(connect, base, answer):
    transport, protocol, peer = await connect(answering(base, answer))
    peer.shutdown()
    await protocol.until("eof_received")
    await polled()
    assert not transport.is_closing()
    assert transport.is_reading()
    transport.write(b"still here")
    transport.close()
    assert await peer.recv_all() == b"still here"
    await protocol.until("connection_lost")
    assert protocol.calls == ["connection_made", "eof_received", "connection_lost"]
    assert protocol.exception is None


async def test_false_answer_delivers_what_is_queued(connect):
    transport, protocol, peer = await connect(answering(Recorder, False))
    data = await clog(transport)
    peer.shutdown()
    await protocol.until("eof_received")
    assert transport.is_closing()
    assert await peer.recv_all() == data
    await protocol.until("connection_lost")
    assert protocol.exception is None


async def test_eof_is_told_once(connect):
    _, protocol, peer = await connect(answering(Recorder, True))
    peer.shutdown()
    await polled(5)
    assert protocol.calls == ["connection_made", "eof_received"]


async def test_write_eof_sends_the_end_and_keeps_reading(connect):
    transport, protocol, peer = await connect()
    assert transport.can_write_eof()
    transport.write(b"question")
    transport.write_eof()
    assert not transport.is_closing()
    assert await peer.recv_all() == b"question"
    peer.send(b"answer")
    await protocol.until("data_received")
    assert protocol.received == b"answer"
    peer.shutdown()
    await protocol.until("connection_lost")
    assert protocol.exception is None


async def test_write_eof_waits_for_what_is_queued(connect):
    transport, protocol, peer = await connect()
    data = await clog(transport)
    transport.write_eof()
    assert await peer.recv_all() == data
    assert not transport.is_closing()
    peer.send(b"thanks")
    await protocol.until("data_received")
    assert protocol.received == b"thanks"


async def test_write_eof_after_several_writes_of_one_turn(connect):
    transport, _, peer = await connect()
    transport.write(b"a")
    transport.write(b"b")
    transport.writelines([b"c", b"d"])
    transport.write_eof()
    assert await peer.recv_all() == b"abcd"


async def test_write_eof_twice(connect):
    transport, protocol, peer = await connect()
    transport.write_eof()
    transport.write_eof()
    assert await peer.recv_all() == b""
    peer.send(b"x")
    await protocol.until("data_received")


@pytest.mark.parametrize("end", ["close", "abort"])
async def test_write_eof_after_the_end(connect, end):
    transport, protocol, _ = await connect()
    getattr(transport, end)()
    transport.write_eof()
    await protocol.until("connection_lost")
    transport.write_eof()
    assert transport.can_write_eof()
    assert protocol.calls == ["connection_made", "connection_lost"]


async def test_both_halves_closed_stays_until_close(connect):
    transport, protocol, peer = await connect(answering(Recorder, True))
    transport.write_eof()
    peer.shutdown()
    await protocol.until("eof_received")
    await polled()
    assert not transport.is_closing()
    assert protocol.calls == ["connection_made", "eof_received"]
    transport.close()
    await protocol.until("connection_lost")
    assert protocol.exception is None


async def test_close_after_write_eof_with_a_queue(connect):
    transport, protocol, peer = await connect()
    data = await clog(transport)
    transport.write_eof()
    transport.close()
    assert await peer.recv_all() == data
    await protocol.until("connection_lost")
    assert protocol.calls.count("connection_lost") == 1


async def test_eof_while_paused_waits_for_resume(connect):
    transport, protocol, peer = await connect()
    transport.pause_reading()
    peer.send(b"x")
    peer.shutdown()
    await polled()
    assert protocol.calls == ["connection_made"]
    transport.resume_reading()
    await protocol.until("connection_lost")
    assert protocol.calls == ["connection_made", "data_received", "eof_received", "connection_lost"]
