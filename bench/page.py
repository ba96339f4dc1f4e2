"""What `docs/concurrency.md` shows of a run: pictures beside it, and tables between its marks.

A mark is `<!-- measured: NAME -->`; what is between it and `<!-- end -->` is made anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from .model import Metric
from .picture import Line, Panel, draw
from .processes import ROOT
from .results import FOLDER, Results
from .subjects.concurrency import CPU, KINDS, LATE, MANY, MEMORY, SECONDS, SLOW, VERY_MANY
from .table import NOTHING, markdown

SUBJECT = "concurrency"
DOCS = ROOT / "docs"
NAME = "concurrency.md"
#: A figure that is no more than this many times the best is as good.
AS_GOOD = 1.1
BLOCK = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
#: The rows whose costs are told, and how they are called in short.
COSTLY = {
    (SLOW, VERY_MANY): f"{VERY_MANY:,} waiting",
    ("python", 100): "100 in Python",
    ("mix", MANY): f"{MANY:,} of both",
}


def renew(results: Results, folder: Path = DOCS) -> list[Path]:
    """Write page and pictures for this run; the paths that were written."""
    made = {f"concurrency-{name}.svg": picture(results) for name, picture in PICTURES.items()}
    page = folder / NAME
    made[NAME] = fill(page.read_text(), {name: table(results) for name, table in TABLES.items()})
    for name, text in made.items():
        (folder / name).write_text(text)
    return [folder / name for name in made]


def fill(text: str, tables: dict[str, str]) -> str:
    """The page with these tables at its marks. A mark that is not known is an error."""
    return BLOCK.sub(lambda block: f"{block[1]}{tables[block[2]]}\n{block[3]}", text)


def panel(results: Results, work: str, metric: Metric, title: str) -> Panel:
    lines = []
    for name in results.columns():
        points = {}
        for row in results.rows:
            summary = results.summaries(row.name, metric.key).get(name)
            if row.parameters["work"] == work and summary is not None:
                points[row.parameters["jobs"]] = summary
        if points:
            lines.append(Line(name, points))
    measure = metric.title[0].upper() + metric.title[1:]
    return Panel(title, measure, lines, metric.resolution)


def seconds_picture(results: Results) -> str:
    panels = [
        panel(results, work, SECONDS, f"{title[0].upper()}{title[1:]}")
        for work, title in KINDS.items()
        if work != SLOW
    ]
    return draw("How long it takes", _note(results), panels)


def costs_picture(results: Results) -> str:
    panels = [
        panel(results, "waiting", MEMORY, "Waiting: memory"),
        panel(results, "mix", CPU, "Waiting, then computing: CPU time"),
        panel(results, "python", LATE, "Computing in Python: responsiveness"),
        panel(results, "mix", LATE, "Waiting, then computing: responsiveness"),
    ]
    return draw("What it costs", _note(results), panels)


def _note(results: Results) -> str:
    return (
        f"Python {results.facts['python']} on {results.facts['cores']} cores, "
        f"{results.date[:10]}; median and range of {results.rounds} rounds. Less is better."
    )


def seconds_table(results: Results) -> str:
    names = results.columns()
    lines = [["seconds", *names]]
    for row in results.rows:
        medians = _medians(results, row.name, SECONDS)
        best = min(medians.values(), default=0.0)
        cells = [_cell(medians.get(name), best, SECONDS) for name in names]
        lines.append([row.name, *cells])
    return markdown(lines)


def costs_table(results: Results) -> str:
    """A line for each form: CPU time, memory and latest heartbeat where there is much to do."""
    metrics = {CPU: "CPU s", MEMORY: "MB", LATE: "ms late"}
    names = {(row.parameters["work"], row.parameters["jobs"]): row.name for row in results.rows}
    rows = {key: names[key] for key in COSTLY if key in names}
    heads = [f"{COSTLY[key]}: {unit}" for key in rows for unit in metrics.values()]
    lines = [["", *heads]]
    for name in results.columns():
        cells = []
        for row_name in rows.values():
            for metric in metrics:
                medians = _medians(results, row_name, metric)
                best = min(medians.values(), default=0.0)
                cells.append(_cell(medians.get(name), best, metric))
        lines.append([name, *cells])
    return markdown(lines)


def circumstances(results: Results) -> str:
    facts = results.facts
    versions = ", ".join(
        f"{name} {results.loops[column].partition(' / ')[index]}"
        for name, column, index in (("aiohttp", "asyncio", 0), ("uvloop", "uvloop", 2))
        if column in results.loops
    )
    file = f"../bench/results/{results.stem()}"
    where = f"{facts['machine']}, {facts['cores']} cores, {facts['kernel']}"
    return (
        f"Measured on {results.date[:10]}: CPython {facts['python']}, {versions}, aioxide at "
        f"commit `{facts['commit']}`; {where}; medians of {results.rounds} rounds, forms "
        "interleaved, each measurement in a process of its own. "
        f"[All figures]({file}.md) with their spread, [raw data]({file}.json)."
    )


def _medians(results: Results, row: str, metric: Metric) -> dict[str, float]:
    return {name: one.median for name, one in results.summaries(row, metric.key).items()}


def _cell(value: float | None, best: float, metric: Metric) -> str:
    """Bold where it is as good as the best."""
    if value is None:
        return NOTHING
    text = f"{value:,.{2 if metric in (SECONDS, CPU) else 0}f}"
    return f"**{text}**" if value <= max(best * AS_GOOD, metric.resolution) else text


TABLES: dict[str, Callable[[Results], str]] = {
    "seconds": seconds_table,
    "costs": costs_table,
    "circumstances": circumstances,
}
PICTURES: dict[str, Callable[[Results], str]] = {
    "seconds": seconds_picture,
    "costs": costs_picture,
}


def is_of(results: Results, path: Path) -> bool:
    """Whether this file is one whose run the page can show."""
    return results.subject == SUBJECT and path.resolve().parent == FOLDER
