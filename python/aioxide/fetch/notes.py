"""`Notes`: what is logged while pages are fetched, on lines of its own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

from aioxide._terminal import fold

if TYPE_CHECKING:
    from types import TracebackType

    from .bars import Progress

__all__ = ["Notes"]


class Notes(logging.Handler):
    """`with Notes(progress, width):` warnings and errors of all loggers stand above the bars, which
    they would break otherwise. `width` is the terminal's, None for a file."""

    def __init__(self, progress: Progress, width: int | None) -> None:
        super().__init__(logging.WARNING)
        self._progress = progress
        self._width = width

    def emit(self, record: logging.LogRecord) -> None:
        self._progress.say(fold(f"aioxide: {self.format(record)}", self._width, " " * 9))

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        logging.getLogger().removeHandler(self)
