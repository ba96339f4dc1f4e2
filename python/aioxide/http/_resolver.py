"""Addresses of hosts: resolvers, and a cache before them."""

from __future__ import annotations

import asyncio
import collections
import functools
import importlib
import socket
import sys
import weakref
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final, TypedDict

from aioxide.http._aiohttp import shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aioxide.http._tracing import Trace

__all__ = [
    "AbstractResolver",
    "AsyncResolver",
    "DefaultResolver",
    "DnsCache",
    "ResolveResult",
    "ThreadedResolver",
    "is_canonical_ipv4_address",
    "is_ip_address",
]

_NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
_NUMERIC_NAME: Final = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
# No IPv6 addresses for a machine without IPv6. Some systems do not take every flag they define.
_USABLE: Final = socket.AI_ADDRCONFIG & getattr(socket, "AI_MASK", -1)

_aiodns: Any
try:
    _aiodns = importlib.import_module("aiodns")
except ImportError:
    _aiodns = None


class ResolveResult(TypedDict):
    """An address of a host.

    hostname is what was asked for, host the numeric address; flags are those for a getaddrinfo()
    of it that looks up nothing.
    """

    hostname: str
    host: str
    port: int
    family: int
    proto: int
    flags: int


@shared("abc")
class AbstractResolver(ABC):
    """What a connector asks for addresses."""

    @abstractmethod
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look up a host. Raises OSError if it has no address. May be cancelled."""

    @abstractmethod
    async def close(self) -> None:
        """Release what it holds."""


def is_ip_address(host: str | None) -> bool:
    """Whether a host looks like an address, not a name: it has a colon, or is digits and dots."""
    return bool(host) and (":" in str(host) or str(host).replace(".", "").isdigit())


def is_canonical_ipv4_address(host: str) -> bool:
    """Whether it is four decimal numbers.

    Others that systems take for addresses (2130706433, 127.1, 0177.0.0.1) would pass a rule that
    compares text.
    """
    parts = host.split(".")
    return len(parts) == 4 and all(
        part.isascii() and part.isdigit() and str(int(part[:4])) == part and int(part) <= 255
        for part in parts
    )


def _is_localhost_of_windows(host: str) -> bool:
    # Without any network, Windows finds no address for it with AI_ADDRCONFIG.
    return sys.platform == "win32" and host.rstrip(".").casefold() == "localhost"


class ThreadedResolver(AbstractResolver):
    """Asks the system, by the loop's getaddrinfo(), which does it in the default executor."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Make one for a loop, by default the running one."""
        self._loop = loop or asyncio.get_running_loop()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look up a host. Raises socket.gaierror. May be cancelled; the thread goes on."""
        try:
            infos = await self._getaddrinfo(host, port, family, _USABLE)
        except socket.gaierror:
            if not _is_localhost_of_windows(host):
                raise
            infos = await self._getaddrinfo(host, port, family, 0)
        results: list[ResolveResult] = []
        for found_family, _, proto, _, address in infos:
            found, found_port = address[0], address[1]
            if found_family == socket.AF_INET6:
                if len(address) < 3:  # a Python without IPv6
                    continue
                if address[3]:
                    # The scope of a link-local address belongs to its text.
                    found, found_port = await self._loop.getnameinfo(address, _NUMERIC_NAME)
            results.append(
                ResolveResult(
                    hostname=host,
                    host=str(found),
                    port=int(found_port),
                    family=found_family,
                    proto=proto,
                    flags=_NUMERIC,
                )
            )
        return results

    async def _getaddrinfo(self, host: str, port: int, family: int, flags: int) -> list[Any]:
        return await self._loop.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, family=family, flags=flags
        )

    async def close(self) -> None:
        """Do nothing."""


class AsyncResolver(AbstractResolver):
    """Asks name servers, by the aiodns package. Raises RuntimeError where that is missing."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop | None = None, *args: Any, **kwargs: Any
    ) -> None:
        """Make one for a loop, by default the running one.

        Further arguments are aiodns.DNSResolver's; without any, all of a loop share one.
        """
        if _aiodns is None:
            raise RuntimeError("Resolver requires aiodns library")
        self._loop = loop or asyncio.get_running_loop()
        self._shares = not (args or kwargs)
        self._resolver: Any
        if self._shares:
            self._resolver = _share(self, self._loop)
        else:
            self._resolver = _aiodns.DNSResolver(*args, **kwargs)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look up a host. Raises OSError if it has no address. May be cancelled."""
        failed = _aiodns.error.DNSError
        try:
            try:
                response = await self._getaddrinfo(host, port, family, _USABLE)
            except failed:
                if not _is_localhost_of_windows(host):
                    raise
                response = await self._getaddrinfo(host, port, family, 0)
        except failed as error:
            reason = error.args[1] if len(error.args) > 1 else "DNS lookup failed"
            raise OSError(None, reason) from error
        results: list[ResolveResult] = []
        for node in response.nodes:
            address = node.addr
            found = _text(address[0])
            if node.family == socket.AF_INET6 and len(address) > 3 and address[3]:
                named = await self._resolver.getnameinfo((found, *address[1:]), _NUMERIC_NAME)
                found = named.node
            results.append(
                ResolveResult(
                    hostname=host,
                    host=found,
                    port=address[1],
                    family=node.family,
                    proto=0,
                    flags=_NUMERIC,
                )
            )
        if not results:
            raise OSError(None, "DNS lookup failed")
        return results

    async def _getaddrinfo(self, host: str, port: int, family: int, flags: int) -> Any:
        return await self._resolver.getaddrinfo(
            host, port=port, type=socket.SOCK_STREAM, family=family, flags=flags
        )

    async def close(self) -> None:
        """Release the resolver. Its look-ups are cancelled unless others share it."""
        resolver, self._resolver = self._resolver, None
        if resolver is None:
            return
        if self._shares:
            _unshare(self, self._loop)
        else:
            resolver.cancel()


def _text(address: bytes | str) -> str:
    return address.decode("ascii") if isinstance(address, bytes) else address


# The resolver of each loop, and who uses it.
_shared_resolvers: weakref.WeakKeyDictionary[
    asyncio.AbstractEventLoop, tuple[Any, weakref.WeakSet[AsyncResolver]]
] = weakref.WeakKeyDictionary()


def _share(user: AsyncResolver, loop: asyncio.AbstractEventLoop) -> Any:
    if loop not in _shared_resolvers:
        _shared_resolvers[loop] = (_aiodns.DNSResolver(loop=loop), weakref.WeakSet())
    resolver, users = _shared_resolvers[loop]
    users.add(user)
    return resolver


def _unshare(user: AsyncResolver, loop: asyncio.AbstractEventLoop) -> None:
    if loop not in _shared_resolvers:
        return
    resolver, users = _shared_resolvers[loop]
    users.discard(user)
    if not users:
        resolver.cancel()
        del _shared_resolvers[loop]


DefaultResolver: type[AsyncResolver | ThreadedResolver] = (
    AsyncResolver
    if _aiodns is not None and hasattr(_aiodns.DNSResolver, "getaddrinfo")
    else ThreadedResolver
)
"""AsyncResolver where aiodns is installed."""

_Key = tuple[str, int]


class DnsCache:
    """Addresses that were looked up, by host and port.

    An answer is given for `ttl` seconds on the loop's clock, None for ever; `max_size` answers are
    kept, those that were used last. Each time they are given in another order: the first goes last,
    so connections spread over them. Who asks while the same is being looked up waits for that.

    The look-up is a task of its own: who is cancelled while waiting for it leaves it to the others.
    """

    def __init__(
        self,
        resolver: AbstractResolver,
        *,
        ttl: float | None = 10,
        max_size: int = 1000,
        family: int = socket.AF_UNSPEC,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._resolver = resolver
        self._ttl = ttl
        self._max_size = max_size
        self._family = family
        self._loop = loop or asyncio.get_running_loop()
        # The addresses and when they were found; in the order of their use.
        self._found: collections.OrderedDict[_Key, tuple[collections.deque[ResolveResult], float]]
        self._found = collections.OrderedDict()
        self._lookups: dict[_Key, asyncio.Task[list[ResolveResult]]] = {}

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, key: object) -> bool:
        """Whether (host, port) has an answer, be it old."""
        return key in self._found

    async def resolve(
        self, host: str, port: int, traces: Sequence[Trace] = ()
    ) -> list[ResolveResult]:
        """The addresses of a host.

        Sends the traces' on_dns_cache_hit, or on_dns_cache_miss and those of the look-up. Raises
        what the resolver raises, to all who wait for the look-up. May be cancelled.
        """
        key = (host, port)
        found = self._fresh(key)
        if found is not None:
            for trace in traces:
                await trace.send_dns_cache_hit(host)
            return found
        lookup = self._lookups.get(key)
        if lookup is None:
            lookup = self._loop.create_task(self._look_up(key, traces))
            self._lookups[key] = lookup
            lookup.add_done_callback(functools.partial(self._ended, key))
        else:
            for trace in traces:
                await trace.send_dns_cache_hit(host)
        # Not shield(): since 3.14 that reports an error which nobody waits for any more.
        await asyncio.wait((lookup,))
        addresses = lookup.result()
        found = self._next(key)
        return list(addresses) if found is None else found

    async def resolve_uncached(
        self, host: str, port: int, traces: Sequence[Trace] = ()
    ) -> list[ResolveResult]:
        """Look a host up, whatever is known, and keep nothing. May be cancelled."""
        for trace in traces:
            await trace.send_dns_resolvehost_start(host)
        addresses = await self._resolver.resolve(
            host, port, family=socket.AddressFamily(self._family)
        )
        for trace in traces:
            await trace.send_dns_resolvehost_end(host)
        return addresses

    async def _look_up(self, key: _Key, traces: Sequence[Trace]) -> list[ResolveResult]:
        host, port = key
        for trace in traces:
            await trace.send_dns_cache_miss(host)
        addresses = await self.resolve_uncached(host, port, traces)
        self._add(key, addresses)
        return addresses

    def _ended(self, key: _Key, lookup: asyncio.Task[list[ResolveResult]]) -> None:
        if self._lookups.get(key) is lookup:
            del self._lookups[key]
        if not lookup.cancelled():
            # Whoever waited may be gone: then nobody else looks at the error.
            lookup.exception()

    def _add(self, key: _Key, addresses: list[ResolveResult]) -> None:
        self._found[key] = (collections.deque(addresses), self._loop.time())
        self._found.move_to_end(key)
        while len(self._found) > self._max_size:
            self._found.popitem(last=False)

    def _fresh(self, key: _Key) -> list[ResolveResult] | None:
        entry = self._found.get(key)
        if entry is None:
            return None
        if self._ttl is not None and entry[1] + self._ttl < self._loop.time():
            return None
        return self._next(key)

    def _next(self, key: _Key) -> list[ResolveResult] | None:
        entry = self._found.get(key)
        if entry is None:
            return None
        self._found.move_to_end(key)
        addresses = list(entry[0])
        entry[0].rotate(-1)
        return addresses

    def clear(self, host: str | None = None, port: int | None = None) -> None:
        """Forget one host and port, or all. Raises ValueError for only one of the two."""
        if host is not None and port is not None:
            self._found.pop((host, port), None)
        elif host is not None or port is not None:
            raise ValueError("either both host and port or none of them are allowed")
        else:
            self._found.clear()

    def is_busy(self) -> bool:
        """Whether something is being looked up."""
        return bool(self._lookups)

    async def close(self) -> None:
        """Cancel the look-ups: who waits for one is cancelled. The resolver stays open."""
        lookups = list(self._lookups.values())
        for lookup in lookups:
            lookup.cancel()
        if lookups:
            await asyncio.wait(lookups)
