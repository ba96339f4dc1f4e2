from __future__ import annotations

import re
from pathlib import Path

import pytest
from bench import page
from bench.model import Measurement, Row
from bench.results import FOLDER, Results, from_json
from bench.subjects import SUBJECTS

SUBJECT = SUBJECTS["concurrency"]
ROWS = [
    Row("waiting, 1 job", ("seconds", "cpu", "memory", "late"), {"work": "waiting", "jobs": 1}),
    Row("both, 1,000 jobs", ("seconds",), {"work": "mix", "jobs": 1000}),
]


def results() -> Results:
    figures = {
        ("waiting, 1 job", "threads"): {"seconds": 0.05, "cpu": 0.01, "memory": 20.0, "late": 3.0},
        ("waiting, 1 job", "asyncio"): {"seconds": 0.054, "cpu": 0.02, "memory": 30.0, "late": 1.0},
        ("both, 1,000 jobs", "asyncio"): {"seconds": 0.5, "cpu": 0.2, "memory": 40.0, "late": 0},
    }
    return Results(
        subject="concurrency",
        title=SUBJECT.title,
        note=SUBJECT.note,
        date="2026-01-02T03:04+00:00",
        python_tag="cp314",
        rounds=1,
        seconds=0.8,
        quick=False,
        facts={
            "machine": "a machine",
            "cores": 2,
            "kernel": "Linux 6",
            "python": "3.14.0",
            "commit": "abc",
        },
        loops={"threads": "3.14.0", "asyncio": "3.14.5 / 3.14.0"},
        absent={"uvloop": "not installed"},
        has_limit=False,
        metrics=list(SUBJECT.metrics),
        rows=ROWS,
        measurements=[Measurement(row, name, 0, one) for (row, name), one in figures.items()],
    )


def test_a_table_marks_what_is_as_good_as_the_best() -> None:
    lines = page.seconds_table(results()).splitlines()
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        "waiting, 1 job",
        "**0.05**",
        "**0.05**",
    ]
    assert [cell.strip() for cell in lines[3].split("|")[1:-1]] == [
        "both, 1,000 jobs",
        "-",
        "**0.50**",
    ]


def test_costs_are_told_by_form() -> None:
    lines = page.costs_table(results()).splitlines()
    assert [cell.strip() for cell in lines[-1].split("|")[1:-1]] == [
        "asyncio",
        "**0.20**",
        "**40**",
        "**0**",
    ]


def test_circumstances_name_what_was_there_and_where_the_figures_are() -> None:
    text = page.circumstances(results())
    for told in ("3.14.0, aiohttp 3.14.5, aioxide", "`abc`", "a machine", "2026-01-02-concurrency"):
        assert told in text
    assert "uvloop" not in text


def test_a_page_is_filled_at_its_marks_and_again() -> None:
    text = "# A\n\n<!-- measured: x -->\nold\n<!-- end -->\n\nkept\n"
    filled = page.fill(text, {"x": "| new |"})
    assert filled == "# A\n\n<!-- measured: x -->\n| new |\n<!-- end -->\n\nkept\n"
    assert page.fill(filled, {"x": "| new |"}) == filled
    with pytest.raises(KeyError, match="x"):
        page.fill(text, {})


def test_only_saved_results_of_the_subject_are_for_the_page(tmp_path: Path) -> None:
    assert page.is_of(results(), FOLDER / "x.json")
    assert not page.is_of(results(), tmp_path / "x.json")


def newest() -> Path:
    return max(FOLDER.glob("*-concurrency-*.json"))


def test_the_page_is_that_of_the_newest_results(tmp_path: Path) -> None:
    (tmp_path / page.NAME).write_text((page.DOCS / page.NAME).read_text())
    made = page.renew(from_json(newest().read_text()), tmp_path)
    assert {path.name for path in made} == {
        "concurrency.md",
        "concurrency-seconds.svg",
        "concurrency-costs.svg",
    }
    for path in made:
        assert path.read_text() == (page.DOCS / path.name).read_text(), path.name


def test_the_page_has_every_table_and_picture() -> None:
    text = (page.DOCS / page.NAME).read_text()
    assert set(re.findall(r"<!-- measured: (\w+) -->", text)) == set(page.TABLES)
    for name in page.PICTURES:
        assert f"(concurrency-{name}.svg)" in text
