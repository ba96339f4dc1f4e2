"""What the user may have meant: a name close to one that does not exist."""

import difflib
import os
import pkgutil
import sys
from collections.abc import Iterable

__all__ = ["among", "for_file", "for_module", "option", "variable"]


def among(word: str, names: Iterable[str]) -> str | None:
    """``Did you mean ...?`` with at most three of the names, or None if none is close."""
    return _question(_close(word, names))


def option(word: str, names: Iterable[str]) -> str | None:
    """A hint for an option that does not exist; `names` have their dashes."""
    if not word.startswith("--"):
        return _question([name for name in names if name == word.swapcase()])
    # Without the dashes, which would make any two options alike.
    stems = [name[2:] for name in names if name.startswith("--")]
    return _question([f"--{stem}" for stem in _close(word[2:], stems)])


def variable(name: str, names: Iterable[str]) -> str | None:
    """A hint for a variable of the environment that means nothing; all names begin alike."""
    # Without what all begin with, which would make any two alike.
    stems = {known.partition("_")[2]: known for known in names}
    return _question([stems[found] for found in _close(name.partition("_")[2], stems)])


def for_file(path: str) -> str | None:
    """A hint for a script that does not exist."""
    directory, name = os.path.split(path)
    try:
        there = os.listdir(directory or ".")
    except OSError:
        return f"There is no directory {directory!r}."
    programs = [
        entry
        for entry in there
        if entry.endswith((".py", ".pyz", ".zip"))
        or os.path.isfile(os.path.join(directory, entry, "__main__.py"))
    ]
    # Compared without their endings, which would make any two scripts alike.
    stems = {os.path.splitext(entry)[0]: entry for entry in sorted(programs, reverse=True)}
    stem = os.path.splitext(name)[0]
    close = _close(stem, stems)
    if not close and not directory and name in _top_level_modules():
        return f"There is a module of that name: aioxide run -m {name}"
    return _question([os.path.join(directory, stems[found]) for found in close])


def for_module(name: str) -> str | None:
    """A hint for a module that does not exist."""
    if name.endswith(".py"):
        if os.path.isfile(name):
            return f"To run that file: aioxide run {name}"
        return f"A module's name has no .py: aioxide run -m {name[:-3]}"
    parent, _, _ = name.rpartition(".")
    if not parent:
        return among(name, _top_level_modules())
    package = sys.modules.get(parent)
    path = getattr(package, "__path__", ())
    return among(name, [f"{parent}.{module.name}" for module in pkgutil.iter_modules(path)])


def _close(word: str, names: Iterable[str]) -> list[str]:
    # 0.65 still takes a wrong letter of three, 0.6 (difflib's own) makes nope of opcode.
    return difflib.get_close_matches(word, list(names), n=3, cutoff=0.65)


def _question(names: list[str]) -> str | None:
    return f"Did you mean {' or '.join(map(repr, names))}?" if names else None


def _top_level_modules() -> set[str]:
    names = {module.name for module in pkgutil.iter_modules()} | sys.stdlib_module_names
    return {name for name in names if not name.startswith("_")}
