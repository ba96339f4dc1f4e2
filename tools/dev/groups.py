"""The groups of `./dev test`. Each runs all of it; True if all passed, None if there was nothing
that this machine can run."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING, Callable, Optional

from . import failures, native
from .shell import ROOT, Problem, note, run, status

if TYPE_CHECKING:
    from .environment import Environment

Group = Callable[["Environment", "list[str]"], Optional[bool]]

# What conformance/cpython.py exits with where the interpreter comes without its test suite, and
# conformance/autobahn.py where there is no Python 2.7.
NO_SUITE = 77
# The extension leaves Python's symbols to the interpreter that loads it, so its crate cannot be
# linked into a Rust test.
PURE = ["--workspace", "--exclude", "aioxide-py"]
# Tests start programs of several threads, and some thousand connections: as many at a time as a
# machine of any size bears.
WORKERS = 4


def lint(environment: Environment, extra: list[str]) -> bool:
    cargo = native.cargo()
    python = environment.python
    # PyO3 compiles for the interpreter that this names.
    pyo3 = {"PYO3_PYTHON": python}
    clippy = [cargo, "clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]
    results = [
        run([cargo, "fmt", "--all", "--check"]),
        # A workspace of its own, which nothing else here looks into.
        run([cargo, "fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]),
        run(clippy, pyo3),
        run([python, "-m", "ruff", "check", *extra]),
        run([python, "-m", "ruff", "format", "--check"]),
        run([python, "-m", "mypy"]),
        run([python, "-m", "mypy.stubtest", "aioxide._aioxide"], {"MYPYPATH": "python"}),
    ]
    return all(results)


def rust(environment: Environment, extra: list[str]) -> bool:
    cargo = native.cargo()
    if shutil.which("cargo-nextest"):
        tests = run([cargo, "nextest", "run", *PURE, *extra])
    else:
        note("no cargo-nextest (`cargo install cargo-nextest` runs tests side by side)")
        tests = run([cargo, "test", *PURE, "--lib", "--bins", "--tests", *extra])
    # Examples in doc comments; nextest does not run them.
    return run([cargo, "test", "--quiet", *PURE, "--doc"]) and tests


def loom(environment: Environment, extra: list[str]) -> bool | None:
    tests = sorted(path.stem for path in ROOT.glob("crates/aioxide-core/tests/loom*.rs"))
    if not tests:
        note("no loom tests in crates/aioxide-core/tests")
        return None
    command = [native.cargo(), "test", "--release", "--package", "aioxide-core"]
    for test in tests:
        command += ["--test", test]
    # Its own folder: the flag changes every crate, and would throw the other builds away.
    return run(
        [*command, *extra],
        {"RUSTFLAGS": "--cfg loom", "CARGO_TARGET_DIR": str(ROOT / "target" / "loom")},
    )


def py(environment: Environment, extra: list[str]) -> bool:
    programs = {
        "AIOXIDE_LOAD": str(native.program("aioxide-load")),
        "AIOXIDE_SITE": str(native.program("aioxide-site")),
    }
    report = failures.REPORTS / f"py-{environment.interpreter.minor}.xml"
    command = [environment.python, "-m", "pytest", f"--junit-xml={report}"]
    return run([*command, *(extra or side_by_side())], programs)


def side_by_side() -> list[str]:
    """What makes pytest use the processors there are. A file's tests stay in one process."""
    count = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1, WORKERS)
    return [f"--numprocesses={count}", "--dist=loadfile"] if count > 1 else []


def conform(environment: Environment, extra: list[str]) -> bool | None:
    code = status([environment.python, str(ROOT / "conformance" / "cpython.py"), *extra])
    return None if code == NO_SUITE else code == 0


def suites(environment: Environment, extra: list[str]) -> bool:
    environment.prepare(("dev", "test", "suites"))
    return run([environment.python, str(ROOT / "conformance" / "suites.py"), *extra])


def autobahn(environment: Environment, extra: list[str]) -> bool | None:
    code = status([environment.python, str(ROOT / "conformance" / "autobahn.py"), *extra])
    return None if code == NO_SUITE else code == 0


GROUPS: dict[str, Group] = {
    "lint": lint,
    "rust": rust,
    "loom": loom,
    "py": py,
    "conform": conform,
    "suites": suites,
    "autobahn": autobahn,
}
WORDS = {True: "passed", False: "FAILED", None: "skipped"}
# What depends on the interpreter; the others run once for all of them.
EACH = ("py", "conform")
# What runs where no environment has been made.
WITHOUT_PYTHON = {"rust", "loom"}
USUAL = ["lint", "rust", "py"]
# Other packages' suites take as long as all the rest: they run by their name only.
ALL = ["lint", "rust", "loom", "py", "conform"]


def fix(environment: Environment) -> None:
    """Let the formatters and ruff change what they can."""
    run([native.cargo(), "fmt", "--all"])
    run([native.cargo(), "fmt", "--manifest-path", "fuzz/Cargo.toml"])
    run([environment.python, "-m", "ruff", "check", "--fix-only", "--quiet"])
    run([environment.python, "-m", "ruff", "format"])


def run_groups(names: list[str], environment: Environment, extra: list[str]) -> bool:
    """Run every group, whatever the ones before it did, and print a summary."""
    failures.forget()
    return summed_up([attempt(name, name, environment, extra) for name in names])


def run_on_each(
    names: list[str],
    default: Environment,
    environments: list[Environment],
    prepare: Callable[[Environment], None],
    extra: list[str],
) -> bool:
    """As run_groups, with what depends on the interpreter on each of them."""
    failures.forget()
    results = [attempt(name, name, default, extra) for name in names if name not in EACH]
    for environment in environments:
        minor = environment.interpreter.minor
        for name in names:
            if name in EACH:
                label = f"{name} {minor}"
                results.append(attempt(label, name, environment, extra, prepare))
    return summed_up(results)


Result = tuple[str, Optional[bool], float]


def attempt(
    label: str,
    name: str,
    environment: Environment,
    extra: list[str],
    prepare: Callable[[Environment], None] = lambda environment: None,
) -> Result:
    note(f"group {label}")
    started = time.monotonic()
    passed: bool | None = False
    try:
        prepare(environment)
        passed = GROUPS[name](environment, extra)
    except Problem as problem:
        note(str(problem))
    return label, passed, time.monotonic() - started


def summed_up(results: list[Result]) -> bool:
    failures.say_again()
    width = max((len(label) for label, *_ in results), default=0)
    for label, passed, seconds in results:
        note(f"{label:{width}} {WORDS[passed]} in {seconds:.1f} s")
    return all(passed is not False for _, passed, _ in results)
