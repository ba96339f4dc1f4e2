"""Random stories over TLS, on the loop under test and on asyncio's: see test_differential."""

import asyncio
import os
import random
import socket

import pytest

from .peer import polled
from .recorder import BufferedRecorder, Recorder
from .tls import VERSIONS, contexts_of

SEEDS = int(os.environ.get("AIOXIDE_STORIES", "40"))
STEPS = 30


class Views(BufferedRecorder):
    """A buffered recorder; asyncio loses data in a buffer that is no memoryview."""

    def get_buffer(self, sizehint):
        return memoryview(super().get_buffer(sizehint))


class Small(Views):
    """One with a buffer that is mostly too small."""

    def __init__(self):
        super().__init__(100)


KINDS = [Recorder, Views, Small]
SIZES = [0, 1, 10, 1000, 16_384, 30_000, 200_000]
ACTIONS = {
    "write": 10,
    "writelines": 6,
    "burst": 4,
    "pause": 5,
    "resume": 7,
    "protocol": 3,
    "close": 1,
    "abort": 1,
}


def story(seed):
    """Make a list of steps: the end that acts, what it does, and with what."""
    chance = random.Random(seed)
    return [
        (
            chance.randrange(2),
            chance.choices(list(ACTIONS), list(ACTIONS.values()))[0],
            bytes([chance.randrange(256)]) * chance.choice(SIZES),
            chance.choice(KINDS),
        )
        for _ in range(STEPS)
    ]


def progress(end):
    """What changes while bytes are under way."""
    transport = end.transport
    size = 0
    if "connection_lost" not in end.calls:
        lower = transport._ssl_protocol._transport
        size = transport.get_write_buffer_size()
        size += lower.get_write_buffer_size() if lower is not None else 0
        size += transport.get_read_buffer_size()
    return len(end.received), len(end.calls), size


async def settle(ends):
    """Wait until no byte is under way."""
    last = None
    while True:
        await polled(4)
        now = [progress(end) for end in ends]
        if now == last:
            return
        last = now


def act(ends, index, action, data, kind):
    """Take one step with one end of the connection."""
    end = ends[index]
    transport = end.transport
    if "connection_lost" in end.calls or transport.is_closing():
        return
    if action == "write":
        transport.write(data)
    elif action == "writelines":
        transport.writelines([data, b"-", bytearray(data)])
    elif action == "burst":
        for number in range(20):
            transport.write(b"%d," % number)
    elif action == "pause":
        transport.pause_reading()
    elif action == "resume":
        transport.resume_reading()
    elif action == "protocol":
        new = kind()
        # The log goes on in the new protocol.
        new.calls, new.received, new.transport = end.calls, end.received, transport
        end.calls.append(f"now {kind.__name__}")
        transport.set_protocol(new)
        ends[index] = new
    else:
        getattr(transport, action)()


async def play(loop, seed, contexts):
    """Play a story, and return what each end saw."""
    chance = random.Random(-seed)
    left, right = socket.socketpair()
    kinds = chance.choice(KINDS), chance.choice(KINDS)
    made = await asyncio.gather(
        loop.connect_accepted_socket(kinds[0], left, ssl=contexts[0]),
        loop.create_connection(kinds[1], sock=right, ssl=contexts[1], server_hostname="localhost"),
    )
    ends = [protocol for _, protocol in made]
    del made
    for index, *rest in story(seed):
        act(ends, index, *rest)
        await settle(ends)
    for end in ends:
        if "connection_lost" not in end.calls:
            end.transport.resume_reading()
    await settle(ends)
    for end in ends:
        if "connection_lost" not in end.calls:
            end.transport.abort()
    await settle(ends)
    return [
        (end.calls, bytes(end.received), type(end.exception), end.calls.count("connection_lost"))
        for end in ends
    ]


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
def test_story(loop, authority, seed):
    contexts = contexts_of(authority, VERSIONS[seed % 2])
    control = asyncio.SelectorEventLoop()
    try:
        expected = control.run_until_complete(play(control, seed, contexts))
    finally:
        control.close()
    result = loop.run_until_complete(play(loop, seed, contexts))
    for (calls, received, *ends), (calls_expected, received_expected, *ends_expected) in zip(
        result, expected, strict=True
    ):
        assert calls == calls_expected
        assert received == received_expected
        assert ends == ends_expected
