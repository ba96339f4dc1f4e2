"""What a benchmark is made of: subjects hold rows, a row gives metrics, a goal judges one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

#: The column of the bare epoll server. It is measured like a loop, but is none.
LIMIT = "limit"
#: What a goal compares with when it names no loop.
BEST_PEER = "best peer"


class MeasureError(Exception):
    """A measurement gave no figure: the loop raised, crashed, or answered wrongly."""


class TimeLimitError(MeasureError):
    """The process was still running at its time limit, and was killed."""


@dataclass(frozen=True)
class Metric:
    """One figure that a row can give."""

    key: str
    title: str
    #: Whether a larger figure is the better one.
    more_is_better: bool = False
    digits: int = 0
    #: Figures under this are noise: a ratio takes them as this.
    resolution: float = 1e-9


@dataclass(frozen=True)
class Goal:
    """How aioxide is to stand: `at_least` times as good as `against`, by one metric."""

    metric: str
    at_least: float
    against: str = BEST_PEER


@dataclass(frozen=True)
class Row:
    """One line of a table, and what the programs need to know to measure it."""

    name: str
    metrics: tuple[str, ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    goals: tuple[Goal, ...] = ()


@dataclass(frozen=True)
class Settings:
    """How long to measure, and with what."""

    seconds: float
    warmup: float
    #: A measurement's process is killed after this many seconds.
    time_limit: float
    quick: bool
    #: The load generator; only subjects that need it look at it.
    load: str = ""


class Subject(ABC):
    """One file in `subjects/`."""

    name: str
    title: str
    note: str
    metrics: tuple[Metric, ...]
    #: Whether the bare epoll server can do the same.
    has_limit = False
    needs_load = False

    @abstractmethod
    def rows(self) -> list[Row]:
        """The lines of the table, in order."""

    @abstractmethod
    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        """Measure one row on one loop, once, in processes of its own."""


@dataclass(frozen=True)
class Measurement:
    """One row, on one loop, in one round: either values or an error."""

    row: str
    loop: str
    round: int
    values: dict[str, float] = field(default_factory=dict)
    error: str = ""
