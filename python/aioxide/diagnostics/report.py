"""How a report gets to stderr: text for people, or one JSON object a line."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from aioxide._terminal import fold, width_of

__all__ = ["emit"]


def emit(loop: Any, kind: str, text: list[str], fields: dict[str, Any]) -> None:
    """Write a report of the loop: `text`, lines of which the first says all, or `fields`.

    Never raises: a program whose stderr is closed runs on.
    """
    if loop.diagnostics.output == "json":
        import json

        line = json.dumps({"report": kind, "time": time.time(), "pid": os.getpid(), **fields})
    else:
        line = "aioxide: " + "\n  ".join(text)
    try:
        if loop.diagnostics.output == "text":
            line = fold(line, width_of(sys.stderr), " " * len("aioxide: "))
        # In one piece: other threads write, too.
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        pass
