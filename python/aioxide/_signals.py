"""Signals: a byte of each arrives through a socket pair, which ends the poll."""

from __future__ import annotations

import signal
import socket
import threading
from typing import TYPE_CHECKING, Any, TypeVarTuple

from aioxide._inside import SelectorEventLoop

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SignalLoop"]

_Ts = TypeVarTuple("_Ts")


# The socket pairs of all loops, held here as well: the garbage collector finalises what it finds
# together in any order, and a dropped loop must close its sockets before they warn.
_pairs: set[socket.socket] = set()


class SignalLoop(SelectorEventLoop):
    """The part of the loop that receives signals.

    The socket pair is made when it is first needed: by a run in the main thread, or by a handler.
    """

    _ssock: socket.socket | None = None
    _csock: socket.socket | None = None

    def _attach_signals(self) -> int | None:
        """Own the wake-up descriptor while the loop runs in the main thread.

        Without it, a signal that arrives between the last look and the poll would wait for the
        next event. Returns the descriptor to restore, None when there is nothing to restore.
        """
        if threading.current_thread() is not threading.main_thread():
            return None
        number = self._open_self_pipe().fileno()
        try:
            before = signal.set_wakeup_fd(number, warn_on_full_buffer=False)
        except ValueError:
            # A sub-interpreter: signals are the main interpreter's.
            return None
        if before == number:
            return None
        if before != -1 and not self._signal_handlers:
            # Somebody else reads the numbers there; signals still interrupt the poll.
            signal.set_wakeup_fd(before)
            return None
        return before

    def _detach_signals(self, before: int) -> None:
        # With handlers, signals that come while the loop is not running wait for its next run.
        if not self._signal_handlers:
            signal.set_wakeup_fd(before)

    def add_signal_handler(self, sig: int, callback: Callable[[*_Ts], Any], *args: *_Ts) -> None:
        """Call callback(*args) in the loop when the signal arrives.

        Raises ValueError for what is no signal, RuntimeError for one that cannot be caught and
        outside the main thread, TypeError for a coroutine function.
        """
        self._open_self_pipe()
        super().add_signal_handler(sig, callback, *args)

    def remove_signal_handler(self, sig: int) -> bool:
        """Undo add_signal_handler(). Returns whether there was a handler."""
        removed = super().remove_signal_handler(sig)
        if removed and not self._signal_handlers and self.is_running():
            self._attach_signals()
        return removed

    def _make_self_pipe(self) -> None:
        # asyncio's __init__ calls it: too early for loops that never need one.
        pass

    def _open_self_pipe(self) -> socket.socket:
        """Return the end that signals write to."""
        if self._csock is not None:
            return self._csock
        self._check_closed()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        self._ssock, self._csock = ours, theirs
        _pairs.update((ours, theirs))
        self._internal_fds += 1
        self._add_reader(ours.fileno(), self._read_from_self)
        return theirs

    def _close_self_pipe(self) -> None:
        if self._ssock is None or self._csock is None:
            return
        # A pair that the interpreter's end has closed already is not watched any more.
        if self._ssock.fileno() >= 0:
            self._remove_reader(self._ssock.fileno())
        self._ssock.close()
        self._csock.close()
        _pairs.difference_update((self._ssock, self._csock))
        self._ssock = self._csock = None
        self._internal_fds -= 1
