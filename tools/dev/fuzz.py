"""Fuzzing: the targets in fuzz/, cargo-fuzz, and what it finds.

    fuzz/fuzz_targets/NAME.rs   a target; its first comment says what it feeds
    fuzz/corpus/NAME            inputs to begin with, committed: few, and small
    fuzz/grown/NAME             every input that reached something new, on this machine only
    fuzz/artifacts/NAME         inputs that are findings, on this machine only

A run reads both folders of inputs and writes to `grown`. When it has ended without a finding, the
corpus gets what reaches something that nothing in it does.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
from pathlib import Path

from . import native
from .shell import ROOT, Problem, must, note, run

FUZZ = ROOT / "fuzz"
# The nightly compiler's switch for sanitizers and coverage, for the compiler that there is.
ENV = {"RUSTC_BOOTSTRAP": "1"}
# A corpus is in every checkout.
CORPUS_LIMIT = 200_000
# Seconds for one input. A parser that takes longer is a finding.
TIMEOUT = 10


def targets() -> dict[str, str]:
    """The targets, and what each feeds."""
    files = sorted((FUZZ / "fuzz_targets").glob("*.rs"))
    return {path.stem: told(path.read_text()) for path in files}


def told(source: str) -> str:
    """The first paragraph of a file's `//!` comment."""
    lines: list[str] = []
    for line in source.splitlines():
        match = re.match(r"//!\s?(.*)", line)
        text = match[1].strip() if match else ""
        if text:
            lines.append(text)
        elif lines:
            break
    return " ".join(lines) or "(its file does not say)"


def suggestion(name: str) -> str:
    """What a name that is none may have meant."""
    known = targets()
    close = [target for target in known if name in target]
    close = close or difflib.get_close_matches(name, known, 1)
    return f", is it {' or '.join(close)}?" if close else ";"


def tool() -> str:
    """Cargo's path, once it is known that this machine can fuzz."""
    cargo = native.cargo()
    compilers = [os.environ.get("CXX", ""), "c++", "g++", "clang++"]
    if not any(name and shutil.which(name.split()[0]) for name in compilers):
        raise Problem(
            "no C++ compiler, and libFuzzer is written in it: on Debian and Ubuntu "
            "`apt install g++`, or name yours in the environment variable CXX"
        )
    # Cargo looks for its sub-commands there, too.
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "bin"
    if not (shutil.which("cargo-fuzz") or shutil.which("cargo-fuzz", path=str(home))):
        note("no cargo-fuzz: installing it, once")
        must([cargo, "install", "--locked", "cargo-fuzz"])
    return cargo


def fuzz(name: str, minutes: float, extra: list[str]) -> bool:
    """Fuzz one target; False if there is a finding."""
    cargo = tool()
    corpus, grown = FUZZ / "corpus" / name, FUZZ / "grown" / name
    for folder in (corpus, grown):
        folder.mkdir(parents=True, exist_ok=True)
    before = findings(name)
    limits = [f"-max_total_time={max(1, round(minutes * 60))}", f"-timeout={TIMEOUT}"]
    passed = run([*command(cargo, name, grown, corpus), "--", *limits, *extra], ENV)
    # libFuzzer may have been told to go on after a finding.
    new = sorted(findings(name) - before)
    for path in new:
        shown = path.relative_to(ROOT)
        note(f"{name}: a finding: {shown}")
        note(f"run it again: ./dev fuzz {name} {shown}")
    if not passed and not new:
        raise Problem(f"{name} did not run: see above")
    if not new:
        keep(cargo, name)
    return not new


def again(name: str, inputs: list[str]) -> bool:
    """Run a target on these inputs only."""
    cargo = tool()
    missing = [path for path in inputs if not Path(path).is_file()]
    if missing:
        raise Problem(f"no file {missing[0]}")
    return run(command(cargo, name, *(Path(path).resolve() for path in inputs)), ENV)


def command(cargo: str, name: str, *inputs: Path) -> list[str]:
    return [cargo, "fuzz", "run", "--fuzz-dir", str(FUZZ), name, *map(str, inputs)]


def findings(name: str) -> set[Path]:
    return {path for path in (FUZZ / "artifacts" / name).glob("*") if path.is_file()}


def keep(cargo: str, name: str) -> None:
    """Add to the corpus what reaches something new, and make it small when it has become large."""
    corpus, grown = FUZZ / "corpus" / name, FUZZ / "grown" / name
    merge(cargo, name, corpus, grown)
    if size_of(corpus) > CORPUS_LIMIT:
        least = grown.with_name(f"{name}.least")
        shutil.rmtree(least, ignore_errors=True)
        least.mkdir()
        merge(cargo, name, least, corpus, grown)
        kept = smallest(least, CORPUS_LIMIT)
        for path in corpus.glob("*"):
            if path.name not in kept:
                path.unlink()
        for file in kept:
            shutil.copyfile(least / file, corpus / file)
        shutil.rmtree(least)
    note(f"{name}: the corpus has {len(list(corpus.glob('*')))} inputs, {size_of(corpus)} bytes")


def merge(cargo: str, name: str, into: Path, *folders: Path) -> None:
    must([*command(cargo, name, into, *folders), "--", "-set_cover_merge=1"], ENV)


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*"))


def smallest(folder: Path, left: int) -> set[str]:
    """The names of the smallest files, as many as have room in `left` bytes together."""
    kept: set[str] = set()
    for size, name in sorted((path.stat().st_size, path.name) for path in folder.glob("*")):
        left -= size
        if left < 0:
            break
        kept.add(name)
    return kept
