"""The project's files as the house tests see them."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

MADE = {
    *(".dev", ".git", ".mypy_cache", ".pytest_cache", ".ruff_cache"),
    *("__pycache__", "dist", "out", "target"),
}

# What a checker of Rust code must not look into. Raw strings come before plain ones, and a
# character literal is told from a lifetime by its closing quote.
NOT_CODE = re.compile(
    r"""
      //[^\n]*
    | /\*.*?\*/
    | \bb?r(\#*)".*?"\1
    | "(?:\\.|[^"\\])*"
    | '(?:\\.[^']*|[^\\'])'
    """,
    re.VERBOSE | re.DOTALL,
)


def tracked(root: Path = ROOT) -> list[Path]:
    """The files under version control that exist; without git, the files that are not made."""
    command = ["git", "ls-files", "-z"]
    try:
        if not (root / ".git").exists():
            return walk(root)
        answer = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return walk(root)
    paths = [root / name for name in answer.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def walk(root: Path) -> list[Path]:
    """The files outside the folders that builds and tools make."""
    return sorted(
        path
        for path in root.rglob("*")
        if path.is_file() and MADE.isdisjoint(path.relative_to(root).parts) and path.suffix != ".so"
    )


def rust_code(text: str) -> str:
    """Rust source without comments and literals; every line stays on its line."""
    return NOT_CODE.sub(lambda match: re.sub(r"[^\n]+", " ", match[0]), text)


def plant(root: Path, name: str, text: str) -> None:
    """Put a file into a made-up project."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
