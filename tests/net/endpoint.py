"""A datagram protocol that writes down what is called on it, and the plain sockets it talks to."""

import asyncio
import socket

from .peer import polled

#: Whether this Python's own datagram transports can pause reading: early releases of 3.11 cannot.
PAUSES = "pause_reading" in vars(asyncio.selector_events._SelectorTransport)


class Endpoint(asyncio.DatagramProtocol):
    """Records; `on` maps the name of a call to what is done in it."""

    def __init__(self, **on):
        self.calls = []
        self.received = []
        self.errors = []
        self.on = on
        self.transport = None
        self._waiters = []

    def note(self, name, *args):
        self.calls.append(name)
        for test, waiter in self._waiters:
            if not waiter.done() and test():
                waiter.set_result(None)
        if name in self.on:
            self.on[name](self, *args)

    async def until(self, wanted):
        """Wait until `wanted`, the name of a call or a condition, has come true."""
        test = (lambda: wanted in self.calls) if isinstance(wanted, str) else wanted
        if test():
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append((test, waiter))
        try:
            await waiter
        finally:
            self._waiters.remove((test, waiter))

    async def got(self, count):
        """Wait for so many datagrams, and return their contents."""
        await self.until(lambda: len(self.received) >= count)
        return [data for data, _ in self.received]

    def connection_made(self, transport):
        self.transport = transport
        self.note("connection_made")

    def datagram_received(self, data, addr):
        assert type(data) is bytes
        self.received.append((data, addr))
        self.note("datagram_received", data, addr)

    def error_received(self, exc):
        self.errors.append(exc)
        self.note("error_received", exc)

    def pause_writing(self):
        self.note("pause_writing")

    def resume_writing(self):
        self.note("resume_writing")

    def connection_lost(self, exc):
        self.exception = exc
        self.note("connection_lost", exc)


def plain(host="127.0.0.1", **options):
    """Make a bound plain UDP socket, whose calls wait at most ten seconds."""
    sock = socket.socket(type=socket.SOCK_DGRAM, **options)
    sock.settimeout(10)
    sock.bind((host, 0))
    return sock


async def quiet(*endpoints):
    """Wait until nothing is called any more."""
    last = None
    while last != (now := [len(endpoint.calls) for endpoint in endpoints]):
        last = now
        await polled()
