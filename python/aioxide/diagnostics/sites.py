"""Places in a program, for people: from raw (code, instruction) pairs, frames and coroutines.

A pair is what costs least: most are never asked for their line.
"""

from __future__ import annotations

import asyncio
import linecache
import os
import posix
import sys
import traceback
from itertools import islice
from types import CoroutineType
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType, FrameType

__all__ = [
    "Pair",
    "Place",
    "caller",
    "innermost_wait",
    "is_ours",
    "is_packages_own",
    "is_unstarted",
    "line_at",
    "made_at",
    "of_package",
    "outside",
    "own_or_innermost",
    "own_place",
    "place_at",
    "place_of_frame",
    "short_name",
    "spawn_place",
    "spawn_places",
    "spawn_summary",
    "where",
]

#: A code object, and an instruction of it as `frame.f_lasti`.
Pair: TypeAlias = "tuple[CodeType, int]"

#: aioxide itself, which is nobody's program.
_OWN = os.path.dirname(os.path.dirname(__file__)) + os.sep
_OURS = (os.path.dirname(asyncio.__file__) + os.sep, _OWN)
_STANDARD = os.path.dirname(linecache.__file__) + os.sep
_PACKAGES = (_STANDARD, _OWN)
_LIBRARY = (*_OURS, _STANDARD, "<frozen ")
#: Where packages are, whoever has installed them, and for whichever interpreter. sysconfig would
#: say it of this one only, and takes 2 ms to begin.
_FOLDERS = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
#: The file of the frame that CPython puts between a caller and the `__init__()` that it has called
#: often. Nobody has written it.
_STUB = "__init__"


class Place:
    """A line of a file, in a function."""

    __slots__ = ("file", "function", "line")

    def __init__(self, file: str, line: int | None, function: str) -> None:
        self.file = file
        self.line = line or 0
        self.function = function

    def __str__(self) -> str:
        return f"{short_name(self.file)}:{self.line} in {self.function}"

    @property
    def source(self) -> str:
        """The text of the line; empty where there is none."""
        return linecache.getline(self.file, self.line).strip() if self.line else ""

    @property
    def is_in_package(self) -> bool:
        return of_package(self.file)

    @property
    def fields(self) -> dict[str, Any]:
        """For a report in JSON."""
        return {
            "file": self.file,
            "line": self.line,
            "function": self.function,
            "source": self.source,
        }


def short_name(file: str) -> str:
    """A file's name as it is quoted: from where packages are on, or from the current directory."""
    for folder in _FOLDERS:
        _, found, rest = file.rpartition(folder)
        if found:
            return rest
    try:
        # Not os.getcwd(): programs replace that to find calls that block, and this one is ours.
        here = posix.getcwd() + os.sep
    except OSError:
        here = ""
    if here and file.startswith(here):
        return file.removeprefix(here)
    return file.removeprefix(_STANDARD)


def is_ours(code: CodeType) -> bool:
    """Whether code is asyncio's or aioxide's own, which nobody looks for."""
    return code.co_filename.startswith(_OURS)


def of_package(file: str) -> bool:
    """Whether a file is an installed package's or the standard library's, and so not the program's
    own."""
    return file.startswith(_PACKAGES) or any(folder in file for folder in _FOLDERS)


def line_at(code: CodeType, instruction: int) -> int | None:
    """The line of an instruction, given as `frame.f_lasti`; None where it has none."""
    if instruction < 0:
        return code.co_firstlineno
    positions = next(islice(code.co_positions(), instruction // 2, None), None)
    return None if positions is None else positions[0]


def spawn_places(loop: Any, task: Any) -> list[Place]:
    """Where a task was spawned, from the innermost frame outwards, as far as the loop knows."""
    if not hasattr(loop, "_spawn_site"):
        return []
    places = []
    for code, instruction in loop._spawn_site(task):
        if code.co_name == "run_forever" and is_ours(code):
            break  # under it is who runs the loop
        if code.co_filename == _STUB:
            continue
        places.append((code, place_at(code, instruction)))
    return [place for code, place in places if not is_ours(code)]


def spawn_place(loop: Any, task: Any) -> Place | None:
    """The line that has spawned a task, the program's own where it is known; None where none is."""
    return own_or_innermost(spawn_places(loop, task))


def own_or_innermost(places: list[Place]) -> Place | None:
    """The innermost of the program's own, or else the innermost; None where there is none."""
    own = (place for place in places if not place.is_in_package)
    return next(own, places[0] if places else None)


def spawn_summary(loop: Any, task: Any) -> traceback.StackSummary | None:
    """Where a task was spawned, as asyncio's debug mode has it in `source_traceback`."""
    frames = [
        (place.file, place.line, place.function.rpartition(".")[2], None)
        for place in reversed(spawn_places(loop, task))
    ]
    return traceback.StackSummary.from_list(frames) if frames else None


def place_at(code: CodeType, instruction: int) -> Place:
    return Place(code.co_filename, line_at(code, instruction), code.co_qualname)


def place_of_frame(frame: FrameType) -> Place:
    return Place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_qualname)


def own_place(frame: FrameType | None) -> Place | None:
    """The innermost frame of the program's own, from `frame` outwards."""
    while frame is not None:
        if not is_ours(frame.f_code):
            return place_of_frame(frame)
        if frame.f_code.co_name == "run_forever":
            break
        frame = frame.f_back
    return None


def caller(depth: int) -> Pair | None:
    """The place so many calls above the function that asks; None where there are not so many.

    A request has no time for more.
    """
    try:
        frame = sys._getframe(depth + 1)
    except ValueError:
        return None
    return frame.f_code, frame.f_lasti


def outside(frame: FrameType | None) -> Pair | None:
    """The place where `frame` is, or its nearest caller that is no part of aioxide."""
    while frame is not None and frame.f_code.co_filename.startswith(_OWN):
        frame = frame.f_back
    return None if frame is None else (frame.f_code, frame.f_lasti)


def made_at(pair: Pair | None) -> str:
    """What a warning says of where something was made; nothing, if that is in aioxide itself."""
    if pair is None or pair[0].co_filename.startswith(_OWN):
        return ""
    return f", made at {where(pair)}"


def where(pair: Pair) -> str:
    """A place as warnings of the client have it."""
    place = place_at(*pair)
    return f"{place.file}:{place.line}, in {place.function}"


def innermost_wait(task: Any) -> Place | None:
    """The line at which a suspended task waits; None when it has not begun.

    The innermost of the program's own, or else of a package: what that does inside is its business.
    """
    own = other = None
    for frame in _suspended(task.get_coro()):
        if not of_package(frame.f_code.co_filename):
            own = frame
        elif other is None or not is_ours(frame.f_code):
            other = frame
    found = own or other
    return None if found is None else place_of_frame(found)


def is_packages_own(task: Any, places: list[Place]) -> bool:
    """Whether a task is a package's own business: one that a package has spawned, at `places`, and
    that is in no code of the program's.

    Where it is not known who has spawned it, a package is who made its coroutine, the standard
    library not.
    """
    if places and not places[0].is_in_package:
        return False
    coroutine = task.get_coro()
    if is_unstarted(coroutine):
        codes = [coroutine.cr_code]
    else:
        codes = [frame.f_code for frame in _suspended(coroutine)]
    if any(not of_package(code.co_filename) for code in codes):
        return False
    return bool(places) or not all(code.co_filename.startswith(_LIBRARY) for code in codes)


# Coroutines, generators, asynchronous generators: the frame, whether it waits, and for what.
_KINDS = (
    ("cr_frame", "cr_suspended", "cr_await"),
    ("gi_frame", "gi_suspended", "gi_yieldfrom"),
    ("ag_frame", "ag_suspended", "ag_await"),
)


def _suspended(awaited: Any) -> Iterable[FrameType]:
    """The frames of a chain of coroutines, from the outermost inwards."""
    while True:
        for frame_name, suspended, following in _KINDS:
            frame = getattr(awaited, frame_name, None)
            # CPython 3.11 does not say it of asynchronous generators.
            if frame is not None and getattr(awaited, suspended, True):
                yield frame
                awaited = getattr(awaited, following)
                break
        else:
            return


def is_unstarted(coroutine: Any) -> bool:
    """Whether nobody has started a coroutine, nor closed it."""
    return (
        isinstance(coroutine, CoroutineType)
        and coroutine.cr_frame is not None
        and not coroutine.cr_suspended
        and not coroutine.cr_running
    )
