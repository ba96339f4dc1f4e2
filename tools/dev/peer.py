"""Run a program unchanged under the event loop of another package.

    python tools/dev/peer.py uvloop FILE [ARGS]
    python tools/dev/peer.py uvloop -m MODULE [ARGS]

The program sees itself as `__main__`, its own arguments, and its folder on `sys.path`.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import runpy
import sys


def install(name: str) -> None:
    """Make `name`'s loop the one that asyncio makes when a program names none."""
    package = importlib.import_module(name)
    if sys.version_info < (3, 14):
        asyncio.set_event_loop_policy(package.EventLoopPolicy())
    else:
        # Policies are deprecated there; asyncio.Runner looks the function up in this module.
        asyncio.events.new_event_loop = package.new_event_loop
        asyncio.new_event_loop = package.new_event_loop


def main(arguments: list[str]) -> None:
    if len(arguments) < 2 or arguments[1:] == ["-m"]:
        sys.exit("peer.py: name a package and a program: PACKAGE (FILE | -m MODULE) [ARGS]")
    name, *program = arguments
    install(name)
    if program[0] == "-m":
        sys.path[0] = os.getcwd()
        sys.argv[:] = program[1:]
        runpy.run_module(program[1], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(os.path.realpath(program[0]))
        sys.argv[:] = program
        runpy.run_path(program[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
