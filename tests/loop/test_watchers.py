"""add_reader and add_writer: when the callbacks run, on sockets and pipes."""

import contextvars
import os
import socket

import pytest


def test_return_values(loop, pair):
    ours, _ = pair
    assert loop.remove_reader(ours) is False
    assert loop.remove_writer(ours) is False
    assert loop.add_reader(ours, list) is None
    assert loop.remove_writer(ours) is False
    assert loop.remove_reader(ours) is True
    assert loop.remove_reader(ours) is False
    assert loop.add_writer(ours, list) is None
    assert loop.remove_reader(ours) is False
    assert loop.remove_writer(ours) is True
    assert loop.remove_writer(ours) is False


@pytest.mark.parametrize("number", [-1, -(2**70)])
def test_negative_number_is_no_descriptor(loop, number):
    for method in (loop.add_reader, loop.add_writer, loop.remove_reader, loop.remove_writer):
        arguments = [list] if method in (loop.add_reader, loop.add_writer) else []
        with pytest.raises(ValueError, match=f"Invalid file descriptor: {number}"):
            method(number, *arguments)


def test_reader_is_called_when_data_arrives(loop, pair):
    ours, theirs = pair
    seen = []

    def readable(*args):
        seen.append((ours.recv(100), args))
        loop.stop()

    loop.add_reader(ours, readable, 1, "two")
    loop.call_soon(theirs.send, b"data")
    loop.run_forever()
    assert seen == [(b"data", (1, "two"))]
    loop.remove_reader(ours)


def test_writer_is_called_while_there_is_room(loop, pair):
    ours, _ = pair
    calls = []

    def writable(*args):
        calls.append(args)
        if len(calls) == 3:
            loop.stop()

    loop.add_writer(ours, writable, "argument")
    loop.run_forever()
    assert calls == [("argument",)] * 3
    assert loop.remove_writer(ours) is True


def test_what_is_ready_comes_with_the_next_turn(loop, pair):
    """Behind what was queued before it, and before what is queued in the turn after."""
    left, right = pair
    right.send(b"x")
    seen = []

    def read(number):
        seen.append(f"read {number}")
        loop.remove_reader(left)

    def first(number):
        loop.add_reader(left, read, number)
        loop.call_soon(second, number)

    def second(number):
        seen.append(f"second {number}")
        loop.call_soon(third, number)

    def third(number):
        seen.append(f"third {number}")
        if number < 50:
            loop.call_soon(first, number + 1)
        else:
            loop.stop()

    loop.call_soon(first, 0)
    loop.run_forever()
    words = ("second", "read", "third")
    assert seen == [f"{word} {number}" for number in range(51) for word in words]


def test_reader_is_level_triggered(loop, pair):
    """What was not read is told again."""
    ours, theirs = pair
    data = []

    def readable():
        data.append(ours.recv(1))
        if len(data) == 5:
            loop.stop()

    theirs.send(b"abcde")
    loop.add_reader(ours, readable)
    loop.run_forever()
    assert b"".join(data) == b"abcde"
    loop.remove_reader(ours)


def test_reader_that_reads_nothing_is_called_again(loop, pair):
    ours, theirs = pair
    calls = 0

    def readable():
        nonlocal calls
        calls += 1
        if calls == 10:
            loop.stop()

    theirs.send(b"x")
    loop.add_reader(ours, readable)
    loop.run_forever()
    assert calls == 10
    loop.remove_reader(ours)


def test_reader_is_called_at_most_once_in_a_turn(loop, pair, turn):
    ours, theirs = pair
    calls = []
    theirs.send(b"x")
    loop.add_reader(ours, calls.append, 1)
    for number in range(1, 20):
        turn()
        assert len(calls) <= number
    loop.remove_reader(ours)


def test_reader_is_called_at_the_end_of_the_stream(loop, pair):
    ours, theirs = pair
    seen = []

    def readable():
        seen.append(ours.recv(100))
        if len(seen) == 2:
            loop.stop()

    loop.add_reader(ours, readable)
    theirs.shutdown(socket.SHUT_WR)
    loop.run_forever()
    assert seen == [b"", b""]
    loop.remove_reader(ours)


def test_writer_is_called_when_the_peer_is_gone(loop, pipe):
    reader, writer = pipe
    reader.close()
    loop.add_writer(writer, loop.stop)
    loop.run_forever()
    with pytest.raises(BrokenPipeError):
        writer.write(b"x")
    loop.remove_writer(writer)


def test_reader_is_called_when_the_pipe_is_closed(loop, pipe):
    reader, writer = pipe
    seen = []

    def readable():
        seen.append(reader.read(10))
        loop.stop()

    loop.add_reader(reader, readable)
    loop.call_soon(writer.close)
    loop.run_forever()
    assert seen == [b""]
    loop.remove_reader(reader)


def test_full_pipe(loop, pipe, poll):
    """A writer waits while there is no room, and is told when there is."""
    reader, writer = pipe
    written = 0
    while count := writer.write(bytes(65536)):
        written += count
    seen = []
    loop.add_writer(writer, seen.append, "room")
    poll()
    assert seen == []
    while written:
        written -= len(reader.read(1 << 20))
    poll()
    assert "room" in seen
    assert loop.remove_writer(writer)


def test_number_used_again_after_removal(loop, poll):
    """Watch, remove, close, and the number comes back as another pipe."""
    seen = []
    for number in range(20):
        reader, writer = os.pipe()
        os.write(writer, b"x")
        loop.add_reader(reader, seen.append, number)
        poll()
        assert set(seen) == {number}
        assert loop.remove_reader(reader) is True
        os.close(reader)
        os.close(writer)
        seen.clear()


def test_number_used_again_without_removal(loop, poll):
    """A descriptor closed while it was watched: what comes next under its number is not it."""
    seen = []
    reader, writer = os.pipe()
    loop.add_reader(reader, seen.append, "old")
    os.close(reader)
    os.close(writer)
    new_reader, new_writer = os.pipe()
    assert new_reader == reader
    os.write(new_writer, b"x")
    poll()
    assert seen == []
    loop.remove_reader(new_reader)
    loop.add_reader(new_reader, seen.append, "new")
    poll()
    assert set(seen) == {"new"}
    assert loop.remove_reader(new_reader) is True
    os.close(new_reader)
    os.close(new_writer)


def test_closed_without_removal_and_removed_later(loop, poll):
    reader, writer = os.pipe()
    loop.add_reader(reader, list)
    os.close(reader)
    os.close(writer)
    assert loop.remove_reader(reader) is True
    assert loop.remove_reader(reader) is False
    poll()


def test_context(loop, pair, poll):
    name = contextvars.ContextVar("name", default="default")
    ours, theirs = pair
    theirs.send(b"x")
    seen = []
    contextvars.copy_context().run(
        lambda: (name.set("added"), loop.add_reader(ours, lambda: seen.append(name.get())))
    )
    poll()
    assert set(seen) == {"added"}
    loop.remove_reader(ours)


def test_exception_is_reported_and_the_reader_stays(loop, pair, expect_exception_handler):
    ours, theirs = pair
    calls = 0

    def readable():
        nonlocal calls
        calls += 1
        if calls == 3:
            loop.stop()
        raise LookupError

    theirs.send(b"x")
    loop.add_reader(ours, readable)
    loop.run_forever()
    assert calls == 3
    assert len(expect_exception_handler) == 3
    assert all(isinstance(c["exception"], LookupError) for c in expect_exception_handler)
    assert loop.remove_reader(ours) is True


def test_watcher_stays_over_runs(loop, pair):
    ours, theirs = pair
    seen = []

    def readable():
        seen.append(ours.recv(1))
        loop.stop()

    loop.add_reader(ours, readable)
    for _ in range(3):
        theirs.send(b"x")
        loop.run_forever()
    assert seen == [b"x"] * 3
    loop.remove_reader(ours)


def test_hundreds_of_descriptors(loop):
    """Each is told of its own data."""
    count = 200
    pipes = [os.pipe2(os.O_NONBLOCK) for _ in range(count)]
    seen = []

    def readable(number):
        seen.append((number, os.read(pipes[number][0], 10)))
        loop.remove_reader(pipes[number][0])
        if len(seen) == count:
            loop.stop()

    for number, (reader, writer) in enumerate(pipes):
        loop.add_reader(reader, readable, number)
        os.write(writer, b"%d" % number)
    loop.run_forever()
    assert sorted(seen) == [(number, b"%d" % number) for number in range(count)]
    for ends in pipes:
        for end in ends:
            os.close(end)


def test_close_of_the_loop_forgets_watchers(loop, pair):
    ours, theirs = pair
    loop.add_reader(ours, pytest.fail)
    loop.add_writer(ours, pytest.fail)
    loop.close()
    assert loop.remove_reader(ours) is False
    theirs.send(b"x")
    assert ours.recv(1) == b"x"


def test_two_loops_watch_one_descriptor(loop, loop_factory, pair):
    ours, theirs = pair
    other = loop_factory()
    seen = []
    theirs.send(b"x")
    for each in (loop, other):
        each.add_reader(ours, lambda each=each: (seen.append(each), each.stop()))
    loop.run_forever()
    other.run_forever()
    assert set(seen) == {loop, other}
    assert loop.remove_reader(ours) is True
    assert other.remove_reader(ours) is True
    other.close()


def test_watcher_of_an_idle_loop_from_a_timer(loop, pair):
    """A descriptor registered while the loop is between two waits."""
    ours, theirs = pair
    loop.call_later(0.001, loop.add_reader, ours, loop.stop)
    theirs.send(b"x")
    loop.run_forever()
    loop.remove_reader(ours)


def test_sockets_of_other_kinds(loop, poll):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    listener.setblocking(False)
    seen = []
    loop.add_reader(listener, seen.append, "connection")
    poll()
    assert seen == []
    client = socket.create_connection(listener.getsockname())
    poll()
    assert "connection" in seen
    loop.remove_reader(listener)
    client.close()
    listener.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        loop.add_reader(datagrams, seen.append, "datagram")
        datagrams.sendto(b"", datagrams.getsockname())
        poll()
        assert "datagram" in seen
        loop.remove_reader(datagrams)
