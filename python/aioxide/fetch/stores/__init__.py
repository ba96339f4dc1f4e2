"""Where pages go, by the name of the output."""

from __future__ import annotations

import os
from pathlib import Path

from aioxide import _suggest

from .base import Store as Store
from .base import StoreError as StoreError

__all__ = ["ENDINGS", "Store", "StoreError", "kind_of", "open_store"]

#: The ending of a file's name, and what is written there.
ENDINGS = {
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
    ".db": "sqlite",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".warc": "warc",
    ".warc.gz": "warc",
}


def kind_of(output: str) -> str:
    """What an output is: folder, sqlite, jsonl or warc. Raises StoreError if that is not clear."""
    path = Path(output)
    if output.endswith(os.sep) or path.is_dir():
        return "folder"
    for ending, kind in ENDINGS.items():
        if path.name.lower().endswith(ending) and len(path.name) > len(ending):
            return kind
    # What begins at the first dot, as two of the endings have two.
    ending = "".join(
        path.suffixes[-2:] if path.name.lower().endswith(".gz") else path.suffixes[-1:]
    )
    if not ending:
        return "folder"
    hint = _suggest.among(ending, ENDINGS)
    text = f"{output!r}: the ending {ending} says nothing about what to write. "
    if hint is None:
        hint = f"A file ends in {', '.join(ENDINGS)}; a folder in {os.sep}"
    raise StoreError(text + hint)


def open_store(output: str) -> Store:
    """Open what is at `output`, or begin it. Raises StoreError."""
    kind = kind_of(output)
    path = Path(output)
    if kind == "folder":
        from .folder import Folder

        return Folder(path)
    if not path.parent.is_dir():
        raise StoreError(f"cannot write {output}: there is no folder {str(path.parent)!r}")
    if kind == "sqlite":
        from .sqlite import Sqlite

        return Sqlite(path)
    if kind == "jsonl":
        from .jsonl import JsonLines

        return JsonLines(path)
    from .warc import Warc

    return Warc(path)
