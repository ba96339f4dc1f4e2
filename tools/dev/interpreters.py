"""Which Python the environment is made from."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .shell import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST = (3, 11)
# Those that aioxide is for, newest first. Looked for when the Python that runs `./dev` is too old,
# but for the first, which not every package has wheels for.
MINORS = ("3.15", "3.14", "3.13", "3.12", "3.11")

PROBE = """
import importlib.util, json, os, sys, sysconfig
has = importlib.util.find_spec
print(json.dumps({
    "version": "%d.%d.%d" % sys.version_info[:3],
    "executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
    "implementation": sys.implementation.name,
    "threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "missing": [name for name in ("venv", "ensurepip") if has(name) is None],
}))
"""


@dataclass(frozen=True)
class Interpreter:
    executable: str
    version: str  # "3.12.1"; with a "t" behind it for a free-threaded build
    missing: tuple[str, ...]  # modules that an environment cannot be made without

    @property
    def minor(self) -> str:
        major, minor, _ = self.version.split(".")
        return f"{major}.{minor}{'t' if self.version.endswith('t') else ''}"

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.version.rstrip("t").split("."))

    def check(self) -> None:
        """Say why no environment can be made from it, if so."""
        if self.numbers < OLDEST:
            raise Problem(
                f"{self.executable} is Python {self.version}; aioxide needs 3.11 or newer: "
                "install one, or name one with --python /path/to/python3"
            )
        if self.missing:
            raise Problem(
                f"{self.executable} has no module {' and '.join(self.missing)}, so no environment "
                f"can be made from it: on Debian and Ubuntu `apt install python{self.minor}-venv`, "
                "elsewhere install a complete Python and name it with --python /path/to/python3"
            )


def probe(executable: str | Path) -> Interpreter | None:
    """Ask an interpreter what it is; None if it does not run (a pyenv shim may not)."""
    try:
        answer = subprocess.run(
            [str(executable), "-I", "-c", PROBE],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=30,
            check=True,
        )
        facts = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    if facts["implementation"] != "cpython":
        return None
    version = facts["version"] + ("t" if facts["threaded"] else "")
    return Interpreter(facts["executable"], version, tuple(facts["missing"]))


def places(version: str) -> Iterator[str]:
    """Where a Python of this version ("3.12", "3.12.1") may be."""
    minor = ".".join(version.split(".")[:2])
    for name in dict.fromkeys((f"python{version}", f"python{minor}")):
        found = shutil.which(name)
        if found:
            yield found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    if pyenv.is_dir():
        folders = [folder for folder in pyenv.iterdir() if matches(folder.name, version)]
        for folder in sorted(folders, key=patch, reverse=True):
            yield str(folder / "bin" / "python3")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", Path.home() / ".local/share/uv/python"))
    for folder in sorted(uv.glob(f"cpython-{minor}.*"), reverse=True):
        yield str(folder / "bin" / "python3")
    yield str(Path(os.environ.get("PYTHONS_PREFIX", "/opt/pythons"), version, "bin", "python3"))


def patch(folder: Path) -> int:
    digits = re.match(r"\d+\.\d+\.(\d+)", folder.name)
    return int(digits[1]) if digits else -1


def matches(name: str, version: str) -> bool:
    """Whether "3.12.1" is a "3.12"; "3.14.0t" is a "3.14t" and no "3.14"."""
    threaded = version.endswith("t")
    numbers = version.rstrip("t")
    plain = name.rstrip("t")
    same = plain == numbers or plain.startswith(f"{numbers}.")
    return same and name.endswith("t") == threaded


def is_version(wanted: str) -> bool:
    """Whether it is a version, as opposed to a path or a name."""
    return re.fullmatch(r"\d+\.\d+(\.\d+)?t?", wanted) is not None


def choose(wanted: str | None) -> Interpreter:
    """The interpreter to use: the one asked for, else the one `./dev` runs on, else any."""
    if wanted is None:
        return default()
    if is_version(wanted):
        unfit = None
        for place in places(wanted):
            found = probe(place)
            if found and matches(found.version, wanted):
                if not found.missing:
                    return found
                unfit = unfit or found
        if unfit is not None:
            unfit.check()
        raise Problem(
            f"no Python {wanted} on PATH, of pyenv or uv, nor in PYTHONS_PREFIX: "
            "install it, or name it with --python /path/to/python3"
        )
    path = shutil.which(wanted)
    found = probe(path) if path else None
    if found is None:
        raise Problem(f"--python {wanted}: not a CPython that can be run, nor a version like 3.12")
    found.check()
    return found


def every() -> tuple[list[Interpreter], list[str]]:
    """The interpreters of all versions that aioxide is for, oldest first, and what is missing."""
    found: list[Interpreter] = []
    missing: list[str] = []
    for minor in reversed(MINORS):
        try:
            found.append(choose(minor))
        except Problem as problem:
            missing.append(str(problem))
    return found, missing


def default() -> Interpreter:
    here = probe(sys.executable)
    candidates = [here] if here else []
    if here is None or here.numbers < OLDEST or here.missing:
        for minor in MINORS[1:]:
            candidates += filter(None, map(probe, places(minor)))
    for candidate in candidates:
        if candidate.numbers >= OLDEST and not candidate.missing:
            return candidate
    # None will do: explain the nearest miss.
    for candidate in sorted(candidates, key=lambda one: one.numbers < OLDEST):
        candidate.check()
    raise Problem("no CPython 3.11 or newer found: install one, or name it with --python /path")
