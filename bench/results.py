"""A finished run as data: all that its tables need, so that an old one can be rendered again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .model import LIMIT, Goal, Measurement, Metric, Row
from .stats import Summary, summarize

FOLDER = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Results:
    """One subject, measured once."""

    subject: str
    title: str
    note: str
    date: str
    python_tag: str
    rounds: int
    seconds: float
    quick: bool
    facts: dict[str, Any]
    #: Version of each loop that was measured, in the order of the columns.
    loops: dict[str, str]
    #: Why the others were not.
    absent: dict[str, str]
    has_limit: bool
    metrics: list[Metric]
    rows: list[Row]
    measurements: list[Measurement]

    def columns(self) -> list[str]:
        return [*self.loops, *([LIMIT] if self.has_limit else [])]

    def summaries(self, row: str, metric: str) -> dict[str, Summary]:
        """By loop, without those that gave no figure."""
        found = {}
        for name in self.columns():
            values = [
                one.values[metric]
                for one in self.measurements
                if one.row == row and one.loop == name and metric in one.values
            ]
            summary = summarize(values)
            if summary is not None:
                found[name] = summary
        return found

    def errors(self, row: str, loop: str) -> list[str]:
        return [
            one.error
            for one in self.measurements
            if one.row == row and one.loop == loop and one.error
        ]

    def stem(self) -> str:
        return f"{self.date[:10]}-{self.subject}-{self.python_tag}"

    def to_json(self) -> str:
        """One measurement a line, so that a diff of two runs can be read."""
        data = asdict(self)
        measurements = data.pop("measurements")
        head = json.dumps(data, indent=1, ensure_ascii=False).removesuffix("\n}")
        lines = ",\n".join(f"  {json.dumps(one, ensure_ascii=False)}" for one in measurements)
        return f'{head},\n "measurements": [\n{lines}\n ]\n}}\n'


def from_json(text: str) -> Results:
    data = json.loads(text)
    data["metrics"] = [Metric(**one) for one in data["metrics"]]
    data["rows"] = [
        Row(
            one["name"],
            tuple(one["metrics"]),
            one["parameters"],
            tuple(_goal(goal) for goal in one["goals"]),
            tuple(one.get("without", ())),
        )
        for one in data["rows"]
    ]
    data["measurements"] = [Measurement(**one) for one in data["measurements"]]
    return Results(**data)


def _goal(data: dict[str, Any]) -> Goal:
    return Goal(**{**data, "among": tuple(data.get("among", ()))})
