"""Which loop the client runs on: this package's."""

from __future__ import annotations

import asyncio

from aioxide import _aioxide


def native_loop(loop: asyncio.AbstractEventLoop | None = None) -> asyncio.AbstractEventLoop:
    """The running loop, or the given one. Raises RuntimeError when none runs, or when it is another
    kind of loop: the client's connections are read by aioxide's."""
    loop = loop or asyncio.get_running_loop()
    if not isinstance(loop, _aioxide.Loop):
        kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
        raise RuntimeError(
            f"aioxide.http needs aioxide's event loop, and this one is {kind}. Start the program "
            "with aioxide.run(main()), or with `aioxide run --http script.py`, or call "
            "aioxide.install() before asyncio.run()."
        )
    return loop
