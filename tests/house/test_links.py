"""The documents point at files that are there."""

import re
from pathlib import Path

from .tree import ROOT, plant, tracked

LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def dead_links(root: Path) -> list[str]:
    dead: list[str] = []
    for path in tracked(root):
        if path.suffix == ".md":
            for target in LINK.findall(CODE.sub("", path.read_text())):
                if "://" not in target and not target.startswith("mailto:"):
                    place = path.parent / target
                    if not place.exists():
                        dead.append(f"{path.relative_to(root)}: {target}")
    return dead


def test_links_lead_somewhere() -> None:
    assert dead_links(ROOT) == []


def test_dead_link_is_found(tmp_path: Path) -> None:
    text = "[a](b.md#part) [c](https://example.org/x) `[d](e)` [f](#here) [g](../gone.md) [h](.)"
    plant(tmp_path, "docs/a.md", text)
    plant(tmp_path, "docs/b.md", "```\n[x](y.md)\n```\n")
    assert dead_links(tmp_path) == ["docs/a.md: ../gone.md"]
