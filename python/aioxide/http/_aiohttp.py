"""aiohttp, where it is installed: whose classes ours have to be.

Programs catch `aiohttp.ClientError` and ask `isinstance(params, aiohttp.TraceRequestStartParams)`,
also in packages that never heard of aioxide. So a class that others compare with is aiohttp's own
where aiohttp can be imported, and is defined here only for where it cannot. Decided once, at
import: a class that changed later would be two classes.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["INSTALLED", "lookup", "shared"]

_C = TypeVar("_C", bound=type)


def _installed() -> bool:
    try:
        importlib.import_module("aiohttp")
    except ImportError:  # also an aiohttp that is broken: it cannot be the program's, then
        return False
    return True


INSTALLED = _installed()


def lookup(module: str, name: str) -> Any:
    """What aiohttp's module calls `name`, or None: no aiohttp, or one that lacks it."""
    if not INSTALLED:
        return None
    try:
        return getattr(importlib.import_module(f"aiohttp.{module}"), name, None)
    except ImportError:
        return None


def shared(
    module: str, *, name: str | None = None, fits: Callable[[Any], bool] | None = None
) -> Callable[[_C], _C]:
    """Put aiohttp's class of the same name, or of `name`, in the place of the decorated one.

    A later class that derives from it then derives from aiohttp's, so one that an older aiohttp
    lacks is still caught as what it is. `fits` may refuse aiohttp's class.
    """

    def choose(own: _C) -> _C:
        theirs = lookup(module, name or own.__name__)
        if theirs is None or (fits is not None and not fits(theirs)):
            return own
        chosen: _C = theirs
        return chosen

    return choose
