"""A file of over 800 lines holds more than one idea."""

import re
from pathlib import Path

from .tree import ROOT, plant, tracked

LIMIT = 800
# Files that may be longer: path = reason.
LONGER: dict[str, str] = {
    "python/aioxide/_aioxide.pyi": "the stub of one module cannot be parted",
}

RUST_TESTS = re.compile(
    r"^#\[cfg\((?:all\()?test\b[^\n]*\n(?:#\[[^\n]*\n)*mod \w+ \{", re.MULTILINE
)


def is_test(name: str) -> bool:
    parts = Path(name).parts
    return "tests" in parts[:-1] or parts[-1].startswith("test_") or parts[-1] == "tests.rs"


def length(path: Path) -> int:
    """Lines without the module of unit tests that closes a Rust file."""
    text = path.read_text()
    if path.suffix == ".rs":
        tests = RUST_TESTS.search(text)
        text = text[: tests.start()] if tests else text
    return len(text.splitlines())


def too_long(root: Path) -> dict[str, int]:
    lengths: dict[str, int] = {}
    for path in tracked(root):
        name = str(path.relative_to(root))
        if (path.suffix in (".rs", ".py", ".pyi") or name == "dev") and not is_test(name):
            lines = length(path)
            if lines > LIMIT:
                lengths[name] = lines
    return lengths


def test_no_file_is_too_long() -> None:
    assert {name: lines for name, lines in too_long(ROOT).items() if name not in LONGER} == {}


def test_list_of_longer_files_is_not_stale() -> None:
    assert set(LONGER) - set(too_long(ROOT)) == set()
    assert all(len(reason) > 10 for reason in LONGER.values())


def test_long_file_is_found_and_its_tests_are_not_counted(tmp_path: Path) -> None:
    lines = "x = 1\n" * (LIMIT + 1)
    unit_tests = f"fn f() {{}}\n#[cfg(test)]\n#[expect(unused)]\nmod tests {{\n{lines}}}\n"
    plant(tmp_path, "python/long.py", lines)
    plant(tmp_path, "python/full.py", "x = 1\n" * LIMIT)
    plant(tmp_path, "python/test_long.py", lines)
    plant(tmp_path, "crates/a/tests/long.rs", lines)
    plant(tmp_path, "crates/a/src/tested.rs", unit_tests)
    plant(tmp_path, "crates/a/src/long.rs", lines + unit_tests)
    plant(tmp_path, "docs/long.md", lines)
    assert too_long(tmp_path) == {"crates/a/src/long.rs": LIMIT + 2, "python/long.py": LIMIT + 1}
