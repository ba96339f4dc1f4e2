"""What a fan-out raises."""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ._result import Result

__all__ = ["FanOutError", "ItemCancelledError", "MisuseError"]


class ItemCancelledError(Exception):
    """The call for an item was cancelled by something else than the fan-out."""


class MisuseError(TypeError):
    """The function cannot be used for a fan-out. No item's failure, but the caller's mistake."""


class FanOutError(ExceptionGroup[Exception]):
    """A fan-out that was given up: the exceptions of its calls, or that of its source.

    What was done before is in `results`. Everything that was started has ended.
    """

    #: The values of the calls that succeeded, by the index of their items.
    results: Mapping[int, Any]
    #: What is known of each failed call, in the order in which they failed.
    failures: Sequence[Result[Any, Any]]

    def __new__(
        cls,
        message: str,
        exceptions: Sequence[Exception],
        results: Mapping[int, Any] | None = None,
        failures: Sequence[Result[Any, Any]] = (),
    ) -> Self:
        self = super().__new__(cls, message, exceptions)
        self.results = {} if results is None else results
        self.failures = failures
        return self

    def __init__(self, message: str, exceptions: Sequence[Exception], *_: object) -> None:
        super().__init__(message, exceptions)

    def derive(self, excs: Sequence[Any], /) -> Any:
        """The group for a part of the exceptions; `except*` and `split()` make such ones."""
        if not all(isinstance(error, Exception) for error in excs):
            return BaseExceptionGroup(self.message, excs)
        failures = [one for one in self.failures if one.error in excs]
        return type(self)(self.message, excs, self.results, failures)

    def __reduce__(self) -> Any:
        return type(self), (
            self.message,
            self.exceptions,
            dict(self.results),
            list(self.failures),
        )


def describe(item: object) -> str:
    """An item in few letters, whatever its `__repr__` does."""
    try:
        return reprlib.repr(item)
    except Exception:  # noqa: BLE001
        return f"<{type(item).__name__}>"


def annotate(failure: Result[Any, Any]) -> None:
    """Say in the exception which item it belongs to."""
    if failure.error is not None:
        times = f" in attempt {failure.attempts}" if failure.attempts > 1 else ""
        failure.error.add_note(f"item {failure.index}: {describe(failure.item)}{times}")
