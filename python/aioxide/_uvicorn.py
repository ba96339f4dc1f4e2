"""uvicorn's loop "auto", which is aioxide's after `install()`.

`uvicorn.run()` asks asyncio for no loop. It takes the one that the module `uvicorn.loops.auto`
names, which is uvloop's where that can be imported, and imports the module when a server starts.
"""

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from ._loop import EventLoop

__all__ = ["choose_aioxide", "choose_as_before"]

NAME = "uvicorn.loops.auto"


def auto_loop_factory(use_subprocess: bool = False) -> Callable[[], EventLoop]:
    """What uvicorn calls from 0.36 on."""
    return EventLoop


def auto_loop_setup(use_subprocess: bool = False) -> None:
    """What it calls before: to set a policy, and asks asyncio for a loop then."""


class Finder:
    """Finds the module in uvicorn's place, and makes it."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        loader: Any = self
        return ModuleSpec(name, loader) if name == NAME else None

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(auto_loop_factory=auto_loop_factory, auto_loop_setup=auto_loop_setup)


finder = Finder()


def choose_aioxide() -> None:
    """Calling it again changes nothing."""
    if finder not in sys.meta_path:
        sys.meta_path.insert(0, finder)
        sys.modules.pop(NAME, None)


def choose_as_before() -> None:
    if finder in sys.meta_path:
        sys.meta_path.remove(finder)
        sys.modules.pop(NAME, None)
