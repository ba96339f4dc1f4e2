"""Cargo: whether it is there, what it builds, whether anything changed since it last did."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from .shell import ROOT, Problem, must

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def cargo() -> str:
    """Cargo's path, once it is known that this machine can build."""
    found = shutil.which("cargo")
    if found is None:
        home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "bin"
        found = shutil.which("cargo", path=str(home))
        if found is None:
            raise Problem("no cargo: install Rust from https://rustup.rs, then run ./dev again")
        # maturin and cargo's own sub-commands look on PATH, too.
        os.environ["PATH"] = f"{home}{os.pathsep}{os.environ.get('PATH', '')}"
    compilers = [os.environ.get("CC", ""), "cc", "gcc", "clang"]
    if not any(name and shutil.which(name.split()[0]) for name in compilers):
        raise Problem(
            "no C compiler, and Rust needs one to link: on Debian and Ubuntu `apt install gcc`, "
            "or name yours in the environment variable CC"
        )
    answer = subprocess.run(
        [found, "--version"], check=False, capture_output=True, text=True, cwd=ROOT
    )
    if answer.returncode != 0:
        why = answer.stderr.strip().partition("\n\n")[0]
        raise Problem(f"{found} does not run, repair Rust's installation first:\n{why}")
    version = re.search(r"(\d+)\.(\d+)", answer.stdout)
    needed = re.search(r'rust-version = "(\d+)\.(\d+)', (ROOT / "Cargo.toml").read_text())
    if version and needed and numbers(version) < numbers(needed):
        raise Problem(
            f"this is Rust {version[0]}, aioxide needs {needed[1]}.{needed[2]}: "
            "`rustup update stable`, then run ./dev again"
        )
    return found


def numbers(version: re.Match[str]) -> tuple[int, int]:
    return int(version[1]), int(version[2])


def program(package: str) -> Path:
    """Build a binary of the workspace, optimised; cargo itself knows if there is work to do."""
    must([cargo(), "build", "--release", "--package", package])
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return (ROOT / target / "release" / package).resolve()


def target() -> str:
    """The target that this machine's Rust builds for."""
    answer = subprocess.run(
        ["rustc", "-vV"], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout
    return answer.partition("host: ")[2].partition("\n")[0]


def wheel(python: str, interpreter: list[str], extra: list[str]) -> None:
    """Build a wheel into dist/. Maturin knows the layout of a CPython that is only named."""
    cargo()
    must(
        [python, "-m", "maturin", "build", "--release", "--out", "dist", *interpreter, *extra],
        {"CARGO_TARGET_DIR": str(ROOT / "target" / "wheel")},
    )


def sources() -> Iterator[Path]:
    """Every file that the native module is made from, but Cargo.lock: a build may change that."""
    for name in ("Cargo.toml", "pyproject.toml", "rust-toolchain.toml"):
        if (ROOT / name).exists():
            yield ROOT / name
    for folder in ("crates", ".cargo"):
        for parent, folders, names in os.walk(ROOT / folder):
            folders.sort()
            yield from (Path(parent) / name for name in sorted(names))


def fingerprint() -> str:
    """A digest of the sources' names and contents, and of the flags they are built with."""
    return digest_of(sources(), os.environ.get("RUSTFLAGS", ""))


def lock() -> str:
    """A digest of Cargo.lock; a build that had to complete the file is not out of date by that."""
    path = ROOT / "Cargo.lock"
    return digest_of([path] if path.exists() else [])


def digest_of(paths: Iterable[Path], flags: str = "") -> str:
    digest = hashlib.sha256(flags.encode())
    for path in paths:
        content = path.read_bytes()
        digest.update(f"\0{path.relative_to(ROOT)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
