"""A process of the soak and the one that started it: a command a line, an answer a line.

    parent                                  child
      Process.ask("measure") --- stdin ---->  Controlled.measure()
                             <--- stdout ---  {"descriptors": 9, ...}

The child answers in its loop, so a loop that hangs answers nothing, and the parent says so.
"""

import asyncio
import importlib
import json
import os
import resource
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any, Self

from . import usage

ROOT = Path(__file__).resolve().parents[2]
LOOPS = {
    "aioxide": ("aioxide", "new_event_loop"),
    "asyncio": ("asyncio", "SelectorEventLoop"),
}
# Of each kind of fault, the texts that are kept.
KEPT = 5


def raise_limit() -> int:
    """Allow this process as many descriptors as may be, and return how many that are."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


class Controlled:
    """The child's side. A method whose name is a command answers it with a dict."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.end = self.loop.create_future()
        self.counts: dict[str, int] = {}
        self.faults: list[str] = []
        self.fault_count = 0
        self._unread = b""
        self._answering: asyncio.Task[None] | None = None
        os.set_blocking(0, False)
        self.loop.set_exception_handler(self._on_context)
        sys.unraisablehook = self._on_unraisable

    def count(self, name: str, number: int = 1) -> None:
        self.counts[name] = self.counts.get(name, 0) + number

    def fault(self, text: str, error: BaseException | None) -> None:
        """Something went wrong that must not."""
        self.fault_count += 1
        if len(self.faults) < KEPT:
            told = "".join(traceback.format_exception(error)) if error else ""
            self.faults.append(f"{text}\n{told}")

    def _on_context(self, loop: Any, context: dict[str, Any]) -> None:
        self.fault(context["message"], context.get("exception"))

    def _on_unraisable(self, args: Any) -> None:
        self.fault(args.err_msg or "unraisable", args.exc_value)

    async def serve(self) -> None:
        """Answer until standard input ends."""
        self.loop.add_reader(0, self._readable)
        try:
            await self.end
        finally:
            self.loop.remove_reader(0)

    def _readable(self) -> None:
        data = os.read(0, 65536)
        if not data:
            self.end.set_result(None)
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._answering = self.loop.create_task(self._answer(json.loads(line)))

    async def _answer(self, words: list[Any]) -> None:
        command, *arguments = words
        try:
            answer = await getattr(self, command)(*arguments)
        except Exception:
            answer = {"failed": traceback.format_exc()}
        tell(answer)

    async def glance(self) -> dict[str, Any]:
        return {**usage.glance(), **self.counts, "faults": self.fault_count}

    async def measure(self) -> dict[str, Any]:
        # What ended lately is not let go before the next turns, and an idle turn gives back the
        # memory of 256 handles, of at most 65,536 that are kept after a burst.
        for _ in range(300):
            await asyncio.sleep(0.001)
        usage.settle()
        # Once to make what measuring itself makes, once to measure.
        usage.measure()
        usage.settle()
        return {"usage": usage.measure(), "census": usage.census()}

    async def report(self) -> dict[str, Any]:
        return {"faults": self.fault_count, "texts": self.faults}


def tell(answer: dict[str, Any]) -> None:
    data = json.dumps(answer).encode() + b"\n"
    while data:
        data = data[os.write(1, data) :]


def run(main: Any, loop: str) -> None:
    """Run the coroutine function of a child on a loop."""
    module, name = LOOPS[loop]
    factory = getattr(importlib.import_module(module), name)
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


class SoakError(Exception):
    """A process of the soak did not answer, or failed."""


class Process:
    """The parent's side: a child, killed at the end if it did not end by itself."""

    def __init__(self, module: str, *arguments: str) -> None:
        self.name = module.rpartition(".")[2]
        self._popen = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", module, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self._unread = b""

    def hear(self, patience: float) -> dict[str, Any]:
        """The next answer."""
        import select

        stdout = self._popen.stdout
        assert stdout is not None
        while b"\n" not in self._unread:
            if not select.select([stdout], [], [], patience)[0]:
                raise SoakError(f"the {self.name} did not answer for {patience:g} s")
            data = os.read(stdout.fileno(), 1 << 16)
            if not data:
                raise SoakError(f"the {self.name} ended with {self._popen.wait()}")
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise SoakError(f"the {self.name} failed:\n{answer['failed']}")
        return answer

    def ask(self, *words: Any, patience: float = 60) -> dict[str, Any]:
        stdin = self._popen.stdin
        assert stdin is not None
        stdin.write(json.dumps(words).encode() + b"\n")
        return self.hear(patience)

    def finish(self) -> None:
        """Let it end, which closes its loop; raises when that fails."""
        assert self._popen.stdin is not None
        self._popen.stdin.close()
        try:
            code = self._popen.wait(30)
        except subprocess.TimeoutExpired:
            raise SoakError(f"the {self.name} does not end") from None
        if code:
            raise SoakError(f"the {self.name} ended with {code}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            assert pipe is not None
            pipe.close()
