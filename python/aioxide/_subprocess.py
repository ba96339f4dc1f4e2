"""Subprocesses: asyncio's own transports over native pipes, and who notices that a child ended.

A child is watched by its pidfd, which becomes readable when it ends: by the loop's own poller, in
whatever thread that runs, without a signal handler and without a thread. Only where there is no
pidfd (an old kernel, a sandbox, no descriptor left) a thread waits for that one child.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import warnings
from typing import TYPE_CHECKING, Any

from aioxide._inside import SelectorEventLoop, base_events, unix_events

if TYPE_CHECKING:
    _UnixSubprocessTransport = asyncio.SubprocessTransport
else:
    _UnixSubprocessTransport = unix_events._UnixSubprocessTransport

__all__ = ["SubprocessLoop"]

# What asyncio watches children with when the program sets nothing: the policy has it up to 3.13,
# the loop from 3.14 on. A thread for each child is asyncio's choice up to 3.11 only.
_DEFAULT_WATCHERS = tuple(
    getattr(unix_events, name)
    for name in ("ThreadedChildWatcher", "PidfdChildWatcher", "_PidfdChildWatcher")
    if hasattr(unix_events, name)
)


class SubprocessTransport(_UnixSubprocessTransport):
    """asyncio's transport of a child, with its pipes closed whatever fails."""

    _loop: Any
    _pipes: Any
    _proc: Any
    _closed: bool

    def __init__(self, *args: Any, **options: Any) -> None:
        self._reaped = asyncio.Event()
        super().__init__(*args, **options)

    async def _connect_pipes(self, waiter: asyncio.Future[None]) -> None:
        child = self._proc
        await super()._connect_pipes(waiter)  # type: ignore[misc]
        if self._closed or not (waiter.cancelled() or waiter.exception() is None):
            # Closed meanwhile, or one of the pipes could not be watched.
            for fd, pipe in enumerate((child.stdin, child.stdout, child.stderr)):
                end = self._pipes.get(fd)
                if end is not None:
                    end.pipe.close()
                elif pipe is not None:
                    pipe.close()

    def _process_exited(self, returncode: int) -> None:
        self._reaped.set()
        super()._process_exited(returncode)  # type: ignore[misc]

    def close(self) -> None:
        if not self._closed and self._loop is not None and self._loop.is_closed():
            # Nothing is to be written or read any more, and no turn is to come.
            for end in self._pipes.values():
                if end is not None:
                    with contextlib.suppress(RuntimeError):
                        end.pipe.abort() if end.fd == 0 else end.pipe.close()
        super().close()


class SubprocessLoop(SelectorEventLoop):
    """The part of the loop that starts children."""

    # By their pidfds, which are closed when the child has ended, or with the loop.
    _children: dict[int, SubprocessTransport]

    async def _make_subprocess_transport(
        self,
        protocol: Any,
        args: Any,
        shell: bool,
        stdin: Any,
        stdout: Any,
        stderr: Any,
        bufsize: int,
        extra: Any = None,
        **options: Any,
    ) -> Any:
        if self._has_other_watcher():
            return await super()._make_subprocess_transport(
                protocol, args, shell, stdin, stdout, stderr, bufsize, extra, **options
            )
        waiter = self.create_future()
        transport = SubprocessTransport(
            self,
            protocol,
            args,
            shell,
            stdin,
            stdout,
            stderr,
            bufsize,
            waiter=waiter,
            extra=extra,
            **options,
        )
        try:
            self._watch_child(transport)
            await waiter
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            transport.close()
            # Not _wait(): up to 3.12 that waits for the pipes, too.
            await transport._reaped.wait()
            raise
        return transport

    def _has_other_watcher(self) -> bool:
        """Whether the program has set a child watcher of its own."""
        watcher = self.__dict__.get("_watcher")
        if watcher is None and hasattr(unix_events, "AbstractChildWatcher"):
            policy: Any = asyncio.get_event_loop_policy()
            if hasattr(policy, "_watcher"):
                watcher = policy._watcher
            else:
                with warnings.catch_warnings(), contextlib.suppress(NotImplementedError):
                    warnings.simplefilter("ignore", DeprecationWarning)
                    watcher = policy.get_child_watcher()
        return watcher is not None and type(watcher) not in _DEFAULT_WATCHERS

    def _watch_child(self, transport: SubprocessTransport) -> None:
        """See that the transport is told of the end of its child."""
        try:
            pidfd = os.pidfd_open(transport.get_pid() or 0)
        except (AttributeError, OSError):
            self._watch_child_by_thread(transport)
            return
        try:
            self._add_reader(pidfd, self._child_ended, transport, pidfd)
        except OSError:
            os.close(pidfd)
            self._watch_child_by_thread(transport)
            return
        self._children[pidfd] = transport

    def _child_ended(self, transport: SubprocessTransport, pidfd: int) -> None:
        try:
            code = _reap(transport)
        except Exception as error:  # noqa: BLE001 - it is reported
            # Each turn would find the pidfd readable. A Ctrl-C leaves it to the next run.
            self._close_pidfd(pidfd)
            self._report_unread(transport, error)
            return
        self._close_pidfd(pidfd)
        if code is None:
            # Its end is a debugger's to know first.
            self._watch_child_by_thread(transport)
        else:
            transport._process_exited(code)

    def _close_pidfd(self, pidfd: int) -> None:
        self._remove_reader(pidfd)
        del self._children[pidfd]
        os.close(pidfd)

    def _report_unread(self, transport: SubprocessTransport, error: Exception) -> None:
        """The system does not say how a child ended. As with asyncio the transport is not told."""
        message = f"the exit status of child process {transport.get_pid()} could not be read"
        context = {"message": message, "exception": error, "transport": transport}
        self.call_exception_handler(context)

    def _forget_children(self) -> None:
        """The loop is closed: nobody is told any more."""
        children, self._children = self._children, {}
        for pidfd in children:
            os.close(pidfd)

    # Where there is no pidfd

    def _watch_child_by_thread(self, transport: SubprocessTransport) -> None:
        name = f"aioxide-child-{transport.get_pid()}"
        thread = threading.Thread(
            target=self._wait_for_child, args=(transport,), name=name, daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            # No thread to be had either.
            transport._proc.kill()
            transport._process_exited(transport._proc.wait())
            raise

    def _wait_for_child(self, transport: SubprocessTransport) -> None:
        pid = transport.get_pid() or 0
        # It is reaped in the thread of the loop, so that no signal goes to another process.
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        try:
            self.call_soon_threadsafe(self._child_of_thread_ended, transport)
        except RuntimeError:
            _reap(transport)
            base_events.logger.warning("Loop %r that handles pid %r is closed", self, pid)

    def _child_of_thread_ended(self, transport: SubprocessTransport) -> None:
        try:
            code = _reap(transport)
        except Exception as error:  # noqa: BLE001 - it is reported
            self._report_unread(transport, error)
            return
        if code is None:
            self._watch_child_by_thread(transport)
        else:
            transport._process_exited(code)


def _reap(transport: SubprocessTransport) -> int | None:
    """Return the exit code of a child, None while it runs.

    If its Popen object has reaped it, that one knows the code; if somebody else has, it is 255.
    Raises OSError when the system does not tell.
    """
    child = transport._proc
    # The lock that Popen takes: another thread may be waiting there.
    with child._waitpid_lock:
        code: int | None = child.returncode
        if code is not None:
            return code
        try:
            pid, status = os.waitpid(child.pid, os.WNOHANG)
        except ChildProcessError:
            code = 255
            base_events.logger.warning(
                "child process pid %d exit status already read:  will report returncode 255",
                child.pid,
            )
        else:
            if pid == 0:
                return None
            code = os.waitstatus_to_exitcode(status)
        child.returncode = code
        return code
