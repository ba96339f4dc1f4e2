"""`threaded()`: a synchronous client, to be awaited."""

from __future__ import annotations

from functools import partial, update_wrapper
from inspect import isclass, iscoroutinefunction, isroutine
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from ._call import Call, Entry, iterate
from ._lane import Lane

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

__all__ = ["ThreadedFunction", "ThreadedObject", "proxy_of", "threaded"]

P = ParamSpec("P")
R = TypeVar("R")

# What there is nothing to wait for in.
_PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray, tuple, list, dict, set)


@overload
def threaded(  # type: ignore[overload-overlap]
    target: Callable[P, R], /, *, limit: int | None = ...
) -> ThreadedFunction[P, R]: ...
@overload
def threaded(target: object, /, *, limit: int | None = ...) -> ThreadedObject: ...
def threaded(target: Any, /, *, limit: int | None = None) -> Any:
    """An awaitable proxy of a synchronous function or object: its calls run in threads.

        read = aioxide.threaded(Path.read_text)
        text = await read(path)

        async with aioxide.threaded(sqlite3.connect, limit=1)("x.db") as db:
            async for row in db.execute("SELECT ..."):
                ...

    - Of a function or a class: a function whose calls are awaited, entered by `async with` or
      iterated by `async for`; see `Call`. Results are given as they are, without a proxy.
    - Of an object: its methods are such functions; other attributes are read and set as they are,
      in the loop's thread. `async with` enters it, `async for` iterates it.
    - `limit`: how many of the proxy's calls may be in threads at a time; others wait. By default as
      many as the loop's executor has threads. With 1 all of them run in one and the same thread,
      which objects want that are bound to a thread, as those of sqlite3 are.

    Each call runs in a copy of the caller's context. The threads belong to the running loop; they
    end with it, and asyncio.run() waits for those that are at work.

    A call that is cancelled is no longer waited for. A thread cannot be stopped: one that is at it
    goes on, keeps its place in the limit, and its result is dropped; the CancelledError has a note
    that says so. A call that has not begun is not made.

    Raises TypeError for an async function or None, and ValueError for a limit below 1.
    """
    if iscoroutinefunction(target):
        raise TypeError(f"{target.__qualname__} is async already")
    if target is None:
        raise TypeError(
            "threaded() of None; give a function or an object, not what a call returned"
        )
    return wrap(target, Lane(limit))


def wrap(target: Any, lane: Lane) -> Any:
    """A proxy whose calls are in a lane."""
    if isclass(target) or isroutine(target) or isinstance(target, partial):
        return ThreadedFunction(target, lane)
    return ThreadedObject(target, lane)


def proxy_of(value: Any, lane: Lane) -> Any:
    """A proxy, or the value itself if that is plain data."""
    return value if isinstance(value, _PLAIN) else wrap(value, lane)


class ThreadedFunction(Generic[P, R]):
    """A function whose calls run in threads."""

    def __init__(self, fn: Callable[P, R], lane: Lane) -> None:
        update_wrapper(self, fn)
        self._fn = fn
        self._lane = lane

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Call[R]:
        return Call(self._lane, self._fn, args, kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """A threaded function in a class is a method, as a function is."""
        return self if instance is None else partial(self, instance)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return f"<threaded {self._fn!r}>"


class ThreadedObject:
    """An object whose methods run in threads. `__wrapped__` is the object itself."""

    __slots__ = ("__weakref__", "__wrapped__", "_aioxide_lane", "_aioxide_with")

    def __init__(self, target: object, lane: Lane) -> None:
        object.__setattr__(self, "__wrapped__", target)
        object.__setattr__(self, "_aioxide_lane", lane)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.__wrapped__, name)
        if not callable(value) or iscoroutinefunction(value):
            return value
        return ThreadedFunction(value, self._aioxide_lane)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.__wrapped__, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.__wrapped__, name)

    def __dir__(self) -> list[str]:
        return dir(self.__wrapped__)

    def __repr__(self) -> str:
        return f"<threaded {self.__wrapped__!r}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Call[Any]:
        return Call(self._aioxide_lane, self.__wrapped__, args, kwargs)

    def __aiter__(self) -> AsyncIterator[Any]:
        return iterate(self._aioxide_lane, partial(iter, self.__wrapped__))

    async def __aenter__(self) -> Any:
        manager = Entry(self._aioxide_lane, lambda: self.__wrapped__)
        object.__setattr__(self, "_aioxide_with", manager)
        return await manager.enter()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        manager: Entry = self._aioxide_with
        return await manager.leave(kind, error, trace)
