"""Progress: bars on a terminal, one for each host that is being asked; elsewhere a line every ten
seconds."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from .summary import size_text

if TYPE_CHECKING:
    from .tally import Tally

__all__ = ["Progress", "make"]

EVERY = 10.0
_REDRAW = 0.2
#: Hosts with a bar of their own.
_MOST_HOSTS = 8
#: With less columns for them there are no bars, but their numbers.
_NARROW = 57


class Progress(Protocol):
    """Shows a tally while it changes. `stop()` can be called again."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def say(self, text: str) -> None:
        """Print lines that stay."""


def make(tally: Tally, stream: TextIO, quiet: bool) -> Progress:
    """What fits the stream. Needs a running loop."""
    if quiet:
        return _Nothing(stream)
    if stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb"):
        try:
            return _Bars(tally, stream)
        except ImportError:
            pass  # rich is not there
    return _Lines(tally, stream)


class _Nothing:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def say(self, text: str) -> None:
        # Nobody may read it any more; that is no reason to stop fetching.
        with contextlib.suppress(OSError):
            print(text, file=self._stream, flush=True)


class _Ticking:
    """Calls `show()` at an interval, until it is stopped."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._began = 0.0

    def start(self) -> None:
        self._began = self._loop.time()
        self._timer = self._loop.call_later(self._every, self._tick)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = self._loop.call_later(self._every, self._tick)
        self.show()

    def show(self) -> None:
        raise NotImplementedError


class _Lines(_Ticking, _Nothing):
    def __init__(self, tally: Tally, stream: TextIO) -> None:
        _Ticking.__init__(self, EVERY)
        _Nothing.__init__(self, stream)
        self._tally = tally

    def show(self) -> None:
        tally = self._tally
        seconds = self._loop.time() - self._began
        rate = tally.done / seconds if seconds else 0.0
        failed = f", {tally.failed:,} failed" if tally.failed else ""
        self.say(
            f"{tally.done + tally.failed:,} of {tally.total:,}{failed}, "
            f"{rate:,.1f} pages/s, {size_text(tally.bytes)}"
        )


class _Bars(_Ticking):
    def __init__(self, tally: Tally, stream: TextIO) -> None:
        from rich.console import Console, ConsoleDimensions
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        class Plain(Console):
            # A cursor that is hidden stays hidden when the process is stopped or killed.
            def show_cursor(self, show: bool = True) -> bool:
                return False

            # Room for the ^C that a terminal shows, which would begin another line.
            @property  # type: ignore[misc]
            def size(self) -> ConsoleDimensions:
                size = super().size
                return ConsoleDimensions(max(1, size.width - 3), size.height)

        super().__init__(_REDRAW)
        self._tally = tally
        # The width of standard error, which may be another terminal's than standard output's.
        self._console = Plain(file=stream, highlight=False)
        width = self._console.width
        # Numbers come first, then names, then bars.
        name = max(8, min(30, width - (44 if width >= _NARROW else 31)))
        self._name = name
        self._bars = Progress(
            TextColumn(f"{{task.description:<{name}}}", markup=False),
            *([BarColumn(bar_width=None)] if width >= _NARROW else ()),
            MofNCompleteColumn(),
            TextColumn("{task.fields[more]}", markup=False),
            console=self._console,
            auto_refresh=False,
            expand=width >= _NARROW,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._all = self._bars.add_task("all", total=tally.total, more="")
        self._tasks: dict[str, Any] = {}

    def start(self) -> None:
        super().start()
        self._bars.start()

    def stop(self) -> None:
        super().stop()
        self._bars.stop()

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    def show(self) -> None:
        tally = self._tally
        seconds = self._loop.time() - self._began
        rate = tally.done / seconds if seconds else 0.0
        more = f"{rate:,.0f}/s" + (f" {tally.failed:,} failed" if tally.failed else "")
        self._bars.update(
            self._all, completed=tally.done + tally.failed, total=tally.total, more=more
        )
        # A bar stays until its host is done, then another host has its place.
        for name in [name for name in self._tasks if tally.hosts[name].over]:
            self._bars.remove_task(self._tasks.pop(name))
        if len(tally.hosts) > 1:
            self._fill()
        for name, task in self._tasks.items():
            host = tally.hosts[name]
            failed = f"{host.failed:,} failed" if host.failed else ""
            self._bars.update(task, completed=host.done + host.failed, more=failed)
        self._bars.refresh()

    def _fill(self) -> None:
        for name, host in self._tally.hosts.items():
            if len(self._tasks) >= _MOST_HOSTS:
                return
            if name in self._tasks or host.over or not host.done + host.failed:
                continue
            short = name.partition("//")[2]
            if len(short) > self._name:
                short = f"{short[: self._name - 1]}…"
            self._tasks[name] = self._bars.add_task(short, total=host.total, more="")
