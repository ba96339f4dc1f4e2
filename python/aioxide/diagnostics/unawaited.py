"""Coroutines that were never awaited.

CPython warns when such a coroutine is dropped. The warning is made here while one of our loops
runs: it says, too, in which task that was. Where it was created CPython says itself when it keeps
track of that (`Diagnostics.origins`); a coroutine that is dropped at once was created on the line
that the warning is about.

Coroutines that something still refers to when the loop is closed are found among all objects
(`Diagnostics.unstarted`).
"""

from __future__ import annotations

import _tracemalloc
import asyncio
import gc
import linecache
import sys
import time
import traceback
import warnings
from types import CoroutineType
from typing import Any

from aioxide.diagnostics import observers, report, sites

__all__ = ["created", "install", "tell_rest", "unstarted"]

# What a search may take of the time of a program that runs loop after loop.
_SHARE = 0.05
_next_search = 0.0


def install() -> None:
    """Make CPython's warning here from now on. What is said where none of our loops runs is its."""
    module: Any = warnings
    module._warn_unawaited_coroutine = _warn


def _warn(coroutine: Any) -> None:
    """As the function of this name in `warnings`, whose text it begins with."""
    name = coroutine.__qualname__
    text = [f"coroutine '{name}' was never awaited\n"]
    if coroutine.cr_origin is not None:
        text.append("Coroutine created at (most recent call last)\n")
        text += traceback.format_list(
            [
                traceback.FrameSummary(
                    file, line, function, line=linecache.getline(file, line) or None
                )
                for file, line, function in reversed(coroutine.cr_origin)
            ]
        )
    message = "".join(text).rstrip("\n")
    loop: Any = asyncio._get_running_loop()
    chosen = getattr(loop, "diagnostics", None)
    if chosen is not None and chosen.never_awaited:
        message = _counted(loop, coroutine, sys._getframe(1), message)
    # Where it was made is said: Python would advise to have it found out.
    told = coroutine.cr_origin is not None and not _tracemalloc.is_tracing()
    source = None if told else coroutine
    warnings.warn(message, category=RuntimeWarning, stacklevel=2, source=source)


def _counted(loop: Any, coroutine: Any, dropped: Any, message: str) -> str:
    """Count it, and add in which task it was dropped: for one line always what was said first.

    Otherwise each would be another message, and Python's filters would show them all.
    """
    name = coroutine.__qualname__
    word, place = "dropped", sites.place_of_frame(dropped)
    if coroutine.cr_origin:
        word, place = "created", sites.Place(*coroutine.cr_origin[0])
    if observers.observers:
        lines = [f"'{name}' was never awaited", f"  {word}  {place}    {place.source}"]
        observers.tell(observers.Leak("coroutines", (name,), lines))
    where = place.file, place.line
    known: list[Any] | None = loop._never_awaited.get((name, *where))
    if known is None:
        task = asyncio.current_task(loop)
        if task is not None:
            message += f"\nDropped in task {task.get_name()!r}"
            spawned = sites.spawn_place(loop, task)
            if spawned is not None:
                message += f", spawned at {spawned}"
        loop._never_awaited[name, *where] = [1, message]
        return message
    known[0] += 1
    return str(known[1])


def tell_rest(loop: Any) -> None:
    """Report, when a loop is closed, how often, and which coroutines were never started."""
    text = []
    often: list[dict[str, Any]] = []
    for (name, file, line), (count, _) in loop._never_awaited.items():
        if count > 1:
            text.append(f"{count} times  '{name}'  {sites.short_name(file)}:{line}")
            often.append({"coroutine": name, "file": file, "line": line, "count": count})
    loop._never_awaited.clear()
    if text:
        report.emit(
            loop,
            "never_awaited",
            ["coroutines that were never awaited, more than once from one line", *text],
            {"coroutines": often},
        )
    if loop.diagnostics.unstarted:
        _tell_unstarted(loop)


def _tell_unstarted(loop: Any) -> None:
    global _next_search
    began = time.perf_counter()
    if began < _next_search:
        return
    found = unstarted(only_with_origin=loop.diagnostics.origins)
    ended = time.perf_counter()
    _next_search = ended + (ended - began) / _SHARE
    if not found:
        return
    places: dict[str, Any] = {}
    for coroutine in found:
        place = created(coroutine)
        entry = places.setdefault(f"{coroutine.__qualname__} {place}", [0, coroutine, place])
        entry[0] += 1
    one = len(found) == 1
    head = "1 coroutine was" if one else f"{len(found)} coroutines were"
    text = [
        f"{head} created and never started; something still refers to {'it' if one else 'them'}"
    ]
    fields = []
    for count, coroutine, place in places.values():
        times = f"  {count} times" if count > 1 else ""
        text.append(f"'{coroutine.__qualname__}'{times}")
        text.append(
            f"  {'created' if coroutine.cr_origin else 'defined'}  {place}    {place.source}"
        )
        fields.append({"coroutine": coroutine.__qualname__, "count": count, **place.fields})
    report.emit(loop, "unstarted", text, {"coroutines": fields})


def created(coroutine: Any) -> sites.Place:
    """Where a coroutine was created, or else defined."""
    if coroutine.cr_origin:
        return sites.Place(*coroutine.cr_origin[0])
    code = coroutine.cr_code
    return sites.Place(code.co_filename, code.co_firstlineno, code.co_qualname)


def unstarted(*, only_with_origin: bool = False) -> list[Any]:
    """The coroutines that nobody has started, nor closed, of all that there are.

    Not those that the warning has told of and that live on because somebody keeps the warning.
    """
    return [
        thing
        for thing in gc.get_objects()
        if type(thing) is CoroutineType
        and sites.is_unstarted(thing)
        and (thing.cr_origin or not only_with_origin)
        and not gc.is_finalized(thing)
    ]
