"""Random stories of two endpoints, played on the loop under test and on asyncio's.

After each step both wait until everything under way has arrived: the calls on each end, with their
datagrams, and how it ended, are then the same. The ends are connected Unix sockets, of which one
may have no room for more, or UDP sockets.
"""

import asyncio
import os
import random
import socket
import sys

import pytest

from .endpoint import PAUSES, Endpoint, quiet

SEEDS = int(os.environ.get("AIOXIDE_STORIES", "60"))
STEPS = 40
ACTIONS = {
    "send": 10,
    "burst": 5,
    "huge": 2,
    "answering": 3,
    "limits": 2,
    "protocol": 2,
    "fill": 2,
    "close": 0.5,
    "abort": 0.5,
}
# asyncio 3.13.0 to 3.13.3 count what was sent.
FLOW = not ((3, 13) <= sys.version_info < (3, 14))
if PAUSES:
    ACTIONS |= {"pause": 3, "resume": 4}
if not FLOW:
    del ACTIONS["fill"]


def answer(protocol, data, addr):
    """Answer what asks for it, three times, and schedule something between."""
    if data.startswith(b"?"):
        asyncio.get_running_loop().call_soon(protocol.calls.append, "scheduled")
        for number in range(3):
            protocol.transport.sendto(b"!%d" % number + data[1:])


def story(seed):
    chance = random.Random(seed)
    steps = []
    for _ in range(STEPS):
        [action] = chance.choices(list(ACTIONS), list(ACTIONS.values()))
        size = chance.choice([1, 2, 10, 500, 1000])
        steps.append((chance.randrange(2), action, size, chance.randrange(256)))
    return steps


def act(ends, index, action, size, byte):
    """Take one step with one end."""
    end = ends[index]
    transport = end.transport
    if "connection_lost" in end.calls or transport.is_closing():
        return
    data = bytes([byte]) * size
    if action == "send":
        transport.sendto(data)
    elif action == "burst":
        for number in range(8):
            transport.sendto(b"%d" % number + data[: number % 3])
    elif action == "huge":
        transport.sendto(bytes(2_000_000))
    elif action == "answering":
        for number in range(4):
            transport.sendto(b"?%d" % number)
    elif action == "limits":
        transport.set_write_buffer_limits(high=size)
    elif action == "fill":
        while transport.get_write_buffer_size() < 100 and not end.errors:
            transport.sendto(data)
    elif action == "pause":
        transport.pause_reading()
    elif action == "resume":
        transport.resume_reading()
    elif action == "protocol":
        new = Endpoint(datagram_received=answer)
        # The log goes on in the new protocol.
        new.calls, new.received, new.errors = end.calls, end.received, end.errors
        new.transport = transport
        transport.set_protocol(new)
        ends[index] = new
    else:
        getattr(transport, action)()


def sockets(kind, folder):
    if kind == "udp":
        pair = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(2)]
        for sock in pair:
            sock.bind(("127.0.0.1", 0))
    else:
        pair = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
        for number, sock in enumerate(pair):
            sock.bind(os.path.join(folder, str(number)))
    pair[0].connect(pair[1].getsockname())
    pair[1].connect(pair[0].getsockname())
    return pair


async def play(loop, seed, kind, folder):
    """Play a story, and return what each end saw."""
    os.mkdir(folder)
    ends = []
    for sock in sockets(kind, folder):
        protocol = Endpoint(datagram_received=answer)
        await loop.create_datagram_endpoint(lambda protocol=protocol: protocol, sock=sock)
        ends.append(protocol)
    sizes = []
    for index, action, *rest in story(seed):
        if kind == "udp" and action == "fill":
            continue
        act(ends, index, action, *rest)
        await quiet(*ends)
        if any("connection_lost" in end.calls for end in ends):
            # How often a peer that is gone refuses several at a time is the kernel's to say.
            break
        sizes.append([end.transport.get_write_buffer_size() for end in ends])
    else:
        for end in ends:
            if PAUSES:
                end.transport.resume_reading()
        await quiet(*ends)
    for end in ends:
        if "connection_lost" not in end.calls:
            end.transport.abort()
    await quiet(*ends)
    return [
        (
            end.calls,
            [data for data, _ in end.received],
            [(type(error), error.errno) for error in end.errors],
        )
        for end in ends
    ], sizes


def without_resuming(calls):
    return [call for call in calls if call != "resume_writing"]


@pytest.mark.parametrize("kind", ["udp", "unix"])
@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
def test_story(loop, seed, kind, tmp_path):
    control = asyncio.SelectorEventLoop()
    try:
        playing = play(control, seed, kind, str(tmp_path / "control"))
        expected, sizes_expected = control.run_until_complete(playing)
    finally:
        control.close()
    playing = play(loop, seed, kind, str(tmp_path / "tested"))
    result, sizes = loop.run_until_complete(playing)
    for (calls, received, errors), (calls_expected, received_expected, errors_expected) in zip(
        result, expected, strict=True
    ):
        # A batch is read before the room to write is looked at.
        assert without_resuming(calls) == without_resuming(calls_expected)
        assert calls.count("resume_writing") == calls_expected.count("resume_writing")
        assert received == received_expected
        assert errors == errors_expected
    assert sizes == sizes_expected
