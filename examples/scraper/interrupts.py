"""Ctrl-C and SIGTERM: both raise KeyboardInterrupt, but not while a process is being started.

An exception out of `Popen` itself would leave a process that nobody knows of.
"""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_held = 0
_came = False


def install() -> None:
    """Takes over both signals, for the rest of the program."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _handle)


def ignore() -> None:
    """From now on neither signal does anything."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Puts an interrupt off to the end of the block."""
    global _held, _came
    _held += 1
    try:
        yield
    finally:
        _held -= 1
    if _came and not _held:
        _came = False
        raise KeyboardInterrupt


def _handle(*_: object) -> None:
    global _came
    if _held:
        _came = True
    else:
        raise KeyboardInterrupt
