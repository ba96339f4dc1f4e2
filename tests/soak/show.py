"""What the soak shows: a table that is renewed while it runs, lines where nobody watches."""

import sys
import time
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from . import usage

# A line as often, where standard output is no terminal.
LINE_EVERY = 10.0


def _bytes(number: float) -> str:
    return f"{number / 2**20:,.1f} MB"


class Progress:
    """`with Progress() as progress: progress.tell("soak", 60, client, server)`"""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self._live = Live(console=self.console, auto_refresh=False, transient=True)
        self._last_line = -LINE_EVERY
        self._started = self._last = time.monotonic()
        self._last_lives = 0
        self._rate = 0.0

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._live.stop()

    def tell(self, phase: str, left: float, client: dict[str, Any], server: dict[str, Any]) -> None:
        now = time.monotonic()
        lives = client.get("lives", 0)
        if now > self._last:
            self._rate = (lives - self._last_lives) / (now - self._last)
        self._last, self._last_lives = now, lives
        facts = {
            "open connections": f"{server.get('open', 0):,}",
            "lives led": f"{lives:,}",
            "lives a second": f"{self._rate:,.0f}",
            "messages": f"{client.get('messages', 0):,}",
            "bytes echoed": _bytes(client.get("bytes", 0)),
            "descriptors": f"{server['descriptors']:,} / {client['descriptors']:,}",
            "threads": f"{server['threads']} / {client['threads']}",
            "resident": f"{_bytes(server['resident'])} / {_bytes(client['resident'])}",
            "faults": f"{server['faults']} / {client['faults']}",
        }
        title = f"{phase}, {left:.0f} s left" if left > 0 else f"{phase}, waiting for the last"
        if self.console.is_terminal:
            table = Table(title=title, caption="server / client", show_header=False)
            for name, value in facts.items():
                table.add_row(name, value)
            self._live.update(table, refresh=True)
        elif now - self._last_line >= LINE_EVERY:
            self._last_line = now
            told = "; ".join(f"{name} {value}" for name, value in facts.items())
            sys.stdout.write(f"{now - self._started:6.0f} s {title}: {told}\n")
            sys.stdout.flush()


def summary(console: Console, name: str, start: dict[str, int], end: dict[str, int]) -> list[str]:
    """Print what a process holds at the start and at the end; returns what has grown."""
    table = Table(title=f"The {name}, with no connection open", title_justify="left")
    for column in ("", "start", "end", "difference", "allowed"):
        table.add_column(column, justify="left" if not column else "right")
    grown = []
    for what in usage.LIMITS:
        if what not in start:
            continue
        difference = end[what] - start[what]
        allowed = usage.allowed(what, start[what])
        bad = difference > allowed
        if bad:
            grown.append(f"{name}: {what} grew from {start[what]:,} to {end[what]:,}")
        values = [f"{number:,}" for number in (start[what], end[what], difference, allowed)]
        table.add_row(what, *values, style="bold red" if bad else None)
    console.print(table)
    return grown


def growth_of_types(start: dict[str, int], end: dict[str, int]) -> list[str]:
    """The types of which there are more than before, by how many more."""
    more = {name: count - start.get(name, 0) for name, count in end.items()}
    ordered = sorted(more.items(), key=lambda item: -item[1])
    return [f"{name} +{count}" for name, count in ordered[:8] if count > 20]
