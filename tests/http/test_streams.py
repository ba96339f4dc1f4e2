"""The body of a response: ways to read it, flow control, ends. aiohttp's reader is the oracle."""

import asyncio
import itertools
import random

import aiohttp
import pytest

from aioxide.http import _streams, _timer

LIMIT = 8


class Peer:
    """The protocol: what it was asked, and more data to feed when it is asked to go on."""

    def __init__(self):
        self.connected = True
        self.calls = []
        self.more = []

    def pause_reading(self):
        self.calls.append("pause")

    def resume_reading(self, resume_parser=True):
        self.calls.append("resume" if resume_parser else "resume at the end")
        if resume_parser and self.more:
            self.more.pop(0)()


@pytest.fixture
def peer():
    return Peer()


@pytest.fixture
def reader(loop, peer):
    return _streams.StreamReader(peer, LIMIT, loop=loop)


def fed(reader, *pieces, eof=True):
    for piece in pieces:
        reader.feed_data(piece)
    if eof:
        reader.feed_eof()
    return reader


async def started(loop, coroutine):
    """A task that has come to where it waits."""
    task = loop.create_task(coroutine)
    await asyncio.sleep(0)
    return task


def test_reader_is_one_of_aiohttps(reader):
    assert isinstance(reader, aiohttp.StreamReader)
    assert isinstance(_streams.EMPTY_PAYLOAD, aiohttp.StreamReader)
    assert _streams.EofStream is aiohttp.EofStream


def test_no_method_is_aiohttps_own():
    theirs = {
        name
        for name in vars(aiohttp.StreamReader)
        if callable(getattr(_streams.StreamReader, name))
    }
    inherited = {
        name
        for name in theirs
        if getattr(_streams.StreamReader, name) is vars(aiohttp.StreamReader)[name]
    }
    public = {name for name in inherited if not name.startswith("_")}
    assert public == set()


READS = {
    "all": lambda r: r.read(),
    "3": lambda r: r.read(3),
    "0": lambda r: r.read(0),
    "100": lambda r: r.read(100),
    "any": lambda r: r.readany(),
    "line": lambda r: r.readline(),
    "line4": lambda r: r.readline(max_line_length=4),
    "until": lambda r: r.readuntil(b"ab"),
    "until3": lambda r: r.readuntil(b"aab", max_size=10),
    "exactly4": lambda r: r.readexactly(4),
    "exactly0": lambda r: r.readexactly(0),
    "chunk": lambda r: r.readchunk(),
}


async def outcome(awaitable):
    try:
        return await awaitable
    except Exception as error:
        return type(error), str(error), getattr(error, "partial", None)


def test_reads_give_what_aiohttps_give(run, loop):
    """Random pieces, chunks and reads, each with all data there and with data still coming."""

    async def main():
        for seed in range(300):
            rng = random.Random(seed)
            pieces = [
                bytes(rng.choices(b"aab\n", k=rng.randint(1, 9))) for _ in range(rng.randint(0, 6))
            ]
            chunked = rng.random() < 0.5
            names = rng.choices(list(READS), k=12)
            results = []
            for cls in (_streams.StreamReader, aiohttp.StreamReader):
                reader = cls(Peer(), 2**16, loop=loop)
                results.append(await drive(reader, pieces, chunked, names, seed % 2))
            assert results[0] == results[1], (seed, pieces, chunked, names)

    async def drive(reader, pieces, chunked, names, late):
        def feed():
            for piece in pieces:
                if chunked:
                    reader.begin_http_chunk_receiving()
                reader.feed_data(piece)
                if chunked:
                    reader.end_http_chunk_receiving()
            reader.feed_eof()

        if late:
            loop.call_soon(feed)
        else:
            feed()
        seen = []
        for name in names:
            seen.append((name, await outcome(READS[name](reader))))
            seen.append((reader.at_eof(), reader.is_eof(), reader.total_bytes))
        return seen

    run(main())


def test_iterators_give_what_aiohttps_give(run, loop):
    async def collect(cls):
        seen = []
        for make in (
            lambda r: r,
            lambda r: r.iter_any(),
            lambda r: r.iter_chunked(3),
            lambda r: r.iter_chunks(),
        ):
            reader = cls(Peer(), 2**16, loop=loop)
            for piece in (b"one\ntw", b"o\nthree", b"\n\nend"):
                reader.begin_http_chunk_receiving()
                reader.feed_data(piece)
                reader.end_http_chunk_receiving()
            reader.feed_eof()
            seen.append([item async for item in make(reader)])
        return seen

    async def main():
        ours = await collect(_streams.StreamReader)
        assert ours == await collect(aiohttp.StreamReader)
        assert ours[0] == [b"one\n", b"two\n", b"three\n", b"\n", b"end"]
        assert ours[3] == [(b"one\ntw", True), (b"o\nthree", True), (b"\n\nend", True)]

    run(main())


def test_body_that_has_arrived_is_read_without_waiting(reader):
    coroutine = fed(reader, b"a", b"b").read()
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    assert done.value.value == b"ab"


def test_body_that_arrives_is_read_to_its_end(run, loop, reader):
    async def main():
        task = await started(loop, reader.read())
        for piece in (b"abc", b"d", b"efg"):
            reader.feed_data(piece)
            await asyncio.sleep(0)
            assert not task.done()
        reader.feed_eof()
        assert await task == b"abcdefg"

    run(main())


def test_reading_all_is_not_slowed_down_by_the_limit(run, loop, reader, peer):
    async def main():
        fed(reader, b"x" * (3 * LIMIT), eof=False)
        assert peer.calls == ["pause"]
        task = await started(loop, reader.read())
        assert peer.calls == ["pause", "resume"]
        for _ in range(100):
            reader.feed_data(b"y" * LIMIT)
        reader.feed_eof()
        assert await task == b"x" * (3 * LIMIT) + b"y" * (100 * LIMIT)
        assert peer.calls == ["pause", "resume"]

    run(main())


def test_many_small_chunks_do_not_stop_a_read_of_all(run, loop, reader, peer):
    async def main():
        task = await started(loop, reader.read())
        for _ in range(5000):
            reader.begin_http_chunk_receiving()
            reader.feed_data(b"z")
            reader.end_http_chunk_receiving()
        assert len(reader._http_chunk_splits) == 1
        await asyncio.sleep(0)
        assert len(reader._buffer) < 5000
        reader.feed_eof()
        assert await task == b"z" * 5000
        assert "pause" not in peer.calls

    run(main())


def test_chunk_marks_that_filled_up_do_not_stop_a_read_of_all(run, loop, reader, peer):
    async def main():
        for _ in range(10):
            reader.begin_http_chunk_receiving()
            reader.feed_data(b"z")
            reader.end_http_chunk_receiving()
        assert peer.calls == ["pause"]
        task = await started(loop, reader.read())
        assert peer.calls == ["pause", "resume"]
        reader.feed_eof()
        assert await task == b"z" * 10

    run(main())


def test_peer_is_slowed_down_above_twice_the_limit(reader, peer):
    fed(reader, b"x" * 2 * LIMIT, eof=False)
    assert peer.calls == []
    reader.feed_data(b"x")
    reader.feed_data(b"x")
    assert peer.calls == ["pause"]
    reader.read_nowait(LIMIT + 2)
    assert peer.calls == ["pause"]
    reader.read_nowait(1)
    assert peer.calls == ["pause", "resume"]
    reader.read_nowait(1)
    assert peer.calls == ["pause", "resume"]


def test_peer_is_slowed_down_by_many_chunks(run, reader, peer):
    for _ in range(5):
        reader.begin_http_chunk_receiving()
        reader.feed_data(b"x")
        reader.end_http_chunk_receiving()
    assert peer.calls == ["pause"]
    for _ in range(4):
        assert run(reader.readchunk()) == (b"x", True)
    assert peer.calls == ["pause", "resume"]


def test_end_lets_the_peer_go_on(reader, peer):
    fed(reader, b"x" * (3 * LIMIT))
    assert peer.calls == ["pause", "resume at the end"]


def test_data_fed_while_resuming_is_for_the_next_read(run, reader, peer):
    fed(reader, b"x" * (2 * LIMIT + 1), eof=False)
    peer.more = [lambda: reader.feed_data(b"more"), reader.feed_eof]
    assert run(reader.readany()) == b"x" * (2 * LIMIT + 1)
    assert run(reader.readany()) == b"more"


def test_size_that_is_read_raises_the_limit(reader):
    assert reader.get_read_buffer_limits() == (LIMIT, 2 * LIMIT)
    reader.set_read_chunk_size(4)
    assert reader.get_read_buffer_limits() == (LIMIT, 2 * LIMIT)
    reader.iter_chunked(100)
    assert reader.get_read_buffer_limits() == (100, 200)


@pytest.mark.parametrize("name", sorted(set(READS) - {"0", "exactly0"}))
def test_cancelled_read_loses_nothing(run, loop, reader, name):
    async def main():
        reader.feed_data(b"aa")
        if name in ("3", "100", "any", "chunk"):
            assert await reader.readany() == b"aa"
            expected = b""
        else:
            expected = b"aa"
        task = await started(loop, READS[name](reader))
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        fed(reader, b"end")
        assert await reader.read() == expected + b"end"
        assert reader.total_bytes == 5

    run(main())


def test_two_tasks_cannot_read_at_once(run, loop, reader):
    async def main():
        task = await started(loop, reader.read())
        with pytest.raises(RuntimeError, match="readany.. called while another coroutine"):
            await reader.readany()
        with pytest.raises(RuntimeError, match="some coroutine is waiting"):
            reader.read_nowait()
        reader.feed_eof()
        assert await task == b""

    run(main())


def test_read_that_would_wait_for_a_closed_connection_fails(run, reader, peer):
    reader.feed_data(b"x")
    peer.connected = False
    assert run(reader.readany()) == b"x"
    with pytest.raises(RuntimeError, match="Connection closed"):
        run(reader.readany())


@pytest.mark.parametrize("name", sorted(set(READS) - {"0", "exactly0"}))
def test_error_is_raised_by_every_read(run, loop, reader, name):
    error = aiohttp.ClientPayloadError("broken")

    async def main():
        task = await started(loop, READS[name](reader))
        end = await started(loop, reader.wait_eof())
        reader.on_eof(lambda: pytest.fail("there was no end"))
        cause = ConnectionResetError()
        reader.set_exception(error, cause)
        for waiting in (task, end, READS[name](reader)):
            with pytest.raises(aiohttp.ClientPayloadError) as caught:
                await waiting
            assert caught.value is error
        assert error.__cause__ is cause
        with pytest.raises(aiohttp.ClientPayloadError):
            reader.read_nowait()
        assert reader.exception() is error

    run(main())


def test_error_after_a_wake_up_without_data_does_not_hang(run, loop, reader):
    async def main():
        reader.begin_http_chunk_receiving()
        reader.feed_data(b"x")
        assert await reader.readany() == b"x"
        task = await started(loop, reader.readany())
        reader.end_http_chunk_receiving()  # it wakes the reader, with nothing to read
        reader.set_exception(aiohttp.ClientPayloadError("broken"))
        with pytest.raises(aiohttp.ClientPayloadError):
            await asyncio.wait_for(task, 10)

    run(main())


def test_end_is_told(run, loop, reader, caplog):
    async def main():
        calls = []
        reader.on_eof(lambda: calls.append(1))
        reader.on_eof(lambda: 1 / 0)
        reader.on_eof(lambda: calls.append(2))
        task = await started(loop, reader.wait_eof())
        assert calls == []
        assert not reader.is_eof()
        fed(reader, b"x")
        await task
        await reader.wait_eof()
        assert calls == [1, 2]
        reader.on_eof(lambda: calls.append(3))
        assert calls == [1, 2, 3]
        assert reader.is_eof()
        assert not reader.at_eof()
        await reader.read()
        assert reader.at_eof()

    run(main())
    assert [record.getMessage() for record in caplog.records] == ["Exception in eof callback"]
    assert caplog.records[0].name == "aiohttp.internal"


def test_separator_is_found_across_pieces(run, loop):
    body = b"one--two---three--"
    for cuts in itertools.product([1, 2, 5], repeat=3):
        reader = _streams.StreamReader(Peer(), 2**16, loop=loop)
        rest = body
        for cut in itertools.cycle(cuts):
            if not rest:
                break
            reader.feed_data(rest[:cut])
            rest = rest[cut:]
        reader.feed_eof()
        found = [run(reader.readuntil(b"--")) for _ in range(4)]
        assert found == [b"one--", b"two--", b"-three--", b""]


def test_empty_separator_is_refused(run, reader):
    with pytest.raises(ValueError, match="at least one-byte"):
        run(reader.readuntil(b""))


def test_line_over_the_limit_is_refused(run, reader):
    reader.feed_data(b"x" * (2 * LIMIT + 1))
    with pytest.raises(aiohttp.http_exceptions.LineTooLong):
        run(reader.readline())


def test_data_may_be_put_back_with_a_warning(run, reader):
    fed(reader, b"abcdef")
    assert run(reader.read(2)) == b"ab"
    with pytest.warns(DeprecationWarning, match="unread_data"):
        reader.unread_data(b"AB")
    assert run(reader.read()) == b"ABcdef"


def test_chunks_are_begun_before_data_and_ended_after_their_beginning(reader):
    with pytest.raises(RuntimeError, match="without calling begin"):
        reader.end_http_chunk_receiving()
    reader.feed_data(b"x")
    with pytest.raises(RuntimeError, match="some data was already fed"):
        reader.begin_http_chunk_receiving()


def test_chunk_without_data_ends_nothing(run, reader):
    reader.begin_http_chunk_receiving()
    reader.end_http_chunk_receiving()
    reader.feed_data(b"x")
    reader.end_http_chunk_receiving()
    reader.feed_eof()
    assert run(reader.readchunk()) == (b"x", True)
    assert run(reader.readchunk()) == (b"", False)


def test_nothing_is_fed_after_the_end(reader):
    reader.feed_eof()
    with pytest.raises(AssertionError):
        reader.feed_data(b"x")


def test_read_nowait_gives_what_is_there(reader):
    assert reader.read_nowait() == b""
    fed(reader, b"abc", b"def")
    assert reader.read_nowait(4) == b"abcd"
    assert reader.read_nowait() == b"ef"
    assert reader.read_nowait() == b""


def test_limit_of_the_request_ends_a_read(run, loop, peer):
    async def main():
        timer = _timer.TimerContext(loop)
        reader = _streams.StreamReader(peer, LIMIT, timer=timer, loop=loop)
        for read in (reader.read, reader.readany, reader.readline):
            timer = reader._timer = _timer.TimerContext(loop)
            task = await started(loop, read())
            timer.timeout()
            with pytest.raises(TimeoutError):
                await task
        reader.feed_eof()
        with pytest.raises(TimeoutError):
            await reader.read()

    run(main())


def test_bytes_are_counted_as_they_were_sent(reader):
    fed(reader, b"abc", eof=False)
    assert (reader.total_bytes, reader.total_raw_bytes) == (3, 3)
    reader.total_compressed_bytes = 2
    assert reader.total_raw_bytes == 2


def test_endless_loop_at_the_end_is_warned_of(run, reader, caplog):
    reader.feed_eof()
    for _ in range(6):
        run(reader.read())
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_repr_is_that_of_aiohttp(loop):
    for limit, data in ((2**18, b""), (8, b"abc")):
        ours = _streams.StreamReader(Peer(), limit, loop=loop)
        theirs = aiohttp.StreamReader(Peer(), limit, loop=loop)
        for reader in (ours, theirs):
            fed(reader, data)
        assert repr(ours) == repr(theirs)
        error = ValueError("x")
        ours.set_exception(error)
        theirs.set_exception(error)
        assert repr(ours) == repr(theirs)


def test_empty_body_has_nothing_to_read(run):
    empty = _streams.EMPTY_PAYLOAD
    called = []

    async def main():
        for read in (
            empty.read(),
            empty.read(5),
            empty.readany(),
            empty.readline(),
            empty.readuntil(b"x"),
        ):
            assert await read == b""
        with pytest.raises(asyncio.IncompleteReadError):
            await empty.readexactly(1)
        await empty.wait_eof()
        # Twice: the body is everybody's, and must not remember who has read it.
        for _ in range(2):
            assert [chunk async for chunk in empty.iter_chunks()] == []
            assert [chunk async for chunk in empty.iter_chunked(4)] == []
            assert [chunk async for chunk in empty.iter_any()] == []
            assert [line async for line in empty] == []

    run(main())
    assert empty.read_nowait() == b""
    assert empty.is_eof()
    assert empty.at_eof()
    empty.feed_eof()
    empty.set_exception(ValueError())
    assert empty.exception() is None
    assert empty.feed_data(b"x") is False
    empty.on_eof(lambda: called.append(1))
    assert called == [1]
    assert repr(empty) == repr(aiohttp.EMPTY_PAYLOAD)
    assert (empty.total_bytes, empty.total_raw_bytes) == (0, 0)
    with pytest.raises(RuntimeError):
        empty.unread_data(b"x")


def test_queue_gives_what_was_fed(run, loop):
    async def main():
        queue = _streams.DataQueue(loop)
        queue.feed_data(1)
        assert len(queue) == 1
        assert await queue.read() == 1
        task = await started(loop, queue.read())
        queue.feed_data(2)
        assert await task == 2
        task = await started(loop, queue.read())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        queue.feed_data(3)
        queue.feed_eof()
        assert not queue.at_eof()
        assert [item async for item in queue] == [3]
        assert queue.at_eof()
        with pytest.raises(_streams.EofStream):
            await queue.read()

    run(main())


def test_error_of_a_queue_comes_after_the_rest(run, loop):
    async def main():
        queue = _streams.DataQueue(loop)
        queue.feed_data(1)
        error = ValueError("x")
        queue.set_exception(error)
        assert await queue.read() == 1
        with pytest.raises(ValueError, match="x"):
            await queue.read()
        assert queue.exception() is error
        waited = _streams.DataQueue(loop)
        task = await started(loop, waited.read())
        waited.set_exception(error, KeyError())
        with pytest.raises(ValueError, match="x"):
            await task

    run(main())


def test_queue_slows_the_peer_down(run, loop, peer):
    queue = _streams.FlowControlDataQueue(peer, 4, loop=loop)
    for _ in range(3):
        queue.feed_data("x", 4)
    assert peer.calls == ["pause"]
    run(queue.read())
    assert peer.calls == ["pause"]
    run(queue.read())
    assert peer.calls == ["pause", "resume"]
