"""The other end of a TLS connection, by hand: what goes over the wire, and when, is the test's."""

import contextlib
import ssl

from .peer import Peer

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def contexts_of(authority, version=None):
    """A context for a server on localhost and one for its clients, for one version of TLS."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client)
    for context in (server, client):
        if version is not None:
            context.minimum_version = context.maximum_version = version
    return server, client


class TlsPeer(Peer):
    """A plain socket, and TLS over it by memory."""

    def __init__(self, loop, sock, context, *, server_side=True):
        super().__init__(loop, sock)
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        hostname = None if server_side else "localhost"
        self.tls = context.wrap_bio(
            self.incoming, self.outgoing, server_side=server_side, server_hostname=hostname
        )

    async def flush(self):
        """Send what is encrypted."""
        await super().sendall(self.outgoing.read())

    async def _step(self, function, *args):
        while True:
            try:
                result = function(*args)
            except ssl.SSLWantReadError:
                await self.flush()
                data = await super().recv()
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()
            except ssl.SSLError:
                await self.flush()  # the alert
                raise
            else:
                await self.flush()
                return result

    async def handshake(self):
        """Make the handshake."""
        await self._step(self.tls.do_handshake)

    def encrypt(self, data):
        """Return the records of `data`, to be sent by hand."""
        view = memoryview(data)
        while view:
            view = view[self.tls.write(view) :]
        return self.outgoing.read()

    async def sendall(self, data):
        """Encrypt and send everything."""
        await Peer.sendall(self, self.encrypt(data))

    async def recv(self, size=65536):
        """Receive some bytes, none after the other end's close_notify."""
        try:
            return await self._step(self.tls.read, size)
        except ssl.SSLZeroReturnError:
            return b""

    async def recv_raw(self):
        """Receive bytes as they are on the wire, to the end of the stream."""
        received = bytearray()
        while data := await Peer.recv(self):
            received += data
        return bytes(received)

    async def close_notify(self):
        """Say that nothing more is to come, and wait for nothing."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        await self.flush()
