"""Lists of addresses: who is tried next."""

from __future__ import annotations

from typing import Any

#: As socket.getaddrinfo() gives them.
Addresses = list[tuple[Any, Any, int, str, tuple[Any, ...]]]


def without_first(addresses: Addresses, interleave: int | None = None) -> Addresses:
    """What is left when the first of each family has failed; of the first `interleave` of each."""
    dropped: dict[Any, int] = {}
    left: Addresses = []
    for address in addresses:
        family = address[0]
        if dropped.get(family, 0) < (interleave or 1):
            dropped[family] = dropped.get(family, 0) + 1
        else:
            left.append(address)
    return left


def without_address(addresses: Addresses, peer: tuple[Any, ...] | None) -> Addresses:
    """What is left without one peer."""
    if peer is None:
        return addresses[1:]
    left = [address for address in addresses if address[4][:2] != tuple(peer[:2])]
    return left if len(left) < len(addresses) else addresses[1:]
