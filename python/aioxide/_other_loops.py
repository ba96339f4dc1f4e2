"""What `aioxide run` says of a loop that the program picks itself, which is left alone."""

import asyncio
import contextlib
import sys
from asyncio import events
from typing import TextIO

from ._aioxide import Loop
from ._terminal import say

__all__ = ["tell_of_other_loops"]


def tell_of_other_loops() -> None:
    """Tell once of each kind of loop that runs and is not aioxide's.

    A loop says that it runs by asyncio's `_set_running_loop`: asyncio's own calls it in `events`,
    uvloop what it finds in `asyncio` when it is imported.
    """
    begin = events._set_running_loop
    told: set[type] = set()

    def _set_running_loop(loop: asyncio.AbstractEventLoop | None) -> None:
        begin(loop)
        kind = type(loop)
        if loop is not None and kind not in told and not isinstance(loop, Loop):
            told.add(kind)
            tell_of(kind)

    events._set_running_loop = _set_running_loop
    asyncio._set_running_loop = _set_running_loop


def tell_of(kind: type) -> None:
    """Never raises: a program whose stderr is closed runs on."""
    stream: TextIO | None = sys.stderr
    if stream is None:
        return
    with contextlib.suppress(OSError, ValueError):
        say(
            f"not on aioxide's loop: the program has picked {kind.__module__}."
            f"{kind.__qualname__} itself. Have it pick aioxide.new_event_loop, or none"
        )
