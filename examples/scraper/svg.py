"""The picture: pages a second as bars, latency as curves, in one SVG file."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from curves import TimeAxis, share_within

if TYPE_CHECKING:
    from summary import Summary

WIDTH, HEIGHT = 860, 560
LEFT, RIGHT = 150, 820
POINTS = 300


def render(title: str, series: list[tuple[Summary, str]]) -> str:
    """The picture of these clients, each with its colour."""
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    style = 'font-family="sans-serif" font-size="13" fill="#222"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="24" y="32" font-size="18" font-weight="bold">{escape(title)}</text>',
    ]
    top = _bars(parts, series, top=60)
    fetched = [(summary, colour) for summary, colour in series if summary.latencies]
    if fetched:
        _curves(parts, fetched, top=top + 40, bottom=HEIGHT - 60)
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _bars(parts: list[str], series: list[tuple[Summary, str]], top: int) -> int:
    most = max((rate for one, _ in series for rate in one.page_rates), default=1.0)
    scale = (RIGHT - 90 - LEFT) / most
    parts.append(_text(24, top, "Pages a second (median; the line is the range of the rounds)"))
    for summary, colour in series:
        top += 34
        length = summary.page_rate * scale
        parts.append(_text(LEFT - 10, top + 1, summary.label, "end"))
        parts.append(
            f'<rect x="{LEFT}" y="{top - 14}" width="{length:.1f}" height="22" fill="{colour}"/>'
        )
        low, high = (extreme(summary.page_rates, default=0.0) * scale for extreme in (min, max))
        parts.append(f'<path d="M{LEFT + low:.1f} {top - 3}H{LEFT + high:.1f}" stroke="#222"/>')
        note = f"{summary.page_rate:,.0f}"
        parts.append(_text(LEFT + max(length, high) + 8, top + 1, note))
    return top


def _curves(parts: list[str], series: list[tuple[Summary, str]], top: int, bottom: int) -> None:
    values = [(summary, colour, sorted(summary.latencies)) for summary, colour in series]
    axis = TimeAxis([one[index] for _, _, one in values for index in (0, -1)])
    parts.append(_text(24, top, "Latency: share of pages that came within this time"))
    top += 18
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = bottom - share * (bottom - top)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{RIGHT}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 10, y + 4, f"{share:.0%}", "end"))
    free = 0.0
    for place, mark in axis.marks():
        x = LEFT + place * (RIGHT - LEFT)
        parts.append(f'<path d="M{x:.1f} {top}V{bottom}" stroke="#eee"/>')
        if x >= free:
            parts.append(_text(x, bottom + 20, mark, "middle"))
            free = x + 60
    for _, colour, ordered in values:
        points = []
        for number in range(POINTS + 1):
            place = number / POINTS
            share = share_within(ordered, axis.latency(place))
            x, y = LEFT + place * (RIGHT - LEFT), bottom - share * (bottom - top)
            points.append(f"{x:.1f},{y:.1f}")
        parts.append(
            f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" '
            'stroke-width="2.5"/>'
        )
