"""The event loop: the native scheduler and transports under asyncio's own cold paths.

What runs per callback, per packet or per accepted connection is `_aioxide.Loop`, first in the
method resolution order. What runs once per loop or once per outgoing connection is inherited from
the asyncio of the running Python: so happy eyeballs, executors, debug texts and the starting of
subprocesses behave as that version's do. This module is the seam: it overrides what reaches into
the selector loop's internals.
"""

from __future__ import annotations

import collections
import importlib
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

from aioxide import _aioxide, _diagnostics
from aioxide._connect import ConnectingLoop
from aioxide._datagrams import DatagramLoop
from aioxide._diagnostics import Diagnostics, default
from aioxide._inside import base_events, events, unix_events
from aioxide._queues import Queue, Ready, View
from aioxide._resolve import ResolvingLoop
from aioxide._selector import Selector
from aioxide._serve import ServingLoop
from aioxide._signals import SignalLoop
from aioxide._sockets import SocketLoop
from aioxide._subprocess import SubprocessLoop
from aioxide._tls import EncryptingLoop
from aioxide._transports import TransportLoop
from aioxide._unclosed import unclosed_loop

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["EventLoop", "new_event_loop"]


class EventLoop(
    _aioxide.Loop,
    ConnectingLoop,
    DatagramLoop,
    EncryptingLoop,
    ResolvingLoop,
    ServingLoop,
    SignalLoop,
    SocketLoop,
    SubprocessLoop,
    TransportLoop,
):
    """An asyncio event loop whose scheduler and transports of sockets and pipes are native.

    `diagnostics` says what it reports, by default what the environment says. Holds two descriptors
    from the start (an epoll instance and an eventfd) and two more (a socket pair for signals) once
    it has run in the main thread; close() releases them. Raises OSError when the process is out of
    descriptors, ValueError where the environment asks for diagnostics that there are not.
    """

    # A turn has called a selector of the program's.
    _in_poll = False
    _ready = Queue("_ready_handles", Ready, collections.deque)
    # The next timer to be due is the first.
    _scheduled = Queue("_timer_handles", View, list)

    def __init__(self, *, diagnostics: Diagnostics | None = None) -> None:
        if diagnostics is None:
            diagnostics = default()
        elif not isinstance(diagnostics, Diagnostics):
            raise TypeError(
                "diagnostics are an aioxide.Diagnostics, such as Diagnostics.off(), or None; "
                f"not {diagnostics!r}"
            )
        self._diagnostics = diagnostics
        if self._diagnostics.blocking is not None:
            _aioxide._prepare_watch()
        # asyncio's own, with a selector that only tells what the native loop watches.
        super().__init__(Selector(self))
        # The object's own would hide those of the class.
        del self._ready, self._scheduled
        self._untaken = set()
        self._children = {}
        self._listeners: dict[int, list[_aioxide.Listener]] = {}
        self._look_for(self._diagnostics)
        if _diagnostics.made is not None:
            _diagnostics.made.add(self)
        self._look_for_other_clock()

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "time":
            self._other_clock = True
        elif name == "_selector":
            self._look_for_other_select()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name == "time":
            self._look_for_other_clock()

    def _look_for_other_clock(self) -> None:
        """See whether somebody has put a clock in the place of `time`, on the object or a class."""
        self._other_clock = type(self).time is not NATIVE_TIME or "time" in self.__dict__

    def _look_for_other_select(self) -> None:
        """See whether somebody has put a selector, or its method, in the place of ours."""
        selector = self._selector
        own = type(selector) is Selector and "select" not in vars(selector)
        self._other_select = selector is not None and not own

    @property
    def diagnostics(self) -> Diagnostics:
        """What this loop reports."""
        return self._diagnostics

    def _look_for(self, chosen: Diagnostics) -> None:
        lost = chosen.grace is not None
        sites = lost or chosen.pending or chosen.never_awaited or chosen.cancel_notes
        _load(chosen)
        self._look_after_tasks(sites, lost, chosen.cancel_notes)
        # A look at the tasks that have failed is scheduled.
        self._looks_for_lost = False
        # By coroutine, file and line: how often, and what is said of it.
        self._never_awaited: dict[tuple[str, str, int], list[Any]] = {}

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Log the context, as asyncio does, and where its task was spawned."""
        try:
            from aioxide.diagnostics import lost, observers
        except ImportError:
            # The interpreter ends, and what is left open says so.
            pass
        else:
            lost.complete(self, context)
            if observers.observers:
                observers.tell_context(context)
        super().default_exception_handler(context)

    # Life cycle

    def run_forever(self) -> None:
        """Run until stop() is called. Raises RuntimeError when a loop runs in this thread."""
        self._check_closed()
        self._check_running()
        self._set_coroutine_origin_tracking(self._debug)
        self._look_for_other_clock()
        caller = sys._getframe().f_back
        tracks = self._begin_reports(caller)
        hooks = sys.get_asyncgen_hooks()
        watch = self._attach_signals()
        told = self._told_of_blocking()
        try:
            sys.set_asyncgen_hooks(
                firstiter=self._asyncgen_firstiter_hook, finalizer=self._asyncgen_finalizer_hook
            )
            events._set_running_loop(self)
            # One line, since tracebacks of what ends a run show it.
            self._run(threading.get_ident(), *told)
        finally:
            self._stopping = False
            events._set_running_loop(None)
            self._set_coroutine_origin_tracking(False)
            if tracks and sys.get_coroutine_origin_tracking_depth() == 1:
                sys.set_coroutine_origin_tracking_depth(0)
            sys.set_asyncgen_hooks(*hooks)
            if watch is not None:
                self._detach_signals(watch)

    def _told_of_blocking(self) -> tuple[float | None, bool, Callable[..., object] | None]:
        """What the native loop is told of reports: the limit, whether they are JSON, what is called
        instead."""
        chosen = self._diagnostics
        action = chosen.blocking_action
        return chosen.blocking, chosen.output == "json", None if action == "report" else action

    def _begin_reports(self, caller: FrameType | None) -> bool:
        """Do what is to be done when a run begins; return whether origins are tracked for it."""
        chosen = self._diagnostics
        if chosen.never_awaited:
            from aioxide.diagnostics import unawaited

            unawaited.install()
        if chosen.pending:
            from aioxide.diagnostics import pending

            if pending.is_end_of_run(caller):
                pending.tell(self)
        # A depth that the program has set itself is left.
        tracks = chosen.origins and sys.get_coroutine_origin_tracking_depth() == 0
        if tracks:
            sys.set_coroutine_origin_tracking_depth(1)
        return tracks

    def _end_reports(self) -> None:
        """Tell what is left when the loop is closed."""
        if self._never_awaited or self._diagnostics.unstarted:
            from aioxide.diagnostics import unawaited

            unawaited.tell_rest(self)
        if _diagnostics.made is not None:
            from aioxide.diagnostics import leaks

            leaks.tell_rest(self)

    def close(self) -> None:
        """Release the loop's descriptors and drop what is scheduled.

        Raises RuntimeError while the loop is running. Closing twice does nothing.
        """
        if self.is_running():
            raise RuntimeError("Cannot close a running event loop")
        if self.is_closed():
            return
        self._end_reports()
        # In this order: with signal handlers gone, nothing writes to the socket pair any more.
        handlers_left = False
        if unix_events.sys.is_finalizing():
            handlers_left = bool(self._signal_handlers)
            self._signal_handlers.clear()
        else:
            for number in list(self._signal_handlers):
                self.remove_signal_handler(number)
        self._close_self_pipe()
        if self._debug:
            base_events.logger.debug("Close %r", self)
        self._close()
        self._forget_children()
        self._listeners.clear()
        if (pool := sys.modules.get("aioxide._threads._pool")) is not None:
            pool.close_pool(self)
        self._executor_shutdown_called = True
        executor = self._default_executor
        if executor is not None:
            self._default_executor = None
            executor.shutdown(wait=False)
        self._selector = None
        if handlers_left:
            warnings.warn(
                f"Closing the loop {self!r} on interpreter shutdown stage, "
                "skipping signal handlers removal",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )

    def __del__(self, _warn: Callable[..., None] = unclosed_loop) -> None:
        if "_listeners" not in self.__dict__:
            # __init__ failed: there is nothing that a program could have closed.
            self._close()
        elif not self.is_closed():
            _warn(f"unclosed event loop {self!r}", self)
            if None in (_diagnostics, getattr(unix_events, "sys", None)):
                # The interpreter ends, and has cleared this module or asyncio's.
                self._close()
            elif not self.is_running():
                self.close()

    # The name that is told of, and silenced, when the warning is an error.
    __del__.__qualname__ = "BaseEventLoop.__del__"

    def set_debug(self, enabled: bool) -> None:
        """Switch debug mode."""
        self._debug = enabled
        if self.is_running():
            self.call_soon_threadsafe(self._set_coroutine_origin_tracking, enabled)


def _load(chosen: Diagnostics) -> None:
    """Import what reports need: when they are made there may be no descriptor left."""
    names = {
        "aioxide._watch": chosen.blocking is not None,
        "aioxide.diagnostics.cancelled": chosen.cancel_notes,
        "aioxide.diagnostics.lost": chosen.grace is not None,
        "aioxide.diagnostics.observers": True,
        "aioxide.diagnostics.pending": chosen.pending,
        "aioxide.diagnostics.unawaited": chosen.never_awaited or chosen.unstarted,
        "json": chosen.output == "json" or chosen.blocking_action != "report",
    }
    for name, wanted in names.items():
        if wanted:
            importlib.import_module(name)


_aioxide._own_methods(EventLoop)

#: The clock, unless a program puts another in its place.
NATIVE_TIME = EventLoop.time


def new_event_loop(*, diagnostics: Diagnostics | None = None) -> EventLoop:
    """Make a new event loop: the factory for asyncio.Runner, uvicorn and others.

    `diagnostics` says what it reports, by default what the environment says.
    """
    return EventLoop(diagnostics=diagnostics)
