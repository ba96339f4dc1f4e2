"""What a benchmark is made of: subjects hold rows, a row gives metrics, a goal judges one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

#: The column of the bare epoll server or of the bare client. It is measured like the others, but is
#: no peer of theirs.
LIMIT = "limit"
#: What a goal compares with when it names nobody.
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
    #: The best of these, if not of all peers.
    among: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One line of a table, and what the programs need to know to measure it."""

    name: str
    metrics: tuple[str, ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    goals: tuple[Goal, ...] = ()
    #: Those of the columns that cannot do this.
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Client:
    """A library on a loop, which is measured in place of a loop."""

    #: The file in `programs/libraries/` that knows how to use it.
    library: str
    #: What is imported.
    module: str
    loop: str


@dataclass(frozen=True)
class Form:
    """A form of concurrency, which is measured in place of a loop."""

    #: The function in `programs/concurrency/forms.py`.
    program: str
    #: What it runs on, if that is a loop, and the client that it fetches with.
    loop: str = ""
    module: str = ""
    #: The first Python that has it.
    since: tuple[int, int] = (3, 11)


@dataclass(frozen=True)
class Settings:
    """How long to measure, and with what."""

    seconds: float
    warmup: float
    #: A measurement's process is killed after this many seconds.
    time_limit: float
    quick: bool
    #: The load generator and the embedded site; only subjects that need them look at them.
    load: str = ""
    site: str = ""


class Subject(ABC):
    """One file in `subjects/`."""

    name: str
    title: str
    note: str
    metrics: tuple[Metric, ...]
    #: Whether the bare epoll server, or the bare client, can do the same.
    has_limit = False
    needs_load = False
    needs_site = False
    #: The loops, if not all that there are.
    loops: tuple[str, ...] = ()
    #: What is measured, by name, if not loops.
    clients: Mapping[str, Client] = MappingProxyType({})
    forms: Mapping[str, Form] = MappingProxyType({})

    @abstractmethod
    def rows(self) -> list[Row]:
        """The lines of the table, in order."""

    @abstractmethod
    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        """Measure one row on one loop, or with one client, once, in processes of its own."""


@dataclass(frozen=True)
class Measurement:
    """One row, on one loop, in one round: either values or an error."""

    row: str
    loop: str
    round: int
    values: dict[str, float] = field(default_factory=dict)
    error: str = ""
