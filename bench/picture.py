"""Results as lines in an SVG file: by the number of jobs, a line for each column of the table.

Both axes are logarithmic. A point is the median of the rounds, the stroke through it their range.
Points of the same number of jobs are a little apart, so that equal ones are seen. Colours follow
the scheme that the reader's browser prefers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from .stats import Summary

WIDTH = 960
PANEL_WIDTH, PANEL_HEIGHT = WIDTH // 2, 330
TOP, FOOT = 56, 14
#: Room around the lines of a panel: for numbers on the left, for names on the right.
LEFT, RIGHT, ABOVE, BELOW = 62, 156, 44, 52
LINE_HEIGHT = 15
APART = 3.0
MARKS = (1, 2, 5)

INK = {"light": ("#ffffff", "#1f2328", "#59636e", "#d8dee4")}
INK["dark"] = ("#0d1117", "#e6edf3", "#9198a1", "#30363d")
#: For each column its colour on light and on dark ground, and its dashes.
STYLES = {
    "one by one": ("#6e7781", "#9198a1", ""),
    "threads": ("#9a7500", "#e3b341", ""),
    "processes": ("#008060", "#3fc79a", ""),
    "interpreters": ("#008060", "#3fc79a", "6 4"),
    "asyncio": ("#0063a8", "#58a6ff", ""),
    "uvloop": ("#a23b80", "#e58fc6", ""),
    "aioxide": ("#d1470c", "#ff8a4c", ""),
    "aioxide + threads": ("#d1470c", "#ff8a4c", "6 4"),
    "aioxide + processes": ("#d1470c", "#ff8a4c", "2 3"),
}


@dataclass(frozen=True)
class Line:
    name: str
    #: By the number of jobs.
    points: dict[int, Summary]


@dataclass(frozen=True)
class Panel:
    title: str
    #: What the vertical axis counts, with its unit.
    measure: str
    lines: Sequence[Line]
    #: What is less is drawn as this.
    least: float

    @property
    def jobs(self) -> list[int]:
        return sorted({number for line in self.lines for number in line.points})


class Axis:
    """The logarithm of a value as a place from 0 to 1, with round numbers as marks."""

    def __init__(self, values: Sequence[float], least: float) -> None:
        self._least = least
        low, high = max(min(values), least), max(*values, least)
        self._low = math.log(low) - 0.1
        self._span = max(math.log(high) + 0.1 - self._low, math.log(4))

    def place(self, value: float) -> float:
        return (math.log(max(value, self._least)) - self._low) / self._span

    def marks(self) -> list[float]:
        """Of each power of ten one mark, or three where the axis has few."""
        numbers = [one * 10.0**power for power in range(-6, 7) for one in MARKS]
        within = [n for n in numbers if n >= self._least and 0 <= self.place(n) <= 1]
        tens = [number for number in within if f"{number:e}".startswith("1.0")]
        return tens if len(tens) >= 4 else within


def draw(title: str, note: str, panels: Sequence[Panel]) -> str:
    """Two panels in a row."""
    height = TOP + math.ceil(len(panels) / 2) * PANEL_HEIGHT + FOOT
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_rules()}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{height}"/>',
        _text(16, 27, title, css="title"),
        _text(16, 46, note, css="faint"),
    ]
    for number, panel in enumerate(panels):
        left = number % 2 * PANEL_WIDTH
        parts += _panel(panel, left, TOP + number // 2 * PANEL_HEIGHT)
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel, x: float, y: float) -> list[str]:
    left, right = x + LEFT, x + PANEL_WIDTH - RIGHT
    top, bottom = y + ABOVE, y + PANEL_HEIGHT - BELOW
    ends = [
        end for line in panel.lines for one in line.points.values() for end in (one.low, one.high)
    ]
    axis = Axis(ends, panel.least)

    def across(jobs: int, number: float) -> float:
        steps = max(1, len(panel.jobs) - 1)
        place = panel.jobs.index(jobs) / steps
        return left + 14 + place * (right - left - 28) + (number - len(panel.lines) / 2) * APART

    def upward(value: float) -> float:
        return bottom - axis.place(value) * (bottom - top)

    parts = [_text(x + 16, y + 20, panel.title, css="head"), _text(x + 16, y + 36, panel.measure)]
    for mark in axis.marks():
        parts.append(_path("grid", [(left, upward(mark)), (right, upward(mark))]))
        parts.append(_text(left - 8, upward(mark) + 4, f"{mark:,g}", "end"))
    for jobs in panel.jobs:
        middle = across(jobs, len(panel.lines) / 2)
        parts.append(_text(middle, bottom + 18, f"{jobs:,}", "middle"))
    parts.append(_text((left + right) / 2, bottom + 36, "jobs at the same time", "middle"))

    lines = [(number, line) for number, line in enumerate(panel.lines) if line.points]
    wanted = {line.name: upward(line.points[max(line.points)].median) for _, line in lines}
    places = spread(wanted, top, bottom)
    for number, line in lines:
        css, end = _css(line.name), places[line.name]
        points = []
        for jobs, one in sorted(line.points.items()):
            at = across(jobs, number)
            points.append((at, upward(one.median)))
            parts.append(_path(f"range {css}", [(at, upward(one.low)), (at, upward(one.high))]))
        parts.append(_path(f"line {css}", points))
        parts += [f'<circle class="{css}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points]
        parts.append(_path(f"lead {css}", [points[-1], (right + 6, end)]))
        parts.append(_text(right + 10, end + 4, line.name, css=f"name {css}"))
    return parts


def spread(wanted: dict[str, float], top: float, bottom: float) -> dict[str, float]:
    """Places near those that are wanted, in their order, a line's height apart or more.

    Names that would overlap form a group, which lies around the middle of where they belong.
    """
    groups: list[list[str]] = []

    def start(group: list[str]) -> float:
        height = (len(group) - 1) * LINE_HEIGHT
        middle = sum(wanted[name] for name in group) / len(group)
        return max(top, min(middle - height / 2, bottom - height))

    for name in sorted(wanted, key=lambda name: wanted[name]):
        groups.append([name])
        while len(groups) > 1:
            before, last = groups[-2:]
            if start(before) + len(before) * LINE_HEIGHT <= start(last):
                break
            groups[-2:] = [before + last]
    return {
        name: start(group) + index * LINE_HEIGHT
        for group in groups
        for index, name in enumerate(group)
    }


def _rules() -> str:
    shape = (
        "text{font:13px system-ui,sans-serif}.title{font-size:17px;font-weight:600}"
        ".head{font-size:14px;font-weight:600}path{fill:none}.line{stroke-width:2}"
        ".range{stroke-width:1.2}.lead{stroke-width:.7;opacity:.6}.grid{stroke-width:1}"
        "text.name{stroke:none}circle{stroke:none}"
    )
    dashes = "".join(
        f".line.{_css(name)}{{stroke-dasharray:{dashes}}}"
        for name, (*_, dashes) in STYLES.items()
        if dashes
    )
    return f"{shape}{dashes}{_colours(0)}@media (prefers-color-scheme:dark){{{_colours(1)}}}"


def _colours(scheme: int) -> str:
    ground, ink, faint, grid = INK["dark" if scheme else "light"]
    rules = (
        f".ground{{fill:{ground}}}text{{fill:{ink}}}.faint{{fill:{faint}}}.grid{{stroke:{grid}}}"
    )
    for name, style in STYLES.items():
        css, colour = _css(name), style[scheme]
        rules += f"path.{css}{{stroke:{colour}}}circle.{css},text.{css}{{fill:{colour}}}"
    return rules


def _css(name: str) -> str:
    return name.replace(" + ", "-").replace(" ", "-")


def _text(x: float, y: float, text: str, anchor: str = "start", css: str = "") -> str:
    name = f' class="{css}"' if css else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{name}>{escape(text)}</text>'


def _path(css: str, points: Sequence[tuple[float, float]]) -> str:
    way = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path class="{css}" d="M{way}"/>'
