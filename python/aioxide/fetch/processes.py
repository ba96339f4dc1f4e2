"""`Processes`: a crew of child processes, each with a loop and a session of its own.

    foreman ── share ──► standard input of a worker
            ◄─ outcomes, report ── its standard output

A worker whose pipe ends in the middle of a share is lost, and another one is started in its place.
One whose foreman is gone ends by itself, as its standard input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

import aioxide

from . import frames
from .foreman import CrewError, WorkerLost

if TYPE_CHECKING:
    from types import TracebackType

    from .foreman import Got
    from .share import Report, Share

__all__ = ["Processes"]

_BUFFER = 1 << 20
_ROOT = str(Path(aioxide.__file__).resolve().parents[1])
# -P: a module in the user's folder is not taken for one of ours. The folder of the package comes
# last, for the case that the parent has found it elsewhere than a child would.
_START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from aioxide.fetch.worker import main; sys.exit(main())"
)


class Processes:
    """`async with Processes(number)`: that many child processes, started when they are needed."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._idle: list[asyncio.subprocess.Process] = []
        self._all: set[asyncio.subprocess.Process] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in list(self._all):
            await self._end(process)

    @property
    def pids(self) -> list[int]:
        """The processes that there are."""
        return [process.pid for process in self._all]

    async def run(self, share: Share, got: Got) -> Report:
        """As `Crew.run()`. Raises CrewError where no process can be started."""
        process = self._idle.pop() if self._idle else await self._start()
        reader, writer = process.stdout, process.stdin
        assert reader is not None
        assert writer is not None
        done = False
        try:
            writer.write(frames.pack(share))
            await writer.drain()
            while True:
                kind, *rest = await frames.read(reader)
                if kind == "report":
                    done = True
                    report: Report = rest[0]
                    return report
                await got(*rest)
        except (asyncio.IncompleteReadError, ConnectionError):
            code = await self._end(process)
            how = f"by signal {-code}" if code < 0 else f"with code {code}"
            raise WorkerLost(f"process {process.pid} ended {how}") from None
        finally:
            if done:
                self._idle.append(process)
            else:
                # Cancelled: what it is at is of no use to anybody.
                await self._end(process)

    async def _start(self) -> asyncio.subprocess.Process:
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-c", _START, _ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_BUFFER,
                # Ctrl-C is the foreman's to deal with.
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise CrewError(f"cannot start a worker process: {error.strerror}") from None
        self._all.add(process)
        return process

    async def _end(self, process: asyncio.subprocess.Process) -> int:
        self._all.discard(process)
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        return await process.wait()
