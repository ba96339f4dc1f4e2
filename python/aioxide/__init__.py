"""asyncio, in Rust: a drop-in event loop for CPython.

Three ways to use it::

    aioxide.run(main())         # where the program says asyncio.run(main())
    import aioxide as asyncio   # every name of asyncio is here
    aioxide.install()           # from now on asyncio itself makes aioxide's loops

and a fourth that changes nothing in the program: ``aioxide run program.py``. `aioxide.http` is
aiohttp's client on this loop; `amap`, `stream`, `Limiter`, `Retry` and `threaded` make many calls
at once, on any loop.

A name that aioxide does not define is CPython's own object: ``aioxide.Task is asyncio.Task``.
Names that asyncio itself makes only on demand (deprecated ones) or that are not in its `__all__`
(its submodules) are looked up there on demand, and bring asyncio's own warnings with them.
"""

import asyncio
import sys
from typing import TYPE_CHECKING

from ._aioxide import __version__ as __version__
from ._concurrent import as_completed as as_completed
from ._concurrent import gather as gather
from ._diagnostics import Diagnostics as Diagnostics
from ._install import install as install
from ._install import uninstall as uninstall
from ._label import label as label
from ._loop import EventLoop as EventLoop
from ._loop import new_event_loop as new_event_loop
from ._no_leaks import LeakError as LeakError
from ._no_leaks import no_leaks as no_leaks
from ._runner import Runner as Runner
from ._runner import run as run

__all__ = list(asyncio.__all__)
__all__ += [
    "Diagnostics",
    "EventLoop",
    "LeakError",
    "Runner",
    "install",
    "label",
    "new_event_loop",
    "no_leaks",
    "run",
    "uninstall",
]

# What is imported when it is asked for, to keep `import aioxide` short: the name, and its module.
_LATER = dict.fromkeys(
    (
        "AutoLimit",
        "FanOutError",
        "Limiter",
        "Progress",
        "Result",
        "Retry",
        "Stream",
        "amap",
        "stream",
    ),
    "fanout",
)
# Not `threads`: that is a module of asyncio.
_LATER["threaded"] = "_threads"
# A module, and no name of one.
_LATER["from_thread"] = ""
__all__ += list(_LATER)
# Not in __all__: it needs packages that may be missing.
_LATER["http"] = ""

# CPython 3.16 has no policies; from 3.14 on, get_event_loop() makes no loop that could be ours.
if sys.version_info < (3, 16):
    from ._policy import EventLoopPolicy as EventLoopPolicy

    __all__ += ["EventLoopPolicy"]
if sys.version_info < (3, 14):
    from ._policy import get_event_loop as get_event_loop

# The first definition of a name holds for mypy, as in the loop below; the last one for pyright.
if TYPE_CHECKING:
    from asyncio import *  # type: ignore[assignment, no-redef]  # noqa: F403
    from asyncio import TaskGroup as TaskGroup  # not in the __all__ of CPython 3.11
    from asyncio import base_events as base_events
    from asyncio import coroutines as coroutines
    from asyncio import events as events
    from asyncio import exceptions as exceptions
    from asyncio import futures as futures
    from asyncio import locks as locks
    from asyncio import log as log
    from asyncio import protocols as protocols
    from asyncio import queues as queues
    from asyncio import runners as runners
    from asyncio import streams as streams
    from asyncio import subprocess as subprocess
    from asyncio import tasks as tasks
    from asyncio import transports as transports

    from . import from_thread as from_thread
    from . import http as http
    from ._concurrent import as_completed as as_completed
    from ._concurrent import gather as gather
    from ._loop import EventLoop as EventLoop
    from ._loop import new_event_loop as new_event_loop
    from ._runner import Runner as Runner
    from ._runner import run as run
    from ._threads import threaded as threaded
    from .fanout import AutoLimit as AutoLimit
    from .fanout import FanOutError as FanOutError
    from .fanout import Limiter as Limiter
    from .fanout import Progress as Progress
    from .fanout import Result as Result
    from .fanout import Retry as Retry
    from .fanout import Stream as Stream
    from .fanout import amap as amap
    from .fanout import stream as stream

    if sys.version_info < (3, 16):
        from ._policy import EventLoopPolicy as EventLoopPolicy
    if sys.version_info < (3, 14):
        from ._policy import get_event_loop as get_event_loop
else:
    for _name in asyncio.__all__:
        globals().setdefault(_name, getattr(asyncio, _name))
    del _name

    # Not for type checkers: to them a module with __getattr__ has every name, misspelt ones too.
    def __getattr__(name):
        if name in _LATER:
            value = globals()[name] = _imported(name)
            return value
        if name in vars(asyncio):
            return getattr(asyncio, name)
        return _on_demand(name)

    def __dir__():
        # Who asks for all that is listed expects to get it.
        return sorted({*globals(), *_LATER, *dir(asyncio)} - ({"http"} - globals().keys()))


def _imported(name: str) -> object:
    import importlib

    module = importlib.import_module(f"{__name__}.{_LATER[name] or name}")
    return getattr(module, name) if _LATER[name] else module


def _on_demand(name: str) -> object:
    """What asyncio's own `__getattr__` makes; its warning names the line that asked aioxide."""
    import warnings

    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        try:
            value: object = getattr(asyncio, name)
        except AttributeError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    for warning in given:
        warnings.warn(warning.message, stacklevel=3)
    return value
