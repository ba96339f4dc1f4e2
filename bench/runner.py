"""Rounds: all loops in turn on one row, in another order each round.

A neighbour that takes the machine for a while then hits all loops alike, and no loop is always
the first after a pause. A crash or a hang is a result of that loop, not the end of the run.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from .model import MeasureError, Measurement, Row, Settings, Subject, TimeLimitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def rotated(names: Sequence[str], by: int) -> list[str]:
    by %= max(1, len(names))
    return [*names[by:], *names[:by]]


def run(
    subject: Subject,
    rows: Sequence[Row],
    names: Sequence[str],
    rounds: int,
    settings: Settings,
    tell: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
) -> list[Measurement]:
    """Measure every row on every loop in every round."""
    measurements = []
    for number, row in enumerate(rows, 1):
        began = time.monotonic()
        able = [name for name in names if name not in row.without]
        found = list(_row(subject, row, able, rounds, settings))
        measurements += found
        for error in dict.fromkeys(f"{one.loop}: {one.error}" for one in found if one.error):
            tell(f"    {error}")
        tell(f"{subject.name} {number}/{len(rows)}: {row.name}, {time.monotonic() - began:.1f} s")
    return measurements


def _row(
    subject: Subject, row: Row, names: Sequence[str], rounds: int, settings: Settings
) -> Iterator[Measurement]:
    hung: set[str] = set()
    for round_ in range(rounds):
        for name in rotated(names, round_):
            # Another round of the same hang would only cost its time limit again.
            if name in hung:
                continue
            try:
                values = subject.measure(row, name, settings)
            except MeasureError as error:
                if isinstance(error, TimeLimitError):
                    hung.add(name)
                yield Measurement(row.name, name, round_, error=str(error))
            else:
                yield Measurement(row.name, name, round_, values)
