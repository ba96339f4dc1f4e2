"""Making aioxide's loop the default of this process: `install` and `uninstall`.

Where a loop comes from in CPython 3.11 to 3.15, outermost call first::

    asyncio.run(), asyncio.Runner without a loop_factory
      asyncio.events.new_event_loop()        also called directly, as asyncio.new_event_loop()
        the policy's new_event_loop()        also called by its get_event_loop(), up to 3.13
          the policy's _loop_factory         <- hooked here

`_loop_factory` is a class attribute of asyncio's default policy and the last step of every way, so
it serves also what took hold of a function before `install()` was called (`from asyncio import
run`), and policies that a program derives from asyncio's. The policy itself stays: the current
loops it remembers, the child watcher, and `get_event_loop_policy()` are as they were, and nothing
deprecated is called, so nothing warns. Replacing `asyncio.new_event_loop` instead would miss the
early importers; setting a policy would forget the current loops.

A policy that was set by someone else and makes its own loops (uvloop's, say) does not come by that
hook. It is replaced by `aioxide.EventLoopPolicy`: the last one to install itself wins, as among
other loops. Nor does uvicorn come by it, which looks for a loop itself: see `_uvicorn.py`. A
program that later sets a policy or passes a `loop_factory` gets what it asks for.
"""

import asyncio.events
import sys
from typing import Any

from ._loop import EventLoop
from ._uvicorn import choose_aioxide, choose_as_before

__all__ = ["install", "uninstall"]


def install(*, http: bool = False) -> None:
    """Make aioxide's loop what asyncio makes by default in this process.

    From now on `asyncio.run()`, `asyncio.Runner`, `asyncio.new_event_loop()` and, up to CPython
    3.13, `asyncio.get_event_loop()` in the main thread make aioxide's loop, unless they are told
    otherwise. So does uvicorn with its loop "auto", which is what it takes if it is told nothing.
    Loops that exist go on as they are. Calling it again changes nothing. Forked children inherit
    it; children that start a new interpreter do not.

    With `http`, programs that import aiohttp use the client of `aioxide.http` from now on: its
    names are put into aiohttp's modules. What has been imported from aiohttp by name before stays
    aiohttp's, so call it first. aiohttp's server is not touched.

    Raises RuntimeError on a CPython that makes its loops in another way than 3.11 to 3.15 do,
    ImportError where `http` is asked for and aiohttp is not installed.
    """
    if sys.version_info >= (3, 16):
        raise RuntimeError(
            "aioxide.install() knows CPython 3.11 to 3.15; "
            "use aioxide.run() or loop_factory=aioxide.new_event_loop"
        )
    from ._policy import DefaultEventLoopPolicy, EventLoopPolicy

    if vars(DefaultEventLoopPolicy)["_loop_factory"] is not EventLoop:
        _replace(DefaultEventLoopPolicy, "_loop_factory", EventLoop)
    # The global, not get_event_loop_policy(): that one warns, and makes a policy where none is set.
    policy = vars(asyncio.events)["_event_loop_policy"]
    if policy is not None and not _makes_our_loop(policy):
        _replace(asyncio.events, "_event_loop_policy", EventLoopPolicy())
    choose_aioxide()
    if http:
        from ._install_http import replacements

        for owner, name, ours in replacements():
            if vars(owner)[name] is not ours:
                _replace(owner, name, ours)


def uninstall() -> None:
    """Undo `install()`: asyncio makes the loops again that it made before.

    What the program itself changed in between (a policy it has set) is left. Loops that exist go on
    as they are. Without `install()` before, it does nothing.
    """
    while _replaced:
        owner, name, ours, previous = _replaced.pop()
        if vars(owner)[name] is ours:
            setattr(owner, name, previous)
    choose_as_before()


# What install() has put where: the owner, the attribute, our object and the one that was there.
_replaced: list[tuple[Any, str, object, object]] = []


def _replace(owner: Any, name: str, ours: object) -> None:
    _replaced.append((owner, name, ours, vars(owner)[name]))
    setattr(owner, name, ours)


def _makes_our_loop(policy: Any) -> bool:
    """Whether a policy that is set gets its loops by the hook, or is ours."""
    from ._policy import DefaultEventLoopPolicy

    new_event_loop = getattr(type(policy), "new_event_loop", None)
    return (
        new_event_loop is DefaultEventLoopPolicy.new_event_loop
        and getattr(policy, "_loop_factory", None) is EventLoop
    )
