"""Protocols that write down what is called on them, and tell those who wait for it."""

import asyncio


class Calls:
    """The calls a protocol received, in order; neighbouring data callbacks count as one.

    How the kernel cuts a stream into reads is not fixed, so only the bytes and the order of the
    different callbacks can be compared.
    """

    def __init__(self):
        self.calls = []
        self.received = bytearray()
        self.transport = None
        self.exception = None
        self._waiters = []

    def note(self, name):
        """Write a call down and wake those who wait for it."""
        if not self.calls or self.calls[-1] != name or not name.startswith("data"):
            self.calls.append(name)
        for test, waiter in self._waiters:
            if not waiter.done() and test():
                waiter.set_result(None)

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

    def connection_made(self, transport):
        self.transport = transport
        self.note("connection_made")

    def eof_received(self):
        self.note("eof_received")

    def pause_writing(self):
        self.note("pause_writing")

    def resume_writing(self):
        self.note("resume_writing")

    def connection_lost(self, exc):
        self.exception = exc
        self.note("connection_lost")


class Recorder(Calls, asyncio.Protocol):
    """A streaming protocol that records."""

    def data_received(self, data):
        assert type(data) is bytes
        self.received += data
        self.note("data_received")


class BufferedRecorder(Calls, asyncio.BufferedProtocol):
    """A buffered protocol that records; `size` is the length of its buffer."""

    def __init__(self, size=4096):
        super().__init__()
        self.buffer = bytearray(size)

    def get_buffer(self, sizehint):
        self.sizehint = sizehint
        return self.buffer

    def buffer_updated(self, nbytes):
        self.received += self.buffer[:nbytes]
        self.note("data_received")
