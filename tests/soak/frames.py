"""Walks over the stacks of busy threads: `python -m tests.soak.frames [--minutes M]`

The watchdog reads the Python stack of a thread that runs meanwhile. Here it does nothing else, as
fast as it can, while threads recurse, raise, import modules, define and forget code, run generators
and coroutines, and collect garbage. It fails if a walk crashes the process, takes ten seconds, or
never sees one of those threads' functions. What was torn was noticed: it is counted.
"""

import argparse
import contextlib
import gc
import importlib
import sys
import threading
import time
import types

from aioxide import _aioxide

ROUND = 2.0
# A walk is a few hundred reads; the rest is what a crowded machine takes.
LONGEST = 10.0
# Small, without side effects, and written in Python.
MODULES = ("colorsys", "this_is_not_there", "sndhdr", "fractions", "textwrap", "quopri", "bisect")


def recurse(depth: int) -> int:
    return 0 if depth == 0 else 1 + recurse(depth - 1)


def deep(ended: threading.Event) -> None:
    while not ended.is_set():
        for depth in (3, 40, 300):
            recurse(depth)


def raising(ended: threading.Event) -> None:
    def fail(depth: int) -> None:
        if depth:
            try:
                fail(depth - 1)
            finally:
                recurse(2)
        raise ValueError(depth)

    while not ended.is_set():
        try:
            fail(30)
        except ValueError as error:
            error.__traceback__ = None


def importing(ended: threading.Event) -> None:
    while not ended.is_set():
        for name in MODULES:
            sys.modules.pop(name, None)
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


def defining(ended: threading.Event) -> None:
    count = 0
    while not ended.is_set():
        count += 1
        lines = "\n" * (count % 300)
        source = (
            f"{lines}def made_{count % 7}(f, n):\n  return f(made_{count % 7}, n - 1) if n else 0"
        )
        scope: dict[str, types.FunctionType] = {}
        exec(compile(source, f"made {count}", "exec"), scope)
        made = next(value for name, value in scope.items() if name.startswith("made"))
        made(lambda function, n: function(lambda f, m: 0, n), 5)


def suspending(ended: threading.Event) -> None:
    @types.coroutine
    def give() -> object:
        yield

    async def wait(depth: int) -> None:
        await (wait(depth - 1) if depth else give())

    def count(n: int) -> object:
        yield n
        if n:
            yield from count(n - 1)  # type: ignore[misc]

    while not ended.is_set():
        waiting = wait(20)
        for _ in count(20):  # type: ignore[attr-defined]
            pass
        waiting.send(None)
        waiting.close()


def collecting(ended: threading.Event) -> None:
    while not ended.is_set():
        for _ in range(1000):
            cycle: list[object] = []
            cycle.append(cycle)
        gc.collect(0)


def ending(ended: threading.Event) -> None:
    """Threads whose states go away; only a few are ever walked, by luck."""
    while not ended.is_set():
        thread = threading.Thread(target=recurse, args=(50,))
        thread.start()
        thread.join()


WORK = (deep, raising, importing, defining, suspending, collecting, ending)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.frames")
    parser.add_argument("--minutes", type=float, default=10.0)
    minutes = parser.parse_args().minutes
    why = _aioxide._read_own_stack()
    if isinstance(why, str):
        sys.exit(f"stacks cannot be read here: {why}")
    sys.setswitchinterval(1e-4)
    ended = threading.Event()
    states: list[int] = []

    def work(function: types.FunctionType) -> None:
        states.append(_aioxide._thread_state())
        function(ended)

    threads = [threading.Thread(target=work, args=(function,)) for function in WORK]
    for thread in threads:
        thread.start()
    while len(states) < len(threads):
        time.sleep(0.01)
    total: dict[str, int] = {}
    functions: set[str] = set()
    longest = 0.0
    until = time.monotonic() + 60 * minutes
    try:
        while time.monotonic() < until:
            told = _aioxide._walk_threads(states, ROUND)
            functions |= set(told.pop("functions"))
            longest = max(longest, told.pop("longest"))
            for name, count in told.items():
                total[name] = total.get(name, 0) + count
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    version = sys.version.split()[0]
    print(f"Python {version}, {minutes:g} minutes:", end=" ")
    print(", ".join(f"{count:,} {name}" for name, count in total.items()), end="; ")
    print(f"the longest walk took {longest * 1e3:.1f} ms")
    unseen = [function.__name__ for function in WORK if function.__qualname__ not in functions]
    if unseen:
        sys.exit(f"never seen: {', '.join(unseen)}")
    if longest > LONGEST:
        sys.exit("a walk took too long")


if __name__ == "__main__":
    main()
