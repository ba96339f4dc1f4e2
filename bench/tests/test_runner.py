from __future__ import annotations

from bench.model import MeasureError, Metric, Row, Settings, Subject, TimeLimitError
from bench.runner import rotated, run

SETTINGS = Settings(seconds=1, warmup=0, time_limit=1, quick=True)
ROWS = [Row("a", ("ns",)), Row("b", ("ns",))]


class Recorder(Subject):
    name = "recorder"
    metrics = (Metric("ns", "nanoseconds"),)

    def __init__(self, errors: dict[str, MeasureError] | None = None) -> None:
        self.calls: list[tuple[str, str]] = []
        self.errors = errors or {}

    def rows(self) -> list[Row]:
        return ROWS

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        self.calls.append((row.name, loop))
        if loop in self.errors:
            raise self.errors[loop]
        return {"ns": float(len(self.calls))}


def test_rotated() -> None:
    assert [rotated("abc", by) for by in range(4)] == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ]
    assert rotated([], 3) == []


def test_loops_take_turns_and_each_is_first_once() -> None:
    subject = Recorder()
    run(subject, ROWS[:1], ["x", "y", "z"], 3, SETTINGS, tell=lambda line: None)
    assert "".join(loop for _, loop in subject.calls) == "xyz" + "yzx" + "zxy"


def test_a_row_is_done_before_the_next() -> None:
    subject = Recorder()
    found = run(subject, ROWS, ["x", "y"], 2, SETTINGS, tell=lambda line: None)
    assert [row for row, _ in subject.calls] == ["a"] * 4 + ["b"] * 4
    assert [(one.row, one.loop, one.round) for one in found[:3]] == [
        ("a", "x", 0),
        ("a", "y", 0),
        ("a", "y", 1),
    ]


def test_what_cannot_do_a_row_is_left_out_of_it() -> None:
    subject = Recorder()
    rows = [Row("a", ("ns",), without=("y",)), Row("b", ("ns",))]
    found = run(subject, rows, ["x", "y"], 1, SETTINGS, tell=lambda line: None)
    assert [(one.row, one.loop) for one in found] == [("a", "x"), ("b", "x"), ("b", "y")]


def test_a_crash_is_tried_again_and_recorded_each_time() -> None:
    subject = Recorder({"y": MeasureError("killed by SIGABRT")})
    told: list[str] = []
    found = run(subject, ROWS[:1], ["x", "y"], 3, SETTINGS, told.append)
    assert [one.error for one in found if one.loop == "y"] == ["killed by SIGABRT"] * 3
    assert all(one.values for one in found if one.loop == "x")
    assert sum("killed by SIGABRT" in line for line in told) == 1


def test_a_hang_is_not_waited_for_twice() -> None:
    subject = Recorder({"y": TimeLimitError("hangs")})
    run(subject, ROWS[:1], ["x", "y"], 3, SETTINGS, tell=lambda line: None)
    assert [loop for _, loop in subject.calls].count("y") == 1
