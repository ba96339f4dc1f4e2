"""A list of coroutine functions that are called one after the other.

aiosignal's class where that is installed, which it is with aiohttp; else one that does the same.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Iterable, MutableSequence
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar, overload

__all__ = ["Signal"]

Receiver = Callable[..., Awaitable[object]]
_F = TypeVar("_F", bound=Receiver)


class OwnSignal(MutableSequence[Receiver]):
    """Receivers in the order of their calls. Once frozen, send() works and changes do not."""

    __slots__ = ("_frozen", "_owner", "_receivers")

    def __init__(self, owner: object) -> None:
        self._owner = owner
        self._frozen = False
        self._receivers: list[Receiver] = []

    @property
    def frozen(self) -> bool:
        """Whether freeze() was called."""
        return self._frozen

    def freeze(self) -> None:
        """Allow send(), and no more changes."""
        self._frozen = True

    def _check_mutable(self) -> None:
        if self._frozen:
            raise RuntimeError("Cannot modify frozen list.")

    @overload
    def __getitem__(self, index: int) -> Receiver: ...
    @overload
    def __getitem__(self, index: slice) -> MutableSequence[Receiver]: ...
    def __getitem__(self, index: int | slice) -> Receiver | MutableSequence[Receiver]:
        return self._receivers[index]

    @overload
    def __setitem__(self, index: int, value: Receiver) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[Receiver]) -> None: ...
    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        self._check_mutable()
        self._receivers[index] = value

    def __delitem__(self, index: int | slice) -> None:
        self._check_mutable()
        del self._receivers[index]

    def __len__(self) -> int:
        return len(self._receivers)

    def insert(self, index: int, value: Receiver) -> None:
        """Insert a receiver. Raises RuntimeError once frozen, as every other change."""
        self._check_mutable()
        self._receivers.insert(index, value)

    def __eq__(self, other: object) -> bool:
        return list(self) == other

    def __hash__(self) -> int:
        if not self._frozen:
            raise RuntimeError("Cannot hash unfrozen list.")
        return hash(tuple(self._receivers))

    def __repr__(self) -> str:
        return f"<Signal owner={self._owner}, frozen={self._frozen}, {self._receivers!r}>"

    async def send(self, *args: Any, **kwargs: Any) -> None:
        """Call every receiver and wait for it, in order.

        Raises RuntimeError before freeze(), and what a receiver raises: the later ones are not
        called then, nor when the caller is cancelled.
        """
        if not self._frozen:
            raise RuntimeError("Cannot send non-frozen signal.")
        for receiver in self._receivers:
            await receiver(*args, **kwargs)

    def __call__(self, receiver: _F) -> _F:
        """Append a receiver, as a decorator."""
        self.append(receiver)
        return receiver


if TYPE_CHECKING:
    Signal = OwnSignal
else:
    try:
        Signal = importlib.import_module("aiosignal").Signal
    except ImportError:
        Signal = OwnSignal
