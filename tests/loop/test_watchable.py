"""What add_reader, add_writer and their removal take for a descriptor, and what not."""

import asyncio
import fcntl
import os
import socket
import tempfile

import pytest


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
