"""Calls on the program's own sockets: `sock_recv` and the others.

Each call tries, and waits only when there is nothing to do, for a future that says no more than:
try again. A call that is cancelled has therefore taken nothing from its socket that it does not
return. What is no plain socket, and all of debug mode, is left to asyncio's own methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aioxide._inside import SelectorEventLoop

if TYPE_CHECKING:
    import socket

    from typing_extensions import Buffer

__all__ = ["SocketLoop"]


class SocketLoop(SelectorEventLoop):
    """The part of the loop that waits for sockets."""

    # Of the native loop.
    _new_socket: Any
    _recv_now: Any
    _recv_into_now: Any
    _send_now: Any
    _stop_waiting: Any
    _takes_socket: Any
    _wait_ready: Any

    async def sock_recv(self, sock: socket.socket, n: int) -> bytes:
        """Receive at most n bytes; none at the end of the stream."""
        got = self._recv_now(sock, n)
        while got.__class__ is not bytes:
            if got is None:
                return await super().sock_recv(sock, n)
            try:
                await got
            except BaseException:
                self._stop_waiting(sock, got, False)
                raise
            got = self._recv_now(sock, n)
        return got

    async def sock_recv_into(self, sock: socket.socket, buf: Buffer) -> int:
        """Receive into a buffer; return how many bytes came, 0 at the end of the stream."""
        got = self._recv_into_now(sock, buf)
        while got.__class__ is not int:
            if got is None:
                return await super().sock_recv_into(sock, buf)
            try:
                await got
            except BaseException:
                self._stop_waiting(sock, got, False)
                raise
            got = self._recv_into_now(sock, buf)
        return got

    async def sock_recvfrom(self, sock: socket.socket, bufsize: int) -> tuple[bytes, Any]:
        """Receive a datagram; return it and where it came from."""
        if not self._takes_socket(sock):
            return await super().sock_recvfrom(sock, bufsize)
        while True:
            try:
                return sock.recvfrom(bufsize)
            except BlockingIOError:
                pass
            await self._until_ready(sock, False)

    async def sock_recvfrom_into(
        self, sock: socket.socket, buf: Any, nbytes: int = 0
    ) -> tuple[int, Any]:
        """Receive a datagram into a buffer; return its size and where it came from."""
        if not self._takes_socket(sock):
            return await super().sock_recvfrom_into(sock, buf, nbytes)
        if not nbytes:
            nbytes = len(buf)
        while True:
            try:
                return sock.recvfrom_into(buf, nbytes)
            except BlockingIOError:
                pass
            await self._until_ready(sock, False)

    async def sock_sendall(self, sock: socket.socket, data: Buffer) -> None:
        """Send all of data. After an error nobody knows how much the peer got."""
        sent = self._send_now(sock, data)
        if sent is True:
            return
        if sent is None:
            await super().sock_sendall(sock, data)
            return
        with memoryview(data) as view:
            start = sent
            while True:
                await self._until_ready(sock, True)
                sent = self._send_now(sock, view[start:])
                if sent is True:
                    return
                if sent is None:
                    await super().sock_sendall(sock, view[start:])
                    return
                start += sent

    async def sock_accept(self, sock: socket.socket) -> tuple[socket.socket, Any]:
        """Accept a connection; return its socket, which does not block, and the peer's address."""
        if not self._takes_socket(sock):
            return await super().sock_accept(sock)
        while True:
            try:
                conn, address = sock.accept()
            except BlockingIOError:
                pass
            else:
                conn.setblocking(False)
                self._new_socket(conn)
                return conn, address
            await self._until_ready(sock, False)

    async def _until_ready(self, sock: socket.socket, writing: bool) -> None:
        future = self._wait_ready(sock, writing)
        try:
            await future
        except BaseException:
            self._stop_waiting(sock, future, writing)
            raise
