from __future__ import annotations

import dataclasses

import pytest
from bench.model import LIMIT, Goal, Measurement, Metric, Row
from bench.results import Results, from_json
from bench.table import render

ROWS = [
    Row("one", ("ns",), {}, (Goal("ns", 0.95), Goal("ns", 0.85, LIMIT))),
    Row("two", ("ns", "mb"), {"kind": "streams"}, (Goal("ns", 1.0, "uvloop"),)),
]
FIGURES = {
    ("one", "aioxide"): [100.0, 101.0, 102.0],
    ("one", "asyncio"): [1000.0, 1000.0, 3000.0],
    ("one", "uvloop"): [98.0, 99.0, 100.0],
    ("one", LIMIT): [90.0, 80.0, 85.0],
    ("two", "aioxide"): [1234.0],
    ("two", "asyncio"): [1300.0],
}


def results(figures: dict[tuple[str, str], list[float]] = FIGURES) -> Results:
    measurements = [
        Measurement(row, loop, round_, {"ns": value})
        for (row, loop), values in figures.items()
        for round_, value in enumerate(values)
    ]
    measurements.append(Measurement("two", "asyncio", 1, error="exits with 1: `boom`"))
    measurements.append(Measurement("two", "uvloop", 0, error="killed by SIGSEGV"))
    return Results(
        subject="sample",
        title="A sample",
        note="What it is.",
        date="2026-01-02T03:04+00:00",
        python_tag="cp314",
        rounds=3,
        seconds=0.5,
        quick=False,
        facts={
            "machine": "a machine",
            "cores": 2,
            "kernel": "Linux 6",
            "python": "3.14.0",
            "build": "GCC 1",
            "load_average": 0.5,
            "commit": "abc",
            "aioxide_build": "release",
        },
        loops={"aioxide": "0.1", "asyncio": "3.14.0", "uvloop": "0.23"},
        absent={"rloop": "not installed"},
        has_limit=True,
        metrics=[Metric("ns", "nanoseconds"), Metric("mb", "MB", digits=1)],
        rows=ROWS,
        measurements=measurements,
    )


def cells(text: str, row: str, occurrence: int = 0) -> list[str]:
    lines = [line for line in text.splitlines() if line.startswith(f"| {row} ")]
    return [cell.strip() for cell in lines[occurrence].strip("|").split("|")]


def test_row_has_medians_ends_flag_and_verdict() -> None:
    assert cells(render(results()), "one") == [
        "one",
        "101 [100..102]",
        "1,000 [1,000..3,000] !",
        "99 [98..100]",
        "85 [80..90]",
        "uvloop",
        "0.98",
        "parity",
    ]


def test_failures_are_in_the_cells_and_listed() -> None:
    text = render(results())
    assert cells(text, "two") == [
        "two",
        "1,234 [1,234..1,234]",
        "1,300 [1,300..1,300], 1 of 2 fail",
        "fails",
        "-",
        "asyncio",
        "1.05",
        "ahead",
    ]
    assert "- uvloop, two: `killed by SIGSEGV`" in text
    assert "- asyncio, two: `exits with 1: 'boom'`" in text


def test_a_row_appears_only_under_its_metrics() -> None:
    metric_tables = render(results()).partition("## Goals")[0]
    assert metric_tables.count("\n| one ") == 1
    assert metric_tables.count("\n| two ") == 2


def test_a_metric_that_no_row_gives_has_no_table() -> None:
    text = render(dataclasses.replace(results(), rows=ROWS[:1]))
    assert "## Nanoseconds" in text
    assert "## MB" not in text


def test_goals_are_judged_by_what_they_name() -> None:
    goals = render(results()).partition("## Goals")[2]
    assert cells(goals, "one") == ["one", "nanoseconds", "uvloop", "0.95", "0.98", "met"]
    assert cells(goals, "one", 1) == ["one", "nanoseconds", "limit", "0.85", "0.84", "missed"]
    assert cells(goals, "two")[4:] == ["-", "not measured"]


CLIENTS = {
    ("one", "aioxide"): [100.0],
    ("one", "aiohttp on asyncio"): [400.0],
    ("one", "aiohttp on uvloop"): [300.0],
    ("one", "aiohttp on aioxide"): [120.0],
    ("one", "wreq on uvloop"): [200.0],
    ("one", LIMIT): [50.0],
}


def client_results() -> Results:
    goals = (
        Goal("ns", 2.5, "aiohttp on uvloop"),
        Goal("ns", 2.5, among=("primp on uvloop", "wreq on uvloop")),
        Goal("ns", 1.0, among=("primp on uvloop",)),
    )
    return dataclasses.replace(
        results(CLIENTS),
        loops={name: "1" for _, name in CLIENTS if name != LIMIT},
        rows=[Row("one", ("ns",), {}, goals, (LIMIT,))],
    )


def test_what_runs_on_our_loop_is_no_peer() -> None:
    text = render(client_results())
    assert cells(text, "one")[-3:] == ["wreq on uvloop", "2.00", "ahead"]
    assert "clients interleaved" in text
    assert "loops interleaved" in render(results())


def test_a_goal_can_be_set_by_the_best_of_some() -> None:
    goals = render(client_results()).partition("## Goals")[2]
    assert cells(goals, "one")[2:] == ["aiohttp on uvloop", "2.50", "3.00", "met"]
    assert cells(goals, "one", 1)[2:] == ["wreq on uvloop", "2.50", "2.00", "missed"]
    assert cells(goals, "one", 2)[2:] == ["best peer", "1.00", "-", "not measured"]


@pytest.mark.parametrize(
    ("ours", "at_least", "judged"),
    [(100, 1.0, "met"), (102, 1.0, "parity"), (104, 1.0, "missed"), (102, 1.01, "missed")],
)
def test_a_goal_not_to_be_slower(ours: float, at_least: float, judged: str) -> None:
    """Less of a difference than can be told is not called slower."""
    figures = {("one", "aioxide"): [float(ours)], ("one", "uvloop"): [100.0]}
    rows = [Row("one", ("ns",), {}, (Goal("ns", at_least),))]
    goals = render(dataclasses.replace(results(figures), rows=rows)).partition("## Goals")[2]
    assert cells(goals, "one")[-1] == judged


def test_a_goal_on_a_wide_spread_says_so() -> None:
    goals = render(results({**FIGURES, ("one", "aioxide"): [50.0, 60.0, 90.0]}))
    assert cells(goals.partition("## Goals")[2], "one")[-1] == "met, wide spread"


def test_without_aioxide_there_is_no_verdict() -> None:
    figures = {key: values for key, values in FIGURES.items() if key[1] != "aioxide"}
    assert cells(render(results(figures)), "one")[-3:] == ["uvloop", "-", "-"]


def test_circumstances_are_told() -> None:
    text = render(results())
    for told in ("abc", "a machine", "Linux 6", "3.14.0", "uvloop 0.23", "rloop is not measured"):
        assert told in text


def test_a_quick_run_disowns_its_figures() -> None:
    assert "these figures say nothing" in render(dataclasses.replace(results(), quick=True))
    assert "these figures say nothing" not in render(results())


def test_json_comes_back_the_same() -> None:
    before = results()
    assert from_json(before.to_json()) == before
    assert from_json(client_results().to_json()) == client_results()
    assert render(from_json(before.to_json())) == render(before)
    assert before.stem() == "2026-01-02-sample-cp314"


def test_every_line_of_a_table_is_equally_wide() -> None:
    tables = [line for line in render(results()).splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables} == {9, 7}


@pytest.mark.parametrize("bad", ["", "{}", "[]"])
def test_nonsense_is_no_result(bad: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        from_json(bad)
