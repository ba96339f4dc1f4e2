from __future__ import annotations

import math

import pytest
from bench.model import Metric
from bench.stats import best, factor, summarize, verdict

NANOSECONDS = Metric("ns", "nanoseconds")
RATE = Metric("rate", "a second", more_is_better=True)


def test_summary_has_median_and_both_ends() -> None:
    summary = summarize([5.0, 1.0, 2.0, 4.0])
    assert summary is not None
    assert (summary.median, summary.low, summary.high, summary.count) == (3.0, 1.0, 5.0, 4)
    assert summary.spread == 5.0
    assert summary.is_wide


def test_no_values_have_no_summary() -> None:
    assert summarize([]) is None


@pytest.mark.parametrize(
    ("values", "spread", "wide"),
    [([2.0], 1.0, False), ([0.0, 0.0], 1.0, False), ([0.0, 1.0], math.inf, True)],
)
def test_spread_of_few_or_zero_values(values: list[float], spread: float, wide: bool) -> None:
    summary = summarize(values)
    assert summary is not None
    assert (summary.spread, summary.is_wide) == (spread, wide)


@pytest.mark.parametrize(("high", "wide"), [(1.25, False), (1.26, True)])
def test_wide_starts_over_a_quarter(high: float, wide: bool) -> None:
    summary = summarize([1.0, high])
    assert summary is not None
    assert summary.is_wide is wide


def test_factor_is_over_one_for_the_better_figure_either_way() -> None:
    assert factor(NANOSECONDS, 100, 250) == 2.5
    assert factor(RATE, 250, 100) == 2.5


def test_factor_takes_noise_as_the_resolution() -> None:
    held = Metric("held", "MB", resolution=1.0)
    assert factor(held, 0.0, 0.3) == 1.0
    assert factor(held, 0.0, 90.0) == 90.0
    assert factor(held, 90.0, 0.0) == pytest.approx(1 / 90)


def test_best_follows_the_metric() -> None:
    medians = {"uvloop": 3.0, "rloop": 1.0, "asyncio": 9.0}
    assert best(NANOSECONDS, medians) == "rloop"
    assert best(RATE, medians) == "asyncio"
    assert best(RATE, {}) == ""


@pytest.mark.parametrize(
    ("ratio", "word"),
    [
        (1.5, "ahead"),
        (1.03, "ahead"),
        (1.02, "parity"),
        (0.98, "parity"),
        (0.96, "within 5 %"),
        (0.95, "within 5 %"),
        (0.94, "behind"),
    ],
)
def test_verdict(ratio: float, word: str) -> None:
    assert verdict(ratio) == word
