"""`no_leaks`: a block of a program that must leave nothing behind."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from aioxide.diagnostics.leaks import Before, CoroutinesBefore
    from aioxide.diagnostics.observers import Leak

__all__ = ["LeakError", "no_leaks"]


class LeakError(Exception):
    """Something was left behind. The message says what; `leaks` are the single ones."""

    def __init__(self, message: str, leaks: list[Leak]) -> None:
        super().__init__(message)
        self.leaks = leaks


class no_leaks:  # noqa: N801  # used like a function, as asyncio.timeout is
    """``async with aioxide.no_leaks():`` raises LeakError if the block leaves something behind.

    That is: tasks that are not done, coroutines that were created and not started, tasks that
    failed without anybody asking for their exception, and transports that are open. What was there
    before the block counts for nothing; what is about to end is given a few turns of the loop.
    Exceptions and transports are known of aioxide's loops only.

    `allow` names what may be left: tasks by their name or their coroutine's, coroutines by theirs,
    with wildcards, or whole kinds ("tasks", "coroutines", "exceptions", "transports"). With
    ``action="warn"`` a RuntimeWarning says what was left, and nothing is raised.

    If the block itself raises, that exception goes on, and nothing is looked for. Raises
    RuntimeError when it is entered where no loop runs.
    """

    def __init__(
        self, *, allow: Iterable[str] = (), action: Literal["raise", "warn"] = "raise"
    ) -> None:
        if action not in ("raise", "warn"):
            raise ValueError(f"action must be 'raise' or 'warn', not {action!r}")
        self._allow = [allow] if isinstance(allow, str) else list(allow)
        self._action = action
        self._before: tuple[Before, CoroutinesBefore] | None = None

    async def __aenter__(self) -> None:
        from aioxide.diagnostics.leaks import Before, CoroutinesBefore, lost_exceptions

        loop = asyncio.get_running_loop()
        # What was lost before is not this block's.
        for leak in lost_exceptions(loop):
            warnings.warn("\n".join(leak.lines), RuntimeWarning, stacklevel=2)
        self._before = Before(loop), CoroutinesBefore()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        from aioxide.diagnostics import leaks

        before, self._before = self._before, None
        if error is not None or before is None:
            return
        for _ in range(leaks.TURNS):
            await asyncio.sleep(0)
        here, coroutines = before
        left = here.left(but=[asyncio.current_task()])
        left += coroutines.left([here.loop])
        left += leaks.lost_exceptions(here.loop)
        left = leaks.without(left, self._allow)
        if not left:
            return
        text = leaks.explain(left)
        if self._action == "raise":
            raise LeakError(text, left)
        warnings.warn(text, RuntimeWarning, stacklevel=2)
