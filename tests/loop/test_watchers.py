"""add_reader, add_writer and their removal, on sockets and pipes, and on what cannot be watched."""

import asyncio
import contextvars
import fcntl
import os
import socket
import tempfile
from io import FileIO

import pytest


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def pipe():
    """Two files, which may be closed twice: a number could be another's by then."""
    reader, writer = os.pipe2(os.O_NONBLOCK)
    with FileIO(reader, "r") as reader, FileIO(writer, "w") as writer:
        yield reader, writer


@pytest.fixture
def poll(loop):
    """Lets the loop make turns until it has polled for sure: a pipe told so.

    A loop may put a poll off for a moment while callbacks are ready.
    """
    reader, writer = os.pipe2(os.O_NONBLOCK)

    def poll():
        def polled():
            os.read(reader, 1)
            loop.remove_reader(reader)
            loop.call_soon(loop.stop)

        os.write(writer, b"x")
        loop.add_reader(reader, polled)
        loop.run_forever()

    yield poll
    os.close(reader)
    os.close(writer)


def same_as_asyncio(loop, action):
    """Do it to the loop and to a new asyncio loop: same value, or an error of the same type."""

    def outcome(loop):
        try:
            return action(loop)
        except Exception as error:
            return type(error), getattr(error, "errno", None)

    control = asyncio.SelectorEventLoop()
    try:
        expected = outcome(control)
    finally:
        control.close()
    assert outcome(loop) == expected
    return expected


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


def test_reader_and_writer_of_one_descriptor(loop, pair, poll):
    ours, theirs = pair
    seen = []
    loop.add_reader(ours, seen.append, "reader")
    loop.add_writer(ours, seen.append, "writer")
    poll()
    assert set(seen) == {"writer"}
    theirs.send(b"x")
    seen.clear()
    poll()
    assert set(seen) == {"reader", "writer"}
    assert loop.remove_writer(ours) is True
    seen.clear()
    poll()
    assert set(seen) == {"reader"}
    assert loop.remove_reader(ours) is True
    seen.clear()
    poll()
    assert seen == []


def test_reader_before_writer(loop, pair, poll):
    """Of one descriptor the reader is called first."""
    ours, theirs = pair
    seen = []
    theirs.send(b"x")
    loop.add_writer(ours, seen.append, "writer")
    loop.add_reader(ours, seen.append, "reader")
    poll()
    assert seen[:2] == ["reader", "writer"]
    loop.remove_reader(ours)
    loop.remove_writer(ours)


def test_replaced_callback(loop, pair, poll):
    ours, theirs = pair
    seen = []
    theirs.send(b"x")
    for kind in ("reader", "writer"):
        add, remove = getattr(loop, f"add_{kind}"), getattr(loop, f"remove_{kind}")
        add(ours, seen.append, "old")
        add(ours, seen.append, "new")
        poll()
        assert set(seen) == {"new"}
        assert remove(ours) is True
        assert remove(ours) is False
        seen.clear()


def test_replaced_by_itself_while_it_runs(loop, pair):
    ours, theirs = pair
    seen = []

    def first():
        seen.append("first")
        loop.add_reader(ours, second)

    def second():
        seen.append("second")
        loop.remove_reader(ours)
        loop.stop()

    theirs.send(b"x")
    loop.add_reader(ours, first)
    loop.run_forever()
    assert seen == ["first", "second"]


def test_callback_that_removes_itself(loop, pair, poll):
    ours, theirs = pair
    seen = []

    def readable():
        seen.append(loop.remove_reader(ours))

    theirs.send(b"x")
    loop.add_reader(ours, readable)
    poll()
    poll()
    assert seen == [True]


def test_callbacks_that_remove_each_other_in_one_turn(loop, poll):
    """Both are ready; whichever runs first keeps the other from running."""
    pairs = [socket.socketpair() for _ in range(2)]
    seen = []

    def readable(me, other):
        seen.append(me)
        loop.remove_reader(pairs[other][0])

    for me, (ours, theirs) in enumerate(pairs):
        theirs.send(b"x")
        loop.add_reader(ours, readable, me, 1 - me)
    poll()
    assert len(set(seen)) == 1
    poll()
    assert len(set(seen)) == 1
    loop.remove_reader(pairs[seen[0]][0])
    for ours, theirs in pairs:
        ours.close()
        theirs.close()


def test_reader_that_removes_the_writer_of_one_descriptor(loop, pair, poll):
    ours, theirs = pair
    seen = []

    def readable():
        seen.append("reader")
        loop.remove_reader(ours)
        loop.remove_writer(ours)

    theirs.send(b"x")
    loop.add_reader(ours, readable)
    loop.add_writer(ours, seen.append, "writer")
    poll()
    assert seen == ["reader"]


def test_callback_that_closes_another_descriptor_of_the_turn(loop, poll):
    pairs = [socket.socketpair() for _ in range(2)]
    seen = []

    def readable(me, other):
        seen.append(me)
        loop.remove_reader(pairs[me][0])
        loop.remove_reader(pairs[other][0])
        pairs[other][0].close()

    for me, (ours, theirs) in enumerate(pairs):
        theirs.send(b"x")
        loop.add_reader(ours, readable, me, 1 - me)
    poll()
    assert len(seen) == 1
    for ours, theirs in pairs:
        ours.close()
        theirs.close()


def test_removed_by_an_earlier_callback_of_the_turn(loop, pair, poll):
    """Removal counts even where the descriptor's readiness was already seen."""
    ours, theirs = pair
    theirs.send(b"x")
    seen = []
    loop.add_reader(ours, seen.append, 1)
    loop.call_soon(loop.remove_reader, ours)
    poll()
    assert seen == []


def test_socket_object_and_number_are_the_same(loop, pair, poll):
    ours, theirs = pair
    theirs.send(b"x")
    seen = []
    loop.add_reader(ours, seen.append, "object")
    loop.add_reader(ours.fileno(), seen.append, "number")
    poll()
    assert set(seen) == {"number"}
    assert loop.remove_reader(ours) is True
    assert loop.remove_reader(ours.fileno()) is False


def test_any_object_with_fileno(loop, pair, poll):
    ours, theirs = pair

    class File:
        def fileno(self):
            return ours.fileno()

    theirs.send(b"x")
    seen = []
    loop.add_reader(File(), seen.append, 1)
    poll()
    assert set(seen) == {1}
    assert loop.remove_reader(File()) is True


class WrongFile:
    def fileno(self):
        return "text"


class FailingFile:
    def fileno(self):
        raise LookupError("no number")


METHODS = ["add_reader", "add_writer", "remove_reader", "remove_writer"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "thing",
    [None, "text", b"x", 1.5, object(), -1, -2, 2**31, 2**40, 2**70, WrongFile(), FailingFile()],
    ids=[
        "None",
        "str",
        "bytes",
        "float",
        "object",
        "-1",
        "-2",
        "2**31",
        "2**40",
        "2**70",
        "wrong",
        "failing",
    ],
)
def test_what_is_not_a_descriptor(loop, method, thing):
    args = [list] if method.startswith("add") else []
    outcome = same_as_asyncio(loop, lambda loop: getattr(loop, method)(thing, *args))
    assert outcome is False or issubclass(outcome[0], Exception)


@pytest.mark.parametrize("method", METHODS)
def test_closed_descriptor(loop, method):
    # High, so that no descriptor of a new loop gets it.
    number = fcntl.fcntl(0, fcntl.F_DUPFD, 700)
    os.close(number)
    args = [list] if method.startswith("add") else []
    outcome = same_as_asyncio(loop, lambda loop: getattr(loop, method)(number, *args))
    if args:
        assert outcome == (OSError, 9)
    else:
        assert outcome is False
    # The failure left nothing behind: the number can be watched when it is a descriptor again.
    reader, writer = os.pipe()
    os.dup2(reader, number)
    loop.add_reader(number, list)
    assert loop.remove_reader(number) is True
    for end in (reader, writer, number):
        os.close(end)


@pytest.mark.parametrize("method", METHODS)
def test_closed_socket(loop, method):
    closed = socket.socket()
    closed.close()
    args = [list] if method.startswith("add") else []
    same_as_asyncio(loop, lambda loop: getattr(loop, method)(closed, *args))


@pytest.mark.parametrize("kind", ["reader", "writer"])
def test_regular_file(loop, kind):
    """epoll takes none: EPERM."""
    with tempfile.TemporaryFile() as file:
        with pytest.raises(PermissionError):
            getattr(loop, f"add_{kind}")(file, list)
        assert getattr(loop, f"remove_{kind}")(file) is False
    loop.run_until_complete(asyncio.sleep(0))


@pytest.mark.parametrize("kind", ["reader", "writer"])
def test_missing_callback(loop, pair, kind):
    ours, _ = pair
    with pytest.raises(TypeError):
        getattr(loop, f"add_{kind}")(ours)
    assert getattr(loop, f"remove_{kind}")(ours) is False


def test_not_a_callable(loop, pair, poll, expect_exception_handler):
    ours, theirs = pair
    theirs.send(b"x")
    loop.add_reader(ours, None)
    poll()
    assert expect_exception_handler
    assert isinstance(expect_exception_handler[0]["exception"], TypeError)
    loop.remove_reader(ours)


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
