"""What a piece of a program leaves behind on a loop: tasks, coroutines, exceptions, transports.

What was there before is looked at once, what is there after is compared with it.
"""

from __future__ import annotations

import asyncio
import weakref
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from aioxide.diagnostics import observers, pending, sites, unawaited
from aioxide.diagnostics.observers import KINDS, Leak

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

__all__ = [
    "TURNS",
    "Around",
    "Before",
    "CoroutinesBefore",
    "explain",
    "lost_exceptions",
    "tell_rest",
    "without",
]

TURNS = 5
"""A loop is given this many turns to end what is about to end."""


class Before:
    """What was on a loop, or nothing, of a loop that is to be made."""

    def __init__(self, loop: Any, *, nothing: bool = False) -> None:
        self.loop = loop
        self._tasks: weakref.WeakSet[Any] = weakref.WeakSet()
        # Not the transports: one that nobody holds is to be collected.
        self._transports: set[int] = set()
        if not nothing:
            self._tasks.update(asyncio.all_tasks(loop))
            self._transports.update(map(id, _transports(loop)))

    def left(self, *, but: Iterable[Any] = (), only_own: bool = False) -> list[Leak]:
        """What is there now and was not before; `but` are tasks that are none, nor are those that
        packages have spawned for themselves, if `only_own`."""
        if self.loop.is_closed():
            return []
        tasks = [
            task
            for task in asyncio.all_tasks(self.loop)
            if not task.done() and task not in self._tasks and task not in but
        ]
        groups = pending.describe(self.loop, tasks)
        found = [
            Leak("tasks", (*group.names, group.coroutine), group.lines)
            for group in groups
            if not (only_own and group.is_packages_own)
        ]
        found += [
            _transport(transport)
            for transport in _transports(self.loop)
            if id(transport) not in self._transports
        ]
        return found


class CoroutinesBefore:
    """Which coroutines there were that nobody had started, on whatever loop."""

    def __init__(self) -> None:
        self._known = weakref.WeakSet(unawaited.unstarted())

    def left(self, loops: Iterable[Any]) -> list[Leak]:
        """The coroutines that nobody has started since, nor made a task of one of the loops."""
        of_tasks = {
            id(task.get_coro())
            for loop in loops
            if not loop.is_closed()
            for task in asyncio.all_tasks(loop)
        }
        return [
            _coroutine(coroutine)
            for coroutine in unawaited.unstarted()
            if coroutine not in self._known and id(coroutine) not in of_tasks
        ]


class Around:
    """``with Around(loops) as around:`` a test; `around.left()` is then what it has left.

    `loops` may grow meanwhile: of one that is made in the block everything counts. What loops tell
    that end in the block counts, too.
    """

    def __init__(self, loops: Iterable[Any]) -> None:
        self._loops = loops
        self._before = {loop: Before(loop) for loop in self._open()}
        self._coroutines = CoroutinesBefore()
        self._told: list[Leak] = []

    def __enter__(self) -> Self:
        observers.observers.append(self._told.append)
        return self

    def __exit__(self, *_: object) -> None:
        observers.observers.remove(self._told.append)

    def left(self, allowed: Iterable[str] = (), unheeded: Iterable[str] = ()) -> list[Leak]:
        """To be called once, after the block. `allowed` and `unheeded` are names or kinds that may
        be left; a loop that has nothing but what is unheeded is not run to end it."""
        found = list(self._told)
        loops = self._open()
        for loop in loops:
            found += self._left_on(loop, unheeded)
        found += self._coroutines.left(loops)
        for loop in loops:
            found += lost_exceptions(loop)
        return without(found, [*allowed, *unheeded])

    def _open(self) -> list[Any]:
        return [loop for loop in self._loops if not loop.is_closed()]

    def _left_on(self, loop: Any, unheeded: Iterable[str]) -> list[Leak]:
        """Tasks. A transport may be a fixture's: the loop's end tells of it. So may what a package
        has spawned, the handler of a server's connection, say."""
        before = self._before.get(loop) or Before(loop, nothing=True)
        unheeded = [*unheeded, "transports"]
        left = without(before.left(only_own=True), unheeded)
        if left and not loop.is_running():
            # What is about to end may do so.
            for _ in range(TURNS):
                loop.call_soon(loop.stop)
                loop.run_forever()
            left = without(before.left(only_own=True), unheeded)
        return left


def _transports(loop: Any) -> list[Any]:
    return loop._open_transports() if hasattr(loop, "_open_transports") else []


def _transport(transport: Any) -> Leak:
    lines = [repr(transport)]
    ask = getattr(transport, "get_extra_info", None)
    if ask is not None:
        ends = [f"{word} {ask(name)!r}" for word, name in _ENDS if ask(name)]
        lines += [f"  {' '.join(ends)}"] if ends else []
        protocol = transport.get_protocol()
        # Under TLS, that of the program.
        protocol = getattr(protocol, "_app_protocol", None) or protocol
        lines.append(f"  protocol  {type(protocol).__qualname__}")
    return Leak("transports", (type(transport).__name__,), lines)


_ENDS = (("from", "sockname"), ("to", "peername"))


def lost_exceptions(loop: Any) -> list[Leak]:
    """Tasks that have failed and that nobody has asked yet. They are not reported again."""
    if not hasattr(loop, "_take_lost"):
        return []
    found = []
    weak_tasks, _ = loop._take_lost(float("inf"))
    for weak in weak_tasks:
        task = weak()
        if task is not None and task._log_traceback:
            task._log_traceback = False
            found.append(_lost(loop, task))
    return found


def _lost(loop: Any, task: Any) -> Leak:
    lines = [f"{task.get_name()!r} failed with {task._exception!r}, and nobody has asked for it"]
    place = sites.spawn_place(loop, task)
    if place is not None:
        lines.append(f"  spawned  {place}    {place.source}")
    coroutine = getattr(task.get_coro(), "__qualname__", "")
    return Leak("exceptions", (task.get_name(), coroutine), lines)


def tell_rest(loop: Any) -> None:
    """Tell the observers what a loop that is being closed still has."""
    for leak in [*lost_exceptions(loop), *Before(loop, nothing=True).left()]:
        if leak.kind != "tasks":  # those were told when the run ended, or are destroyed
            observers.tell(leak)


def _coroutine(coroutine: Any) -> Leak:
    name = coroutine.__qualname__
    place = unawaited.created(coroutine)
    word = "created" if coroutine.cr_origin else "defined"
    lines = [f"'{name}' was never started", f"  {word}  {place}    {place.source}"]
    return Leak("coroutines", (name,), lines)


def without(leaks: list[Leak], allowed: Iterable[str]) -> list[Leak]:
    """The leaks that are not allowed by their kind or by one of their names.

    A name may have wildcards: ``"poll*"``.
    """
    patterns = list(allowed)
    return [
        leak
        for leak in leaks
        if leak.kind not in patterns
        and not any(fnmatchcase(name, pattern) for name in leak.names for pattern in patterns)
    ]


def explain(leaks: list[Leak]) -> str:
    """The leaks in words, by kind."""
    lines = []
    for kind in KINDS:
        of_kind = [leak for leak in leaks if leak.kind == kind]
        if of_kind:
            lines.append(f"{kind} left:")
            for leak in of_kind:
                lines += [f"  {line}" for line in leak.lines]
    return "\n".join(lines)
