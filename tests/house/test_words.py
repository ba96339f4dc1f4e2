"""No file speaks of the machine that it was written on."""

import re
from pathlib import Path

import pytest

from .tree import ROOT, plant, tracked

# A slash in front of these begins an absolute path unless it goes on from a word or another path.
PLACES = re.compile(r"(?<![\w.~})/-])/(?:root|work|home/\w+|Users/\w+)(?![\w-])|\.\./shared\b")
# Paths that a file may name all the same: path = reason.
EXCEPTED: dict[str, str] = {}


def machine_paths(root: Path) -> list[str]:
    lines: list[str] = []
    for path in tracked(root):
        name = str(path.relative_to(root))
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # a picture
        for number, line in enumerate(text.splitlines(), 1):
            match = PLACES.search(line)
            if match and name not in EXCEPTED:
                lines.append(f"{name}:{number}: {match[0]}")
    return lines


def test_no_file_names_a_path_of_the_machine() -> None:
    assert machine_paths(ROOT) == []


@pytest.mark.parametrize("place", ["root", "work", "home/ann"])
@pytest.mark.parametrize("line", ["cd {}/main", '"{}"', "PATH={}/bin:x", "({})"])
def test_path_of_the_machine_is_found(tmp_path: Path, place: str, line: str) -> None:
    plant(tmp_path, "docs/a.md", "fine\n" + line.format(f"/{place}"))
    plant(tmp_path, "docs/picture.png", "")
    (tmp_path / "docs/picture.png").write_bytes(b"\x89PNG\xff")
    assert machine_paths(tmp_path) == [f"docs/a.md:2: /{place}"]


def test_folder_beside_the_project_is_found(tmp_path: Path) -> None:
    folder = "shared"
    plant(tmp_path, "a.py", f"# see ../{folder}/design.md")
    assert machine_paths(tmp_path) == [f"a.py:1: ../{folder}"]


def test_other_paths_are_fine(tmp_path: Path) -> None:
    plant(tmp_path, "a.md", "https://example.org/work/ ~/work {root}/work /rooted ./root /workers")
    assert machine_paths(tmp_path) == []
