"""What rests on event loop policies, which CPython has up to 3.15 and deprecates from 3.14 on.

asyncio's policy remembers the current loop of each thread and makes the loop where none is given.
Nothing in this file asks asyncio for a deprecated name, so importing it never warns.
"""

import asyncio
import sys
import threading
import warnings
from asyncio import AbstractEventLoop
from typing import TYPE_CHECKING, Any

from ._loop import EventLoop

# The class of the policy that asyncio makes for itself. Its public name, DefaultEventLoopPolicy,
# warns from 3.14 on; the private one has been the same since 3.4.
if TYPE_CHECKING:
    from asyncio import DefaultEventLoopPolicy
else:
    from asyncio.unix_events import _UnixDefaultEventLoopPolicy as DefaultEventLoopPolicy

__all__ = ["DefaultEventLoopPolicy", "EventLoopPolicy", "get_event_loop"]


class EventLoopPolicy(DefaultEventLoopPolicy):
    """asyncio's default policy, making aioxide's loops: for `asyncio.set_event_loop_policy()`.

    CPython deprecates policies from 3.14 on and has none in 3.16: prefer `aioxide.run()`,
    `aioxide.install()` or a `loop_factory`.
    """

    # BaseDefaultEventLoopPolicy.new_event_loop() calls it.
    _loop_factory = EventLoop


def _has_no_history(policy: Any) -> bool:
    """Whether no loop was ever set in this thread: then asyncio's default policy makes one."""
    return policy._local._loop is None and not policy._local._set_called


if sys.version_info < (3, 14):

    def get_event_loop() -> AbstractEventLoop:
        """Return the running loop, else the current loop of this thread: asyncio's function.

        Where asyncio would make a loop (in the main thread, before any was set), it is aioxide's,
        and it warns where asyncio warns. Raises RuntimeError if there is none and none is made.
        """
        policy: Any = asyncio.get_event_loop_policy()
        if (
            asyncio._get_running_loop() is None
            and type(policy) is DefaultEventLoopPolicy
            and threading.current_thread() is threading.main_thread()
            and _has_no_history(policy)
        ):
            if sys.version_info >= (3, 12):
                warnings.warn("There is no current event loop", DeprecationWarning, stacklevel=2)
            asyncio.set_event_loop(EventLoop())
        return asyncio.get_event_loop()
