"""What a command says on a terminal: lines that break between words, and errors."""

from __future__ import annotations

import os
import sys
from typing import NoReturn, TextIO

__all__ = ["fail", "fold", "open_streams", "say", "width_of"]

#: Below this, lines are broken by the terminal.
_LEAST = 20


def open_streams() -> None:
    """Open the standard streams that were closed when the process began, on nothing: a file of the
    program must not get their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free.
            os.open(os.devnull, os.O_RDWR)
    # typeshed has them always there.
    streams: list[TextIO | None] = [sys.stdin, sys.stdout, sys.stderr]
    if None in streams:
        sys.stdin = streams[0] or os.fdopen(0, encoding="utf-8", closefd=False)
        sys.stdout = streams[1] or os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = streams[2] or os.fdopen(2, "w", encoding="utf-8", closefd=False)


def width_of(stream: TextIO) -> int | None:
    """The columns of the terminal that a stream is; None where it is none."""
    try:
        if not stream.isatty():
            return None
        told = os.environ.get("COLUMNS", "")
        if told.isascii() and told.isdigit() and int(told):
            return int(told)
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def fold(text: str, width: int | None, indent: str = "") -> str:
    """Break lines that are longer between words, and what follows begins with the line's own
    indentation and `indent`. A word that is longer, such as a URL, stays whole."""
    if width is None or width < _LEAST:
        return text
    lines = text.split("\n")
    if max(map(len, lines)) <= width:
        return text
    import textwrap

    folded: list[str] = []
    for line in lines:
        if len(line) <= width:
            folded.append(line)
            continue
        own = line[: len(line) - len(line.lstrip(" "))]
        folded += textwrap.wrap(
            line, width, subsequent_indent=own + indent, break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip
    return "\n".join(folded)


def say(message: str) -> None:
    """Say it on standard error."""
    width = width_of(sys.stderr)
    for line in message.splitlines():
        print(fold(f"aioxide: {line}", width, " " * 9), file=sys.stderr)


def fail(message: str, code: int = 2) -> NoReturn:
    """Say it on standard error, and exit."""
    say(message)
    sys.exit(code)
