"""What is still pending when a run ends.

`asyncio.run()` and `Runner.close()` cancel what is left without a word. The loop is run once more
for that, by a function of asyncio's; that is how the end of a run is known here.
"""

from __future__ import annotations

import asyncio
from asyncio import runners
from typing import TYPE_CHECKING, Any, NamedTuple

from aioxide.diagnostics import observers, report, sites

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["describe", "is_end_of_run", "tell"]

_CANCELS_ALL = vars(runners)["_cancel_all_tasks"].__code__

# No more groups of tasks than this are described.
_MOST = 10


def is_end_of_run(caller: FrameType | None) -> bool:
    """Whether who calls `run_forever` cancels all tasks; `caller` is its caller."""
    return caller is not None and caller.f_back is not None and caller.f_back.f_code is _CANCELS_ALL


def tell(loop: Any) -> None:
    """Report the tasks that are being cancelled."""
    groups = describe(loop, [task for task in asyncio.all_tasks(loop) if not task.done()])
    groups = [group for group in groups if not (group.is_packages_own or _closes_generator(group))]
    if not groups:
        return
    for group in groups:
        observers.tell(observers.Leak("tasks", (*group.names, group.coroutine), group.lines))
    tasks = sum(len(group.names) for group in groups)
    one = tasks == 1
    count = "1 task was" if one else f"{tasks} tasks were"
    text = [f"{count} still pending at the end of the run, and {'is' if one else 'are'} cancelled"]
    for group in groups[:_MOST]:
        text += group.lines
    more = sum(len(group.names) for group in groups[_MOST:])
    if more:
        text.append(f"and {more} more")
    fields = {"tasks": tasks, "groups": [group.fields for group in groups]}
    report.emit(loop, "pending", text, fields)


def _closes_generator(group: Group) -> bool:
    """Whether the loop has spawned it, to close a generator that was left before its end."""
    return group.spawned is None and group.coroutine == "async_generator_athrow"


class Group(NamedTuple):
    """Tasks of one coroutine, spawned at one line, that wait at one line."""

    coroutine: str
    names: list[str]
    begun: bool
    waits: sites.Place | None
    spawned: sites.Place | None
    is_packages_own: bool
    """It is none of the program's business."""

    @property
    def lines(self) -> list[str]:
        names = ", ".join(map(repr, self.names[:3]))
        if len(self.names) > 3:
            names += f" and {len(self.names) - 3} more"
        lines = [f"{names}  {self.coroutine}()"]
        if not self.begun:
            lines.append("  never began")
        for word, place in (("waits  ", self.waits), ("spawned", self.spawned)):
            if place is not None:
                lines.append(f"  {word}  {place}    {place.source}".rstrip())
        return lines

    @property
    def fields(self) -> dict[str, Any]:
        return {
            "names": self.names,
            "coroutine": self.coroutine,
            "begun": self.begun,
            "waits": self.waits.fields if self.waits else None,
            "spawned": self.spawned.fields if self.spawned else None,
        }


def describe(loop: Any, tasks: list[asyncio.Task[Any]]) -> list[Group]:
    """The tasks, grouped, the oldest first where their names tell."""
    groups: dict[tuple[str, ...], Group] = {}
    for task in sorted(tasks, key=lambda task: (len(task.get_name()), task.get_name())):
        coroutine = getattr(task.get_coro(), "__qualname__", type(task.get_coro()).__name__)
        waits = sites.innermost_wait(task)
        places = sites.spawn_places(loop, task)
        spawned = sites.own_or_innermost(places)
        theirs = sites.is_packages_own(task, places)
        begun = not sites.is_unstarted(task.get_coro())
        key = (coroutine, str(waits), str(spawned), str(begun), str(theirs))
        group = groups.setdefault(key, Group(coroutine, [], begun, waits, spawned, theirs))
        group.names.append(task.get_name())
    return list(groups.values())
