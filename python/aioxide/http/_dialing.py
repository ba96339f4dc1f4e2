"""Connecting a socket to one of several addresses (happy eyeballs, RFC 8305)."""

from __future__ import annotations

import asyncio
import itertools
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from aioxide.http._addresses import Addresses


def interleaved(addresses: Addresses, first: int) -> Addresses:
    """Families take turns, after `first` of the family that comes first."""
    by_family: dict[Any, Addresses] = {}
    for address in addresses:
        by_family.setdefault(address[0], []).append(address)
    lists = list(by_family.values())
    ordered = lists[0][: first - 1] if first > 1 and lists else []
    if ordered:
        del lists[0][: first - 1]
    turns = itertools.zip_longest(*lists)
    return ordered + [address for turn in turns for address in turn if address is not None]


async def start_connection(
    loop: asyncio.AbstractEventLoop,
    addresses: Addresses,
    *,
    local_addr: tuple[str, int] | None = None,
    happy_eyeballs_delay: float | None = None,
    interleave: int | None = None,
    socket_factory: Callable[[Any], socket.socket] | None = None,
) -> socket.socket:
    """A socket that is connected to one of the addresses.

    Each address is tried when the one before has failed, or `happy_eyeballs_delay` seconds after
    it began. Raises OSError: the one of the only address, or one that tells of all.
    """
    if happy_eyeballs_delay is not None and interleave is None:
        interleave = 1
    if interleave:
        addresses = interleaved(addresses, interleave)
    if len(addresses) == 1 or happy_eyeballs_delay is None:
        errors: list[OSError] = []
        for address in addresses:
            try:
                return await _connect(loop, address, local_addr, socket_factory)
            except OSError as error:
                errors.append(error)
        raise joined(errors)
    return await _race(loop, addresses, local_addr, happy_eyeballs_delay, socket_factory)


async def _race(
    loop: asyncio.AbstractEventLoop,
    addresses: Addresses,
    local_addr: tuple[str, int] | None,
    delay: float,
    socket_factory: Callable[[Any], socket.socket] | None,
) -> socket.socket:
    waiting = list(addresses)
    running: set[asyncio.Task[socket.socket]] = set()
    errors: list[OSError] = []
    won: socket.socket | None = None
    try:
        while waiting or running:
            if waiting:
                attempt = _connect(loop, waiting.pop(0), local_addr, socket_factory)
                running.add(loop.create_task(attempt))
            done, running = await asyncio.wait(
                running,
                timeout=delay if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                try:
                    made = task.result()
                except OSError as error:
                    errors.append(error)
                    continue
                if won is None:
                    won = made
                else:
                    made.close()
            if won is not None:
                return won
        raise joined(errors)
    finally:
        for task in running:
            task.cancel()
            task.add_done_callback(_close_loser)
        if running:
            try:
                await asyncio.wait(running)
            except BaseException:
                # Cancelled just now: nobody gets the winner.
                if won is not None:
                    won.close()
                raise


def _close_loser(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


async def _connect(
    loop: asyncio.AbstractEventLoop,
    address: tuple[Any, Any, int, str, tuple[Any, ...]],
    local_addr: tuple[str, int] | None,
    socket_factory: Callable[[Any], socket.socket] | None,
) -> socket.socket:
    family, kind, proto, _name, where = address
    if socket_factory is not None:
        sock = socket_factory(address)
    else:
        sock = socket.socket(family, kind, proto)
    try:
        sock.setblocking(False)
        if local_addr is not None:
            await _bind(loop, sock, family, local_addr)
        await loop.sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock


async def _bind(
    loop: asyncio.AbstractEventLoop,
    sock: socket.socket,
    family: Any,
    local_addr: tuple[str, int],
) -> None:
    host, port = local_addr
    found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    errors: list[OSError] = []
    for *_rest, address in found:
        try:
            sock.bind(address)
        except OSError as error:
            errors.append(
                OSError(
                    error.errno,
                    f"error while attempting to bind on address {address!r}: {error.strerror}",
                )
            )
        else:
            return
    raise joined(errors) if errors else OSError(f"no local address for {local_addr!r}")


def joined(errors: list[OSError]) -> OSError:
    if not errors:
        return OSError("there is no address to connect to")
    if len(errors) == 1 or len({str(error) for error in errors}) == 1:
        return errors[0]
    texts = ", ".join(map(str, errors))
    numbers = {error.errno for error in errors}
    if len(numbers) == 1:
        return OSError(errors[0].errno, f"Multiple exceptions: {texts}")
    return OSError(f"Multiple exceptions: {texts}")
