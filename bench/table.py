"""From results to Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .loops import NAMES, OURS, UNWATCHED, is_ours
from .model import BEST_PEER, LIMIT, Goal, Metric, Row
from .stats import PARITY, WIDE, Summary, best, factor, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .results import Results

NOTHING = "-"


def render(results: Results) -> str:
    parts = [f"# {results.title}, {results.python_tag}", results.note, _circumstances(results)]
    if results.quick:
        parts.append("**A quick run, to see that it works: these figures say nothing.**")
    given = {key for row in results.rows for key in row.metrics}
    for metric in results.metrics:
        if metric.key not in given:
            continue
        parts.append(f"## {metric.title[0].upper()}{metric.title[1:]}")
        parts.append(_metric_table(results, metric))
    goals = _goal_table(results)
    if goals:
        parts += ["## Goals", goals]
    failures = _failures(results)
    if failures:
        parts += ["## Failures", failures]
    return "\n\n".join(parts) + "\n"


def _circumstances(results: Results) -> str:
    facts = results.facts
    what = _kind_of(results.columns())
    # A form does its jobs once, however long that takes.
    length = "" if what == "forms" else f", {results.seconds:g} s a measurement"
    measured = ", ".join(f"{name} {version}" for name, version in results.loops.items())
    lines = [
        f"{results.date}, commit {facts['commit']}, aioxide's build: {facts['aioxide_build']}",
        f"rounds: {results.rounds}, {what} interleaved{length}",
        f"{facts['machine']}, {facts['cores']} cores, {facts['kernel']}",
        f"load average at the start: {facts['load_average']:.2f}",
        f"Python {facts['python']} ({facts['build']})",
        measured,
        *(f"{name} is not measured: {reason}" for name, reason in results.absent.items()),
        f"cells: median [lowest..highest]; `!`: the highest is over {WIDE:g} times the lowest",
        "factor: how many times as good as the best peer's median",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _kind_of(columns: Sequence[str]) -> str:
    if any(" on " in name for name in columns):
        return "clients"
    return "loops" if set(columns) <= {*NAMES, UNWATCHED, LIMIT} else "forms"


def _metric_table(results: Results, metric: Metric) -> str:
    names = results.columns()
    lines = [["", *names, "best peer", "factor", "verdict"]]
    for row in results.rows:
        if metric.key not in row.metrics:
            continue
        found = results.summaries(row.name, metric.key)
        cells = [_cell(results, row, name, found.get(name), metric) for name in names]
        lines.append([row.name, *cells, *_comparison(found, metric)])
    return markdown(lines)


def _cell(results: Results, row: Row, name: str, summary: Summary | None, metric: Metric) -> str:
    errors = results.errors(row.name, name)
    if summary is None:
        return "fails" if errors else NOTHING
    low, high = (f"{value:,.{metric.digits}f}" for value in (summary.low, summary.high))
    wide = " !" if _is_wide(summary, metric) else ""
    failed = f", {len(errors)} of {len(errors) + summary.count} fail" if errors else ""
    return f"{summary.median:,.{metric.digits}f} [{low}..{high}]{wide}{failed}"


def _is_wide(summary: Summary, metric: Metric) -> bool:
    return summary.is_wide and summary.high - summary.low > metric.resolution


def peers(found: dict[str, Summary]) -> dict[str, float]:
    """The medians that aioxide is compared with: nothing on its loop, and not the limit's."""
    return {n: one.median for n, one in found.items() if n != LIMIT and not is_ours(n)}


def _comparison(found: dict[str, Summary], metric: Metric) -> list[str]:
    others = peers(found)
    rival = best(metric, others)
    if not rival or OURS not in found:
        return [rival or NOTHING, NOTHING, NOTHING]
    ratio = factor(metric, found[OURS].median, others[rival])
    return [rival, f"{ratio:.2f}", verdict(ratio)]


def _goal_table(results: Results) -> str:
    lines = [["", "by", "against", "at least", "found", ""]]
    metrics = {metric.key: metric for metric in results.metrics}
    for row in results.rows:
        for goal in row.goals:
            metric = metrics[goal.metric]
            found = results.summaries(row.name, goal.metric)
            others = peers(found)
            if goal.among:
                others = {name: others[name] for name in goal.among if name in others}
            rival = best(metric, others) if goal.against == BEST_PEER else goal.against
            start = [row.name, metric.title, rival or goal.against, f"{goal.at_least:.2f}"]
            if OURS not in found or rival not in found:
                lines.append([*start, NOTHING, "not measured"])
                continue
            ratio = factor(metric, found[OURS].median, found[rival].median)
            met = _judged(goal, ratio)
            shaky = any(_is_wide(found[name], metric) for name in (OURS, rival))
            lines.append([*start, f"{ratio:.2f}", f"{met}, wide spread" if shaky else met])
    return markdown(lines) if len(lines) > 1 else ""


def _judged(goal: Goal, ratio: float) -> str:
    if ratio >= goal.at_least:
        return "met"
    # Not to be slower: what is no difference does not miss that, and does not meet it for certain.
    return PARITY if goal.at_least == 1 and verdict(ratio) == PARITY else "missed"


def _failures(results: Results) -> str:
    """Each failure once, with the rows it hit."""
    hit: dict[tuple[str, str], list[str]] = {}
    for one in results.measurements:
        if one.error:
            rows = hit.setdefault((one.loop, one.error), [])
            if one.row not in rows:
                rows.append(one.row)
    return "\n".join(
        f"- {loop}, {'; '.join(rows)}: `{error.replace('`', chr(39))}`"
        for (loop, error), rows in hit.items()
    )


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """The first column to the left, figures to the right, padded to be read as it is."""
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
    text = []
    for number, line in enumerate(lines):
        first, *rest = line
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        text.append(f"| {' | '.join(cells)} |")
        if number == 0:
            rules = ["-" * widths[0], *(f"{'-' * (width - 1)}:" for width in widths[1:])]
            text.append(f"| {' | '.join(rules)} |")
    return "\n".join(text)
