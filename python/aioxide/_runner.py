"""Running a coroutine from start to end: `run` and `Runner`.

`asyncio.Runner` already runs any loop; all that differs here is which loop it makes when it is not
told. It is not enough to pass it a loop factory: with one, it no longer makes its loop the current
one of the thread, and programs see that (`get_event_loop()` between two calls of `Runner.run()`).
"""

import asyncio
import sys
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias, TypeVar

from ._diagnostics import Diagnostics
from ._loop import EventLoop

_T = TypeVar("_T")
if sys.version_info >= (3, 14):
    _Main: TypeAlias = Awaitable[_T]
else:
    _Main: TypeAlias = Coroutine[Any, Any, _T]

__all__ = ["Runner", "run"]


class Runner(asyncio.Runner):  # type: ignore[misc]  # final in its stub, not at run time
    """`asyncio.Runner`, with aioxide's loop where no `loop_factory` is given.

    `diagnostics` says what that loop reports, by default what the environment says. Raises
    TypeError when both are given.
    """

    # Private to asyncio.Runner, the same in CPython 3.11 to 3.15.
    _loop_factory: object
    _set_event_loop: bool

    def __init__(
        self,
        *,
        debug: bool | None = None,
        loop_factory: Callable[[], AbstractEventLoop] | None = None,
        diagnostics: Diagnostics | None = None,
    ) -> None:
        if loop_factory is not None and diagnostics is not None:
            raise TypeError(
                "diagnostics are for the loop that aioxide makes; with a loop_factory, "
                "give them to aioxide.new_event_loop(diagnostics=...) there"
            )
        self._diagnostics = diagnostics
        super().__init__(debug=debug, loop_factory=loop_factory or self._new_current_loop)

    def _new_current_loop(self) -> EventLoop:
        """Do what `asyncio.Runner._lazy_init` does where it has no factory."""
        loop = EventLoop(diagnostics=self._diagnostics)
        asyncio.set_event_loop(loop)
        self._set_event_loop = True  # close() then unsets it
        self._loop_factory = None  # a bound method of self: a cycle
        return loop


def run(
    main: _Main[_T],
    *,
    debug: bool | None = None,
    loop_factory: Callable[[], AbstractEventLoop] | None = None,
    diagnostics: Diagnostics | None = None,
) -> _T:
    """Run `main` on a new event loop, close the loop and return the result.

    As `asyncio.run`: remaining tasks are cancelled and awaited, asynchronous generators and the
    default executor are shut down. Ctrl-C cancels `main`; once it has ended, KeyboardInterrupt is
    raised. `debug` sets the loop's debug mode, None leaves it as the environment says.
    `loop_factory` makes another loop than aioxide's. `diagnostics` says what aioxide's loop
    reports, by default what the environment says.

    Raises RuntimeError if a loop is already running in this thread.
    """
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("aioxide.run() cannot be called from a running event loop")
    with Runner(debug=debug, loop_factory=loop_factory, diagnostics=diagnostics) as runner:
        return runner.run(main)
