"""Running commands: each one is shown before it runs, as a line that can be pasted."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]


class Problem(Exception):
    """Something is missing or wrong; the text says what, and what to do."""


def note(text: str) -> None:
    print(f"dev: {text}", file=sys.stderr, flush=True)


def shown(argument: str) -> str:
    """A path inside the project is shown from its root."""
    return argument.removeprefix(f"{ROOT}{os.sep}")


def echo(command: Sequence[str], env: Mapping[str, str]) -> None:
    words = [f"{name}={shlex.quote(shown(value))}" for name, value in env.items()]
    words += [shlex.quote(shown(word)) for word in command]
    line = f"+ {' '.join(words)}"
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        line = f"\x1b[2m{line}\x1b[0m"
    print(line, file=sys.stderr, flush=True)


def status(
    command: Sequence[str], env: Mapping[str, str] | None = None, output: TextIO | None = None
) -> int:
    """Run in the project's root with `env` added to the environment; its exit code."""
    env = env or {}
    echo(command, env)
    try:
        done = subprocess.run(
            command, check=False, cwd=ROOT, env={**os.environ, **env}, stdout=output
        )
    except FileNotFoundError:
        note(f"cannot run {command[0]}: no such program")
        return 127
    return done.returncode


def run(command: Sequence[str], env: Mapping[str, str] | None = None) -> bool:
    """True if it exits with 0."""
    return status(command, env) == 0


def must(command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
    """Like run, but a failure ends `./dev`; what it prints stays out of the program's output."""
    if status(command, env, sys.stderr) != 0:
        raise Problem(f"this command failed: {shlex.join(shown(word) for word in command)}")


def become(command: Sequence[str], env: Mapping[str, str] | None = None) -> NoReturn:
    """Replace this process: Ctrl-C, the terminal and the exit code are then the program's own."""
    env = env or {}
    echo(command, env)
    sys.stdout.flush()
    os.execve(command[0], list(command), {**os.environ, **env})
