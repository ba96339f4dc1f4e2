"""Descriptors to watch, and certainty that the loop has looked at them."""

import os
import socket
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
