"""Progress on standard error: a bar on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from ._progress import Display, Progress

__all__ = ["Bar", "Lines", "display_on"]

_RED, _PLAIN = "\x1b[31m", "\x1b[0m"
_CLEAR = "\r\x1b[2K"
# A label takes so many columns at most, a bar so many at least.
_LABEL = 24
_BAR_LEAST, _BAR_MOST = 8, 40
_USUAL_WIDTH = 80


def display_on(file: TextIO | None) -> Display | None:
    """What suits the file; None where there is none."""
    if file is None:
        return None
    try:
        terminal = file.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:
        # It is closed.
        return None
    if terminal:
        return Bar(file, colour=not os.environ.get("NO_COLOR"))
    return Lines(file)


def clock(seconds: float) -> str:
    """A length of time, as a clock shows it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def speed(rate: float) -> str:
    """Items a second, to three digits or so."""
    if rate >= 100:
        return f"{rate:,.0f}/s"
    return f"{rate:.1f}/s" if rate >= 1 else f"{rate:.2f}/s"


def figures(progress: Progress) -> list[str]:
    """What there is to say, the most important first."""
    gone = progress.done + progress.failed
    parts = [f"{gone:,}" if progress.total is None else f"{gone:,}/{progress.total:,}"]
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    if progress.rate is not None:
        parts.append(speed(progress.rate))
    if progress.ended:
        parts.append(f"in {clock(progress.elapsed)}")
    elif progress.eta is not None:
        parts.append(f"eta {clock(progress.eta)}")
    return parts


class Bar:
    """One line of a terminal, drawn again and again, and no wider than that."""

    period = 0.1
    eager = True

    def __init__(self, file: TextIO, *, colour: bool) -> None:
        self._file = file
        self._colour = colour

    def show(self, progress: Progress) -> None:
        text = self.draw(progress, self._width())
        self._file.write(_CLEAR + text + ("\n" if progress.ended else ""))
        self._file.flush()

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self._file.fileno()).columns or _USUAL_WIDTH
        except (OSError, ValueError):
            return _USUAL_WIDTH

    def draw(self, progress: Progress, width: int) -> str:
        """The line."""
        label = progress.label
        if len(label) > _LABEL:
            label = label[: _LABEL - 1] + "…"
        parts = figures(progress)
        # A line that is as wide as the terminal wraps on some.
        room = width - 1
        while len(parts) > 1 and len(" ".join([label, *parts])) > room:
            parts.pop()
        left = room - len(" ".join([label, *parts])) - 3
        bar = ""
        if progress.total and left >= _BAR_LEAST:
            size = min(left, _BAR_MOST)
            gone = min(1.0, (progress.done + progress.failed) / progress.total)
            full = int(gone * size)
            bar = f" [{'#' * full}{'.' * (size - full)}]"
        plain = len(" ".join(parts))
        if self._colour and progress.failed:
            parts = [f"{_RED}{part}{_PLAIN}" if "failed" in part else part for part in parts]
        colour = len(" ".join(parts)) - plain
        line = f"{label}{bar} {' '.join(parts)}"
        return line if len(line) - colour <= room else f"{label} {parts[0]}"[:room]


class Lines:
    """A line now and then, for files and pipes."""

    period = 10.0
    eager = False

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def show(self, progress: Progress) -> None:
        self._file.write(f"{progress.label}: {', '.join(figures(progress))}\n")
        self._file.flush()
