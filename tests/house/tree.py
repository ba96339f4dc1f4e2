"""The project's files as the house tests see them."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

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
    """The files under version control that exist, or every file where there is no repository."""
    if not (root / ".git").exists():
        return sorted(path for path in root.rglob("*") if path.is_file())
    answer = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, check=True, stdout=subprocess.PIPE, text=True
    )
    paths = [root / name for name in answer.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def rust_code(text: str) -> str:
    """Rust source without comments and literals; every line stays on its line."""
    return NOT_CODE.sub(lambda match: re.sub(r"[^\n]+", " ", match[0]), text)


def plant(root: Path, name: str, text: str) -> None:
    """Put a file into a made-up project."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
