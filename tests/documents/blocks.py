"""The blocks of code in the documents that users read."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """One block: its place is the document's name and its number among those of its language."""

    place: str
    text: str


def of_language(language: str) -> list[Block]:
    found = []
    for document in DOCUMENTS:
        texts = [text for name, text in FENCE.findall(document.read_text()) if name == language]
        for number, text in enumerate(texts, 1):
            found.append(Block(f"{document.stem} {number}", text))
    return found


def lines_with(start: str) -> list[str]:
    """The commands that begin in this way, in blocks without a language and within sentences."""
    found = []
    for document in DOCUMENTS:
        text = document.read_text()
        lines = [
            line.strip()
            for name, block in FENCE.findall(text)
            if not name
            for line in block.splitlines()
        ]
        # In a sentence a command may go over the end of a line.
        sentences = re.sub(r"\n(?! *[-|]|\n)", " ", FENCE.sub("", text))
        lines += [code.strip() for code in INLINE.findall(sentences)]
        # Behind a command in a block stands what it does.
        found += [re.split(r"  +", line)[0] for line in lines if line.startswith(start)]
    return found


async def run_inside(text: str, names: dict[str, object]) -> dict[str, object]:
    """Run a block that awaits, and return the names that it has left."""
    code = compile(text, "<block>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    outcome = eval(code, names)
    if outcome is not None:
        await outcome
    return names
