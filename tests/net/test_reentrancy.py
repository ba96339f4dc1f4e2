"""Every transport method from inside every callback: the same story as asyncio's.

One script of events is played on the loop under test and on asyncio's; the calls that the protocol
saw, what the peer received and how it ended must be the same. On the asyncio arm this checks that
the story is the same each time.
"""

import asyncio
import socket
import sys

import pytest

from .peer import Peer, clog, polled
from .recorder import BufferedRecorder, Recorder


class Other(Recorder):
    """The protocol that `set_protocol` puts in place; it writes to the same list."""

    def __init__(self, calls):
        super().__init__()
        self.calls = calls

    def note(self, name):
        super().note(f"other {name}")


class OtherBuffered(BufferedRecorder):
    """The same, buffered."""

    def __init__(self, calls):
        super().__init__()
        self.calls = calls

    def note(self, name):
        super().note(f"other {name}")


ACTIONS = {
    "write": lambda transport, calls: transport.write(b"[write]"),
    "writelines": lambda transport, calls: transport.writelines([b"[write", b"lines]"]),
    "write-large": lambda transport, calls: transport.write(b"L" * 600_000),
    "write_eof": lambda transport, calls: transport.write_eof(),
    "write-then-eof": lambda transport, calls: (transport.write(b"[last]"), transport.write_eof()),
    "close": lambda transport, calls: transport.close(),
    "write-then-close": lambda transport, calls: (transport.write(b"[bye]"), transport.close()),
    "abort": lambda transport, calls: transport.abort(),
    "pause_reading": lambda transport, calls: transport.pause_reading(),
    "pause-then-resume": lambda transport, calls: (
        transport.pause_reading(),
        transport.resume_reading(),
    ),
    "set_protocol": lambda transport, calls: transport.set_protocol(Other(calls)),
    "set_protocol-buffered": lambda transport, calls: transport.set_protocol(OtherBuffered(calls)),
    "set_write_buffer_limits": lambda transport, calls: transport.set_write_buffer_limits(high=0),
}
CALLBACKS = {
    Recorder: [
        "connection_made",
        "data_received",
        "eof_received",
        "pause_writing",
        "resume_writing",
        "connection_lost",
    ],
    BufferedRecorder: ["get_buffer", "buffer_updated", "eof_received"],
}


def acting(base, callback, action):
    """Make a recorder that acts in the first call of `callback`."""

    def call(self, *args):
        transport = args[0] if callback == "connection_made" else self.transport
        answer = getattr(base, callback)(self, *args)
        if not self.acted:
            self.acted = True
            self.calls.append(f"> {callback}")
            ACTIONS[action](transport, self.calls)
            self.calls.append(f"< {callback}")
        return answer

    return type("Acting", (base,), {callback: call, "acted": False})()


async def drain(peer):
    """Receive until nothing more comes."""
    received = bytearray()
    while True:
        await polled()
        try:
            data = peer.sock.recv(1_000_000)
        except BlockingIOError:
            return bytes(received)
        except ConnectionError as error:
            return bytes(received) + type(error).__name__.encode()
        if not data:
            return bytes(received) + b"<end>"
        received += data


async def play(loop, base, callback, action):
    """Play the script, and return what happened."""
    protocol = acting(base, callback, action)
    contexts = []
    loop.set_exception_handler(lambda _loop, context: contexts.append(context["message"]))
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        transport, _ = await loop.create_connection(lambda: protocol, *listener.getsockname())
        peer = Peer(loop, listener.accept()[0])
    await polled()
    peer.sock.send(b"question")
    await polled()
    state = [transport.is_closing(), transport.is_reading()]
    clogged = b""
    if not transport.is_closing():
        try:
            clogged = await clog(transport)
        except RuntimeError as error:
            state.append(str(error))
    received = await drain(peer)
    try:
        peer.sock.send(b"more")
        peer.shutdown()
    except OSError as error:
        state.append(type(error).__name__)
    received += await drain(peer)
    await polled()
    state += [transport.is_closing(), transport.is_reading(), transport.get_write_buffer_size()]
    if not transport.is_closing():
        transport.abort()
    await polled()
    received += await drain(peer)
    peer.close()
    await polled()
    state += [transport.is_closing(), type(protocol.exception)]
    received = received.replace(clogged, b"<clogged>") if clogged else received
    return {"calls": protocol.calls, "state": state, "peer": received, "contexts": contexts}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    ("base", "callback"),
    [(base, callback) for base, callbacks in CALLBACKS.items() for callback in callbacks],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_same_story(loop, base, callback, action):
    if sys.version_info < (3, 12) and (callback, action) == ("connection_made", "pause_reading"):
        pytest.skip("asyncio of 3.11 reads in spite of this pause")
    control = asyncio.SelectorEventLoop()
    try:
        expected = control.run_until_complete(play(control, base, callback, action))
    finally:
        control.close()
    if any("_call_connection_lost" in message for message in expected["contexts"]):
        pytest.skip("gh-156512: this release of asyncio calls connection_lost twice")
    result = loop.run_until_complete(play(loop, base, callback, action))
    assert f"> {callback}" in result["calls"]
    assert result == expected
