"""Tables of what the clients did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outcome import KINDS, REFUSED, TIMEOUT
from rich.box import SIMPLE_HEAD
from rich.table import Table

if TYPE_CHECKING:
    from collections import Counter

    from outcome import Outcome
    from summary import Summary

COLOURS = {
    "threads": ("yellow", "#e69f00"),
    "asyncio": ("cyan", "#0072b2"),
    "uvloop": ("magenta", "#cc79a7"),
    "aioxide": ("bright_red", "#d55e00"),
    "client": ("green", "#009e73"),
}


def errors_text(errors: Counter[str]) -> str:
    """The errors by kind, in a fixed order."""
    return ", ".join(f"{errors[kind]:,} {kind}" for kind in KINDS if errors[kind]) or "none"


def milliseconds(seconds: float) -> str:
    """Three digits or more: what is beyond is noise."""
    number = seconds * 1e3
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}"


def cpu_seconds(seconds: float) -> str:
    """Two digits behind the point, and a third where two may be all zero."""
    return f"{seconds:.2f}" if seconds >= 0.1 else f"{seconds:.3f}"


def _table(first: str) -> Table:
    # As narrow as it can be: eleven columns have to fit into a terminal of 80.
    table = Table(
        box=SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
        show_edge=False,
    )
    table.add_column(first, no_wrap=True)
    return table


def clients_table(summaries: dict[str, Summary]) -> Table:
    """One line for each client, throttled alike."""
    table = _table("client")
    for name in (
        "pages",
        "pages\na s",
        "MB\na s",
        "p50\nms",
        "p95\nms",
        "p99\nms",
        "CPU\ns",
        "CPU ms\na page",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("errors")
    for arm, summary in summaries.items():
        table.add_row(
            f"[{COLOURS[arm][0]}]{summary.label}[/]",
            f"{summary.pages:,}",
            f"{summary.page_rate:,.0f}",
            f"{summary.megabyte_rate:,.1f}",
            *(milliseconds(summary.latency(share)) for share in (0.5, 0.95, 0.99)),
            cpu_seconds(summary.cpu),
            f"{summary.cpu_per_page * 1e3:.2f}",
            errors_text(summary.errors),
        )
    return table


def unthrottled_table(outcomes: list[tuple[str, Outcome]]) -> Table:
    """What it costs to ask for everything at once."""
    table = _table("")
    for name in ("fetched", "timeouts", "refused", "other", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for label, outcome in outcomes:
        timeouts, refused = outcome.errors[TIMEOUT], outcome.errors[REFUSED]
        table.add_row(
            label,
            f"{outcome.pages:,}",
            f"{timeouts:,}",
            f"{refused:,}",
            f"{outcome.failed - timeouts - refused:,}",
            f"{outcome.wall:.2f}",
        )
    return table
