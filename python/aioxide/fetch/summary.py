"""What a run has come to, in words: counts, percentiles, errors by kind, and what would help."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from .tally import percentile

if TYPE_CHECKING:
    from .settings import Settings
    from .tally import Tally

__all__ = ["as_data", "as_text", "one_line", "size_text"]

SHARES = (0.5, 0.9, 0.99)
_WIDTH = 80
#: Of all URLs, from which on a kind of error is worth a hint.
_MANY = 0.05


def size_text(count: float) -> str:
    """Bytes, as people read them."""
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB"):
        count /= 1000
        if count < 1000:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} GB"


def time_text(seconds: float) -> str:
    """A time, as people read it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def one_line(text: str, most: int = 300) -> str:
    """What came from a server, without what a terminal would obey."""
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def as_text(
    tally: Tally,
    settings: Settings,
    output: str,
    seconds: float,
    before: int,
    descriptors: int | None,
) -> str:
    """The summary; lines of at most 80 columns, but for URLs."""
    lines: list[str] = []
    rate = tally.done / seconds if seconds > 0 else 0.0
    lines.append(
        f"fetched {tally.done:,} of {tally.total:,} in {time_text(seconds)}: "
        f"{rate:,.1f} pages/s, {size_text(tally.bytes)}"
    )
    if before:
        lines.append(f"  and {before:,} were in {output} before")
    if tally.latencies:
        ordered = sorted(tally.latencies)
        parts = [f"{share:.0%} {time_text(percentile(ordered, share))}" for share in SHARES]
        lines.append(f"times   {', '.join(parts)}, most {time_text(ordered[-1])}")
    if tally.retries:
        lines.append(f"retries {tally.retries:,}")
    if tally.failed:
        lines.append(f"failed  {tally.failed:,}")
        width = max(map(len, tally.kinds))
        for kind, count in tally.kinds.most_common():
            example = tally.examples[kind]
            lines.append(f"  {one_line(kind):{width}} {count:,}")
            lines.append(f"    such as {one_line(example.url)}")
            text = one_line(example.text)
            if text and text != kind:
                lines += textwrap.wrap(
                    text, _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 4,
                    break_long_words=False, break_on_hyphens=False,
                )  # fmt: skip
    for hint in hints(tally, settings, descriptors):
        lines += textwrap.wrap(hint, _WIDTH, initial_indent="hint    ", subsequent_indent=" " * 8)
    if tally.remaining:
        lines.append(f"stopped: {tally.remaining:,} remain; run the same command again to go on")
    elif tally.failed:
        lines.append("run the same command again to try the failed ones once more")
    return "\n".join(lines)


def hints(tally: Tally, settings: Settings, descriptors: int | None) -> list[str]:
    """What to change, if something that can be changed was in the way."""
    found: list[str] = []
    many = max(1, tally.total * _MANY)
    kinds = tally.kinds
    if kinds["timeout"] >= many:
        found.append(
            f"{kinds['timeout']:,} timeouts: the servers are slower than what they were asked. "
            f"Ask less at a time (--per-host {max(1, settings.per_host // 2)}), "
            f"or wait longer (--timeout {settings.timeout * 2:g})"
        )
    refused = sum(count for kind, count in kinds.items() if kind in ("HTTP 429", "HTTP 503"))
    if refused >= many:
        found.append(
            f"{refused:,} answers said that it was too much: ask more slowly "
            "(--rate 1/s, or less), or try more often (--retries)"
        )
    if kinds["too many open files"]:
        found.append(
            "this process may not have more open files: raise `ulimit -n`, or lower --limit"
        )
    elif descriptors is not None and descriptors < settings.limit:
        found.append(
            f"the limit of open files left room for {descriptors:,} connections, "
            f"not {settings.limit:,}: raise `ulimit -n`"
        )
    if kinds["too large"]:
        found.append("--max-size allows larger bodies, which are held in memory one by one")
    return found


def as_data(
    tally: Tally, output: str, seconds: float, before: int, interrupted: bool
) -> dict[str, Any]:
    """The summary for a program."""
    ordered = sorted(tally.latencies)
    return {
        "output": output,
        "planned": tally.total,
        "fetched": tally.done,
        "failed": tally.failed,
        "remaining": tally.remaining,
        "before": before,
        "retries": tally.retries,
        "bytes": tally.bytes,
        "seconds": round(seconds, 3),
        "times": {f"p{share * 100:g}": round(percentile(ordered, share), 6) for share in SHARES}
        if ordered
        else {},
        "errors": dict(tally.kinds.most_common()),
        "interrupted": interrupted,
    }
