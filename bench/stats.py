"""From single figures to a median with its spread, a factor and a verdict."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .model import Metric

#: A row whose largest figure is more than this many times its smallest says little.
WIDE = 1.25
#: Factors nearer to 1 than this are not a difference.
NO_DIFFERENCE = 0.03
ON_PAR = 0.05

PARITY = "parity"


@dataclass(frozen=True)
class Summary:
    """What the rounds of one row on one loop have given."""

    median: float
    low: float
    high: float
    count: int

    @property
    def spread(self) -> float:
        """The largest figure over the smallest; infinite if the smallest is not positive."""
        if self.low == self.high:
            return 1.0
        return self.high / self.low if self.low > 0 else math.inf

    @property
    def is_wide(self) -> bool:
        return self.spread > WIDE


def summarize(values: Sequence[float]) -> Summary | None:
    """None if there are no values."""
    if not values:
        return None
    return Summary(statistics.median(values), min(values), max(values), len(values))


def factor(metric: Metric, ours: float, theirs: float) -> float:
    """How many times as good as theirs ours is: over 1 is better, whichever way the metric runs."""
    ours, theirs = (max(value, metric.resolution) for value in (ours, theirs))
    return ours / theirs if metric.more_is_better else theirs / ours


def best(metric: Metric, medians: dict[str, float]) -> str:
    """The name with the best median; the first of equals. Empty if there is none."""
    if not medians:
        return ""
    choose = max if metric.more_is_better else min
    return choose(medians, key=lambda name: medians[name])


def verdict(ratio: float) -> str:
    if ratio >= 1 + NO_DIFFERENCE:
        return "ahead"
    if ratio > 1 - NO_DIFFERENCE:
        return PARITY
    if ratio >= 1 - ON_PAR:
        return "within 5 %"
    return "behind"
