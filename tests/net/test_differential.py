"""Random stories played on the loop under test and on asyncio's: the same calls, the same bytes.

After each step both wait until everything under way has arrived, so only the order that asyncio
guarantees is compared: the callbacks of each end, the bytes in each direction, and how it ended.
"""

import asyncio
import os
import random
import socket

import pytest

from .peer import polled
from .recorder import BufferedRecorder, Recorder

SEEDS = int(os.environ.get("AIOXIDE_STORIES", "60"))
STEPS = 40


class Keeps:
    """Keeps the connection open at the end of the peer's stream."""

    def eof_received(self):
        super().eof_received()
        return True


class KeepsRecorder(Keeps, Recorder):
    """A recorder that stays half-open."""


class KeepsBuffered(Keeps, BufferedRecorder):
    """A buffered recorder that stays half-open."""


KINDS = [Recorder, BufferedRecorder, KeepsRecorder, KeepsBuffered]


def bursts(seed):
    return seed % 3 == 0


def story(seed):
    """Make a list of steps: the end that acts, what it does, and with what.

    How much of many small writes fits the kernel's buffer depends on how they are put together, so
    bursts are in stories of their own, in which everything fits.
    """
    chance = random.Random(seed)
    sizes = [0, 1, 10, 1000] if bursts(seed) else [0, 1, 10, 1000, 30_000, 200_000]
    steps = []
    for _ in range(STEPS):
        end = chance.randrange(2)
        action = chance.choices(
            [
                "write",
                "writelines",
                "burst",
                "pause",
                "resume",
                "limits",
                "protocol",
                "eof",
                "close",
                "abort",
                "settle",
            ],
            [10, 6, 4 if bursts(seed) else 0, 6, 8, 2, 3, 1, 1, 1, 6],
        )[0]
        size = chance.choice(sizes)
        steps.append((end, action, size, chance.randrange(256), chance.randrange(len(KINDS))))
    return steps


async def settle(ends):
    """Wait until no byte is under way."""
    last = None
    while True:
        await polled()
        now = [
            (len(end.received), len(end.calls), end.transport.get_write_buffer_size())
            for end in ends
        ]
        if now == last:
            return
        last = now


def block(size, byte):
    return bytes((byte + number) % 256 for number in range(min(size, 256))) * max(1, size // 256)


async def act(end, ends, index, action, size, byte, kind):
    """Take one step with one end of the connection."""
    transport = end.transport
    data = block(size, byte)
    # What asyncio gets wrong in some release, test_write and test_close ask of aioxide.
    if "connection_lost" in end.calls or (transport.is_closing() and action != "write"):
        return
    try:
        if action == "write":
            transport.write(data)
        elif action == "writelines":
            transport.writelines([data or b".", b"-", bytearray(data or b".")])
            # Some releases of asyncio look at the mark only now.
            low, high = transport.get_write_buffer_limits()
            transport.set_write_buffer_limits(high, low)
        elif action == "burst":
            for number in range(20):
                transport.write(b"%d," % number)
        elif action == "pause":
            transport.pause_reading()
        elif action == "resume":
            transport.resume_reading()
        elif action == "limits":
            transport.set_write_buffer_limits(high=size)
        elif action == "eof":
            transport.write_eof()
        elif action == "close":
            transport.close()
        elif action == "abort":
            transport.abort()
        elif action == "protocol" and not transport.is_closing():
            new = KINDS[kind]()
            # The log goes on in the new protocol.
            new.calls, new.received, new.transport = end.calls, end.received, transport
            end.calls.append(f"now {KINDS[kind].__name__}")
            transport.set_protocol(new)
            ends[index] = new
    except RuntimeError as error:
        end.calls.append(str(error).replace("writelines", "write"))


async def play(loop, seed):
    """Play a story, and return what each end saw."""
    chance = random.Random(-seed)
    left, right = socket.socketpair()
    ends = []
    for sock in (left, right):
        kind = chance.choice(KINDS)
        if not bursts(seed):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        ends.append((await loop.create_connection(kind, sock=sock))[1])
    for index, action, *rest in story(seed):
        if action == "settle":
            await settle(ends)
        else:
            await act(ends[index], ends, index, action, *rest)
            # One end at a time: what the other sees of it does not depend on speed.
            await settle(ends)
    for end in ends:
        if not end.transport.is_closing():
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
def test_story(loop, seed):
    control = asyncio.SelectorEventLoop()
    try:
        expected = control.run_until_complete(play(control, seed))
    finally:
        control.close()
    result = loop.run_until_complete(play(loop, seed))
    for (calls, received, *ends), (calls_expected, received_expected, *ends_expected) in zip(
        result, expected, strict=True
    ):
        assert calls == calls_expected
        assert received == received_expected
        assert ends == ends_expected
