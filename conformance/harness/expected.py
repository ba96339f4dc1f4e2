"""The expected failures: which tests, why, and whether the list is still true."""

import fnmatch
import operator
import re
import tomllib
from dataclasses import dataclass

from .suite import BROKEN

COMPARE = {">=": operator.ge, "<": operator.lt, "==": operator.eq}


class ExpectedError(Exception):
    """The file of expected failures is not as it must be."""


@dataclass(frozen=True)
class Entry:
    category: str
    glob: str
    reason: str

    def matches(self, test_id):
        return fnmatch.fnmatchcase(test_id, self.glob)


def load(path, version):
    """The entries of `path` that hold for Python `version`, a tuple such as (3, 13, 0)."""
    if not path.exists():
        return []
    with open(path, "rb") as file:
        try:
            categories = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise ExpectedError(f"{path.name}: {error}") from error
    entries = []
    for category, table in categories.items():
        scope = isinstance(table, dict) and table.get("reason")
        if not scope or not isinstance(table.get("tests"), dict):
            raise ExpectedError(f"{path.name}: [{category}] needs a reason and a table of tests")
        for glob, value in table["tests"].items():
            where = f"{path.name}: [{category}] {glob!r}"
            if isinstance(value, str):
                value = {"reason": value}
            if not isinstance(value, dict) or not value.keys() <= {"reason", "python"}:
                raise ExpectedError(f"{where} must be a reason, or a table of reason and python")
            if holds(value.get("python", ""), version, where):
                entries.append(Entry(category, glob, value.get("reason") or scope))
    return entries


def holds(condition, version, where):
    """Whether a condition such as ">=3.12.4, <3.14" is true of the version."""
    for part in filter(None, (part.strip() for part in condition.split(","))):
        found = re.fullmatch(r"(>=|<|==)\s*(\d+(?:\.\d+){1,2})", part)
        if found is None:
            raise ExpectedError(f"{where}: {part!r} is no condition such as '>=3.12'")
        bound = tuple(map(int, found[2].split(".")))
        if not COMPARE[found[1]](version[: len(bound)], bound):
            return False
    return True


def tests_of(entries, test_ids):
    return frozenset(
        test_id for test_id in test_ids if any(entry.matches(test_id) for entry in entries)
    )


@dataclass
class Verdict:
    unexpected_failures: list[str]
    unexpected_passes: list[tuple[str, Entry]]
    stale: list[Entry]

    def good(self):
        return not (self.unexpected_failures or self.unexpected_passes or self.stale)


def judge(outcomes, entries, *, whole):
    """Compare outcomes with entries; only a run of the whole suite can show an entry as stale."""
    failures = []
    passes = []
    used = set()
    for test_id, outcome in outcomes.items():
        matching = [entry for entry in entries if entry.matches(test_id)]
        if outcome.kind != "not-applicable":
            used.update(matching)
        if outcome.kind in BROKEN and not matching:
            failures.append(test_id)
        if outcome.kind == "pass":
            passes += [(test_id, entry) for entry in matching]
    stale = [entry for entry in entries if entry not in used] if whole else []
    return Verdict(failures, passes, stale)
