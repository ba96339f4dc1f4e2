"""Latency curves in the terminal: the share of pages that came within a time.

A character of the braille block is a grid of two by four dots, so a small drawing of characters
holds a smooth line. The time axis is logarithmic: the slow tail and the quick bulk both show.
"""

from __future__ import annotations

import math
from bisect import bisect_right

from rich.text import Text

WIDTH = 64
HEIGHT = 12
MARGIN = 6
BLANK = 0x2800
# The bit of each dot of a braille character, by row and column.
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


class TimeAxis:
    """Maps latencies to 0..1, with round numbers of milliseconds as marks."""

    def __init__(self, latencies: list[float]) -> None:
        low, high = min(latencies), max(latencies)
        self._low = math.log(max(low, 1e-6) * 0.95)
        self._span = math.log(max(high, low * 2, 2e-6) * 1.05) - self._low

    def place(self, latency: float) -> float:
        return (math.log(max(latency, 1e-9)) - self._low) / self._span

    def latency(self, place: float) -> float:
        return math.exp(self._low + place * self._span)

    def marks(self) -> list[tuple[float, str]]:
        """Places and texts of the marks, from left to right."""
        steps = [base * 10.0**power for power in range(-3, 6) for base in (1, 2, 5)]
        places = [(self.place(step / 1e3), f"{step:g} ms") for step in steps]
        return [(place, text) for place, text in places if 0 <= place <= 1]


def share_within(ordered: list[float], latency: float) -> float:
    return bisect_right(ordered, latency) / len(ordered)


def draw(series: list[tuple[str, str, list[float]]], width: int = MARGIN + WIDTH) -> Text:
    """The curves of (label, colour, latencies), in `width` columns at most.

    A series without values is left out."""
    series = [(label, colour, sorted(values)) for label, colour, values in series if values]
    if not series:
        return Text("no page was fetched, so there is no latency to plot")
    axis = TimeAxis([values[index] for _, _, values in series for index in (0, -1)])
    size = max(16, min(WIDTH, width - MARGIN))
    cells = [[BLANK] * size for _ in range(HEIGHT)]
    colours = [[""] * size for _ in range(HEIGHT)]
    rows, columns = HEIGHT * 4, size * 2
    for _, colour, values in series:
        before = 0
        for column in range(columns):
            share = share_within(values, axis.latency((column + 0.5) / columns))
            level = round(share * (rows - 1))
            # From the level before up to this one, so that a steep curve has no gaps.
            for dot in range(min(before + 1, level), level + 1):
                row = rows - 1 - dot
                cells[row // 4][column // 2] |= DOTS[row % 4][column % 2]
                colours[row // 4][column // 2] = colour
            before = level
    return _compose(cells, colours, axis, series)


def _compose(
    cells: list[list[int]],
    colours: list[list[str]],
    axis: TimeAxis,
    series: list[tuple[str, str, list[float]]],
) -> Text:
    size = len(cells[0])
    text = Text(" " * MARGIN + "share of pages that came within this time\n", style="dim")
    for row in range(HEIGHT):
        share = {0: "100 %", HEIGHT // 2: "50 %", HEIGHT - 1: "0 %"}.get(row, "")
        text.append(f"{share:>{MARGIN - 1}}▕", style="dim")
        for code, colour in zip(cells[row], colours[row], strict=True):
            text.append(chr(code), style=colour)
        text.append("\n")
    ticks, labels = ["▔"] * size, [" "] * size
    free = 0
    for place, mark in axis.marks():
        column = min(size - 1, int(place * size))
        start = min(max(0, column - len(mark) // 2), size - len(mark))
        if start >= free:
            ticks[column] = "┴"
            labels[start : start + len(mark)] = mark
            free = start + len(mark) + 1
    text.append(" " * MARGIN + "".join(ticks) + "\n", style="dim")
    text.append(" " * MARGIN + "".join(labels).rstrip() + "\n", style="dim")
    used = 0
    for label, colour, _ in series:
        entry = len("━━ ") + len(label)
        if used == 0 or used + 3 + entry > MARGIN + size:
            text.append(("\n" if used else "") + " " * MARGIN)
            used = MARGIN
        else:
            text.append("   ")
            used += 3
        text.append("━━ ", style=colour)
        text.append(label)
        used += entry
    return text
