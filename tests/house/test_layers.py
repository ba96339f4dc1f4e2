"""The borders between the layers, read from the manifests and the sources."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .tree import ROOT, plant, rust_code, tracked

SPEAKS_PYTHON = {"crates/aioxide-py"}
CLOCK_FILE = "crates/aioxide-core/src/clock.rs"
READS_THE_CLOCK = {
    CLOCK_FILE: "the one that everybody asks",
    "crates/aioxide-py/src/watch/cpu_time.rs": "how long a thread has run, which is no time of day",
    "crates/aioxide-core/src/sys/tsc.rs": "the processor's counter, which clock.rs alone reads",
}
# Files with `unsafe` of which neither the first lines nor the `mod` line say why: path = reason.
UNSAFE_ELSEWHERE: dict[str, str] = {
    "crates/aioxide-core/src/sys/epoll.rs": "one function borrows a descriptor that it is given",
}

CLOCK = re.compile(
    r"\b(Instant|SystemTime|UNIX_EPOCH|clock_gettime|gettimeofday|ClockId|_rdtsc|tsc::read)\b"
)
UNSAFE = re.compile(r"\bunsafe\b")
ISLAND = r'\[expect\(\s*unsafe_code,\s*reason\s*=\s*"[^"]{10,}"\s*,?\s*\)\]'


def manifests(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in tracked(root):
        if path.name == "Cargo.toml" and path.parent != root:
            yield str(path.parent.relative_to(root)), tomllib.loads(path.read_text())


def dependencies(manifest: dict[str, Any]) -> set[str]:
    """The packages that a crate needs, for any target and purpose, by their own names."""
    tables = [manifest, *manifest.get("target", {}).values()]
    names: set[str] = set()
    for table in tables:
        for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
            for name, wanted in table.get(kind, {}).items():
                names.add(wanted.get("package", name) if isinstance(wanted, dict) else name)
    return names


def python_in_rust(root: Path) -> list[str]:
    """Crates other than the adapter that depend on PyO3."""
    return [
        crate
        for crate, manifest in manifests(root)
        if crate not in SPEAKS_PYTHON
        and any(name.startswith("pyo3") for name in dependencies(manifest))
    ]


def without_lints(root: Path) -> list[str]:
    """Crates that do not take the workspace's lints. One that is its own workspace (the fuzz
    targets are) need not have all of them, but it has no unsafe code either."""
    return [
        crate
        for crate, manifest in manifests(root)
        if manifest.get("lints") != {"workspace": True}
        or ("workspace" in manifest and not denies_unsafe(manifest["workspace"]))
    ]


def denies_unsafe(workspace: dict[str, Any]) -> bool:
    level = workspace.get("lints", {}).get("rust", {}).get("unsafe_code")
    return level in ("deny", "forbid")


def found(pattern: re.Pattern[str], text: str, name: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        match = pattern.search(line)
        if match:
            yield f"{name}:{number}: {match[0]}"


def clock_reads(root: Path) -> list[str]:
    """Lines in the crates that could read a clock; std's Duration is only a number."""
    lines: list[str] = []
    for path in tracked(root):
        name = str(path.relative_to(root))
        if re.fullmatch(r"crates/[^/]+/src/.*\.rs", name) and name not in READS_THE_CLOCK:
            lines += found(CLOCK, rust_code(path.read_text()), name)
    return lines


def unsafe_at_sea(root: Path) -> list[str]:
    """Lines with `unsafe` in files that are no island: nothing says why they have it."""
    lines: list[str] = []
    for path in tracked(root):
        name = str(path.relative_to(root))
        if path.suffix == ".rs" and name not in UNSAFE_ELSEWHERE and not is_island(path):
            lines += found(UNSAFE, rust_code(path.read_text()), name)
    return lines


def is_island(path: Path) -> bool:
    """Whether the file, or the line that makes it a module, says why it has unsafe code."""
    if re.search(f"#!{ISLAND}", path.read_text()):
        return True
    module, folder = path.stem, path.parent
    if module == "mod":
        module, folder = folder.name, folder.parent
    parents = [folder / "mod.rs", folder.with_suffix(".rs"), folder / "lib.rs", folder / "main.rs"]
    line = rf"#{ISLAND}\s*(?:#\[[^\n]*\s*)*(?:pub(?:\([^)]*\))? )?mod {module};"
    return any(parent.is_file() and re.search(line, parent.read_text()) for parent in parents)


def test_only_the_adapter_crate_depends_on_pyo3() -> None:
    assert "pyo3" in dependencies(dict(manifests(ROOT))["crates/aioxide-py"])
    assert python_in_rust(ROOT) == []


def test_every_crate_takes_the_workspace_lints() -> None:
    assert without_lints(ROOT) == []


def test_only_one_file_of_the_crates_reads_the_clock() -> None:
    assert CLOCK.search(rust_code((ROOT / CLOCK_FILE).read_text()))
    assert clock_reads(ROOT) == []


def test_unsafe_code_lives_on_islands() -> None:
    assert unsafe_at_sea(ROOT) == []


@pytest.mark.parametrize(
    ("listed", "pattern"), [(UNSAFE_ELSEWHERE, UNSAFE), (READS_THE_CLOCK, CLOCK)]
)
def test_list_of_exceptions_is_not_stale(listed: dict[str, str], pattern: re.Pattern[str]) -> None:
    for name in listed:
        assert pattern.search(rust_code((ROOT / name).read_text())), name


@pytest.mark.parametrize(
    "manifest",
    [
        '[dependencies]\npyo3 = "1"',
        '[dev-dependencies]\npython = { package = "pyo3", version = "1" }',
        '[target."cfg(unix)".build-dependencies]\npyo3-build-config = "1"',
    ],
)
def test_pyo3_in_another_crate_is_found(tmp_path: Path, manifest: str) -> None:
    plant(tmp_path, "crates/aioxide-py/Cargo.toml", '[dependencies]\npyo3 = "1"')
    plant(tmp_path, "crates/other/Cargo.toml", manifest)
    assert python_in_rust(tmp_path) == ["crates/other"]


def test_crate_without_lints_is_found(tmp_path: Path) -> None:
    plant(tmp_path, "crates/good/Cargo.toml", "[lints]\nworkspace = true")
    plant(tmp_path, "crates/bad/Cargo.toml", "[package]")
    own = "[lints]\nworkspace = true\n[workspace.lints.rust]\nunsafe_code = "
    plant(tmp_path, "fuzz/Cargo.toml", f'{own}"deny"')
    plant(tmp_path, "lax/Cargo.toml", f'{own}"warn"')
    plant(tmp_path, "loose/Cargo.toml", "[workspace]\n[lints]\nworkspace = true")
    assert without_lints(tmp_path) == ["crates/bad", "lax", "loose"]


def test_clock_read_is_found_in_code_and_nowhere_else(tmp_path: Path) -> None:
    source = """\
//! Never calls Instant::now.
use std::time::Duration;
const TEXT: &str = "SystemTime";
/* Instant
   again */
fn now() -> std::time::Instant {
    todo!()
}
"""
    plant(tmp_path, "crates/core/src/a/turn.rs", source)
    plant(tmp_path, "crates/core/tests/turn.rs", source)
    assert clock_reads(tmp_path) == ["crates/core/src/a/turn.rs:6: Instant"]


def test_unsafe_without_a_reason_is_found(tmp_path: Path) -> None:
    block = "fn f<'a>(c: &'a u8) -> u8 { if '\"' == 'x' { 0 } else { unsafe { g(c) } } }\n"
    reason = '#![expect(unsafe_code, reason = "the kernel writes into it")]\n'
    plant(tmp_path, "crates/a/src/island.rs", f"//! Buffers.\n{reason}{block}")
    plant(tmp_path, "crates/a/src/empty.rs", f'#![expect(unsafe_code, reason = "")]\n{block}')
    plant(tmp_path, "crates/a/src/plain.rs", block)
    plant(tmp_path, "crates/a/src/sys/deep.rs", block)
    plant(tmp_path, "crates/a/src/sys/mod.rs", f"{reason.replace('!', '')}pub mod deep;\n")
    plant(tmp_path, "crates/a/src/words.rs", '// unsafe\nconst A: &str = r#"unsafe "b""#;\n')
    assert unsafe_at_sea(tmp_path) == [
        "crates/a/src/empty.rs:2: unsafe",
        "crates/a/src/plain.rs:1: unsafe",
    ]
