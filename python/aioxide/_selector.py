"""What the loop watches, in the shape of a selector.

asyncio's own transport of datagrams, which those of unusual families have, asks the loop's selector
whether it is polled when it is printed.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping
from selectors import SelectorKey
from typing import Any

__all__ = ["Selector"]


class Selector:
    """Read-only: descriptors come and go by the loop's methods."""

    def __init__(self, loop: Any) -> None:
        # Weak: a loop that is dropped need not wait for the garbage collector.
        self._loop = weakref.ref(loop)

    def get_key(self, fileobj: Any) -> SelectorKey:
        """Return the key of a descriptor, or of an object with fileno().

        `data` is (reader, writer): handles, or None. Raises KeyError when the loop does not watch
        it, ValueError for what is no descriptor.
        """
        key = self._find(_number(fileobj), fileobj)
        if key is None:
            raise KeyError(f"{fileobj!r} is not registered")
        return key

    def get_map(self) -> Mapping[Any, SelectorKey]:
        """Return a live mapping of descriptors to their keys."""
        return _Map(self)

    def _find(self, fd: int, fileobj: Any) -> SelectorKey | None:
        loop = self._loop()
        watched = None if loop is None else loop._watched(fd)
        if watched is None:
            return None
        events, reader, writer = watched
        return SelectorKey(fileobj, fd, events, (reader, writer))


class _Map(Mapping[Any, SelectorKey]):
    def __init__(self, selector: Selector) -> None:
        self._selector = selector

    def __getitem__(self, fileobj: Any) -> SelectorKey:
        return self._selector.get_key(fileobj)

    def __iter__(self) -> Iterator[int]:
        for fd in sorted(int(name) for name in os.listdir("/dev/fd")):
            if self._selector._find(fd, fd) is not None:
                yield fd

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _number(fileobj: Any) -> int:
    try:
        number = fileobj if isinstance(fileobj, int) else int(fileobj.fileno())
    except (AttributeError, TypeError, ValueError):
        raise ValueError(f"Invalid file object: {fileobj!r}") from None
    if number < 0:
        raise ValueError(f"Invalid file descriptor: {number}")
    return number
