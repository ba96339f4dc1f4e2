"""Progress of the runs: bars on a terminal, a line for each run elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Callable

    from outcome import Outcome
    from rich.console import Console


class Watch:
    """Shows several runs, each over a known number of pages."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: Progress | None = None
        if console.is_terminal:
            self._bars = Progress(
                TextColumn("{task.description:<18}"),
                BarColumn(bar_width=36),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=console,
                # Drawing takes CPU time from the clients that are measured.
                refresh_per_second=5,
            )

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()

    def add(self, label: str, total: int) -> Run:
        """A run, or several in turn, with `total` pages in all."""
        if self._bars is None:
            return Run(label, lambda _: None, self._console)
        bars = self._bars
        task = bars.add_task(label, total=total, start=False)

        def show(done: int) -> None:
            bars.start_task(task)
            bars.update(task, completed=done)

        return Run(label, show, None)


class Run:
    """The progress of one client over its rounds."""

    def __init__(self, label: str, show: Callable[[int], None], console: Console | None) -> None:
        self._label = label
        self._show = show
        self._console = console
        self._before = 0
        self.done = 0

    def show_done(self, done: int) -> None:
        self.done = self._before + done
        self._show(self.done)

    def end_round(self, outcome: Outcome) -> None:
        self._before = self.done
        if self._console:
            failed = f", {outcome.failed} failed" if outcome.failed else ""
            self._console.print(
                f"{self._label}: {outcome.pages} pages in {outcome.wall:.2f} s{failed}"
            )
