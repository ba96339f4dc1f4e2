"""What became of one item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Result"]

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Result(Generic[T, R]):
    """What a call for one item came to: `value`, or `error` if that is not None.

    - index: the item's place in the source, from 0;
    - item: the item as the source gave it;
    - value: what the call returned; None if it failed;
    - error: the exception of the last attempt; None if there is a value;
    - attempts: how often the call was made.
    """

    index: int
    item: T
    value: R | None
    error: Exception | None
    attempts: int

    def unwrap(self) -> R:
        """The value. Raises the error if the call failed."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # None is of type R here
