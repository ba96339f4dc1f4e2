"""The loops, by name: how to make one, and whether this interpreter has it."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import platform
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import processes
from .model import MeasureError

if TYPE_CHECKING:
    import asyncio

OURS = "aioxide"
NAMES = (OURS, "asyncio", "uvloop", "rloop", "zuvloop")
#: Our loop with `Diagnostics.off()`: no peer, it is measured where the price of diagnostics is.
UNWATCHED = "unwatched"


def is_ours(name: str) -> bool:
    """Whether a column is aioxide's, or of something that runs on its loop, or beside it."""
    return name == OURS or name.endswith(f" on {OURS}") or name.startswith(f"{OURS} + ")


def factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """The function that makes a loop; every package calls it `new_event_loop`."""
    if name == UNWATCHED:
        ours = importlib.import_module(OURS)
        return functools.partial(ours.new_event_loop, diagnostics=ours.Diagnostics.off())
    if name not in NAMES:
        raise ValueError(f"no loop is called {name!r}; there are {', '.join(NAMES)}")
    made: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module(name).new_event_loop
    return made


def package(name: str) -> str:
    """What the loop is in."""
    return OURS if name == UNWATCHED else name


def version(name: str) -> str:
    if name == "asyncio":
        return platform.python_version()
    name = package(name)
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


@functools.cache
def why_absent(name: str, module: str = "") -> str:
    """Empty if a process of its own can make, run and close this loop; else the reason.

    With a module it imports that as well.
    """
    if importlib.util.find_spec(package(name)) is None:
        return "not installed"
    command = [sys.executable, "-m", "bench.programs.probe", name, *([module] if module else [])]
    try:
        processes.run_json(command, 20)
    except MeasureError as error:
        return str(error)
    return ""
