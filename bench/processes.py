"""Child processes: each measurement has its own, with a time limit, and none outlives us.

A program prints its result as one line of JSON as soon as it has it, before it takes its loop
down: so a loop that crashes while closing still has its figure, and one that hangs does not.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from .model import LIMIT, MeasureError, TimeLimitError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent
SERVER_CORE = 0
LOAD_CORE = 1
_CLEARED = ("PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONTRACEMALLOC", "PYTHONMALLOC")


def run_json(arguments: list[str], time_limit: float, core: int | None = None) -> dict[str, Any]:
    """Run a program to its end and return what it printed."""
    with Child(arguments, time_limit, core) as child:
        result = child.read_json()
        child.wait()
        return result


class Child:
    """A process in a session of its own that leaving the `with` block kills."""

    def __init__(self, arguments: list[str], time_limit: float, core: int | None = None) -> None:
        self._deadline = time.monotonic() + time_limit
        self._time_limit = time_limit
        # A file, not a pipe: nobody reads it while the child runs.
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(
            arguments,
            cwd=ROOT,
            env={key: value for key, value in os.environ.items() if key not in _CLEARED},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
            preexec_fn=_on_core(core),  # noqa: PLW1509 - the harness has one thread
        )
        self._unread = b""

    @property
    def pid(self) -> int:
        return self._process.pid

    def read_line(self) -> bytes:
        """The next line that the child prints."""
        stdout = self._process.stdout
        assert stdout is not None
        while b"\n" not in self._unread:
            if not select.select([stdout], [], [], self._left())[0]:
                raise self._time_limit_error()
            chunk = os.read(stdout.fileno(), 65536)
            if not chunk:
                raise MeasureError(self._last_words())
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def read_json(self) -> dict[str, Any]:
        """The next line that the child prints, which is its result."""
        line = self.read_line()
        try:
            value = json.loads(line)
        except ValueError:
            raise MeasureError(f"printed {line[:100]!r} instead of its result") from None
        if not isinstance(value, dict):
            raise MeasureError(f"printed {line[:100]!r} instead of its result")
        return value

    def wait(self) -> None:
        """Wait for the end; how the process ends does not matter once its result is here."""
        try:
            self._process.wait(self._left())
        except subprocess.TimeoutExpired:
            raise self._time_limit_error() from None

    def death(self) -> str:
        """How the process ended, or nothing while it runs. Waits a moment for a dying one."""
        try:
            self._process.wait(0.2)
        except subprocess.TimeoutExpired:
            return ""
        return self._last_words()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        self._errors.close()

    def _left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def _time_limit_error(self) -> TimeLimitError:
        return TimeLimitError(f"hangs: no end after {self._time_limit:g} s")

    def _last_words(self) -> str:
        """The exit status in words, and the last line on standard error."""
        try:
            status = self._process.wait(self._left())
        except subprocess.TimeoutExpired:
            return "closed its output and went on"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        told = f": {lines[-1].strip()[:300]}" if lines else ""
        if status < 0:
            return f"killed by {signal.Signals(-status).name}{told}"
        return f"exits with {status}{told}"


class Listener(Child):
    """A server, once it listens."""

    port = 0

    def __enter__(self) -> Self:
        try:
            self.port = int(self.read_json()["port"])
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self


class Server(Listener):
    """A server on its own core. `loop` may be the bare epoll server."""

    def __init__(
        self,
        loop: str,
        arguments: list[str],
        limit_arguments: list[str],
        load: str,
        limit: float,
        path: str = "",
    ) -> None:
        if path:
            arguments = [*arguments, "--path", path]
            limit_arguments = [*limit_arguments, "--path", path]
        if loop == LIMIT:
            command = [load, "limit", *limit_arguments]
        else:
            command = [sys.executable, "-m", "bench.programs.servers", loop, *arguments]
        super().__init__(command, limit, SERVER_CORE)
        #: Where it listens, if not on the port.
        self.path = path

    def load(
        self,
        load: str,
        command: str,
        options: dict[str, Any],
        limit: float,
        flags: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Put the load generator on this server; what the server died of explains a failure."""
        words = [str(word) for option in options.items() for word in option]
        where = ["--path", self.path] if self.path else ["--port", str(self.port)]
        common = [*where, "--pid", str(self.pid)]
        try:
            return run_json([load, command, *common, *words, *flags], limit, LOAD_CORE)
        except MeasureError as error:
            death = self.death()
            if death:
                raise MeasureError(f"server {death}") from error
            raise


class Service(Listener):
    """The native server that clients are measured with, on the core of the load generator."""

    def __init__(self, load: str, arguments: list[str], limit: float) -> None:
        super().__init__([load, "serve", *arguments], limit, LOAD_CORE)

    def measure(self, command: list[str], limit: float) -> dict[str, Any]:
        """Run a client on the core of what is measured; what the server died of explains it."""
        try:
            return run_json(command, limit, SERVER_CORE)
        except MeasureError as error:
            death = self.death()
            if death:
                raise MeasureError(f"server {death}") from error
            raise


class Site(Child):
    """The embedded site, which sleeps while it waits and is on no core of its own."""

    def __init__(self, site: str, options: Mapping[str, int], limit: float) -> None:
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        super().__init__([site, *words], limit)
        #: Host and port, once it listens.
        self.address = ""

    def __enter__(self) -> Self:
        try:
            line = self.read_line().decode(errors="replace")
            _, told, self.address = line.partition("listening on http://")
            if not told:
                raise MeasureError(f"the site printed {line[:100]!r} instead of where it listens")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self


def _on_core(core: int | None) -> Callable[[], None] | None:
    """Pin the child, where there is such a core and the machine can pin at all."""
    if core is None or not hasattr(os, "sched_setaffinity"):
        return None
    if core not in os.sched_getaffinity(0):
        return None
    return lambda: os.sched_setaffinity(0, {core})
