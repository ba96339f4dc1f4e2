"""What a run has come to, in words: counts, percentiles, errors by kind, and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aioxide._terminal import fold

from .tally import percentile

if TYPE_CHECKING:
    from .settings import Settings
    from .tally import Tally

__all__ = ["as_data", "as_text", "one_line", "size_text"]

SHARES = (0.5, 0.9, 0.99)
_WIDTH = 80
_INDENT = " " * 8
_EXAMPLE = "    such as "
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
    *,
    listed: bool = False,
    width: int | None = None,
) -> str:
    """The summary, in lines of at most 80 columns or the terminal's `width`, but for URLs.

    `listed`: there is a file of what failed."""
    width = min(width or _WIDTH, _WIDTH)
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
        longest = max(map(len, tally.kinds))
        for kind, count in tally.kinds.most_common():
            example = tally.examples[kind]
            lines.append(f"  {one_line(kind):{longest}} {count:,}")
            lines.append(f"{_EXAMPLE}{one_line(example.url)}")
            text = one_line(example.text)
            if text and text != kind:
                lines.append(fold(f"    {text}", width))
    lines += [f"hint    {hint}" for hint in hints(tally, settings, descriptors)]
    if tally.remaining:
        lines.append(f"stopped: {tally.remaining:,} remain; run the same command again to go on")
    elif tally.failed:
        again = "run the same command again to try the failed ones once more"
        lines.append(again if listed else f"{again}; --failed FILE lists them")
    return "\n".join(
        # A URL goes from one line of a terminal to the next as it is.
        line if line.startswith(_EXAMPLE) else fold(line, width, _INDENT)
        for line in lines
    )


def hints(tally: Tally, settings: Settings, descriptors: int | None) -> list[str]:
    """What to change, if something that can be changed was in the way."""
    found: list[str] = []
    many = max(1, tally.total * _MANY)
    kinds = tally.kinds
    timeouts = kinds["timeout"]
    if timeouts >= many:
        less = ""
        if tally.total > 1 and settings.per_host > 1:
            less = f"ask less at a time (--per-host {settings.per_host // 2}), or "
        found.append(
            f"{timeouts:,} timeout{'' if timeouts == 1 else 's'}: the servers are slower than what "
            f"they were asked; {less}wait longer (--timeout {settings.timeout * 2:g})"
        )
    refused = sum(count for kind, count in kinds.items() if kind in ("HTTP 429", "HTTP 503"))
    if refused >= many:
        found.append(
            f"{refused:,} answer{'' if refused == 1 else 's'} said that it was too much: ask more "
            "slowly "
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
