"""What failed in a run of pytest, read back from its JUnit report: said again at the end, where a
log that keeps its last lines only still has it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from .shell import ROOT, note

if TYPE_CHECKING:
    from pathlib import Path

REPORTS = ROOT / "target" / "tests"
# Beyond these a failure has its name only.
SHOWN_WHOLE = 8
# The end of a traceback says what went wrong.
LINES = 30


def forget(reports: Path = REPORTS) -> None:
    """Old reports go, so that they aren't taken for this run's."""
    reports.mkdir(parents=True, exist_ok=True)
    for report in reports.glob("*.xml"):
        report.unlink()


def read(report: Path) -> list[tuple[str, str]]:
    """Name and text of each test that failed, in the order they ran."""
    try:
        cases = ElementTree.parse(report).getroot().iter("testcase")
    except ElementTree.ParseError:
        # pytest was killed while it wrote.
        return []
    return [
        (f"{case.get('classname')}::{case.get('name')}", what.text or what.get("message") or "")
        for case in cases
        for what in case
        if what.tag in {"failure", "error"}
    ]


def say_again(reports: Path = REPORTS) -> None:
    failed = [each for report in sorted(reports.glob("*.xml")) for each in read(report)]
    for name, text in failed[:SHOWN_WHOLE]:
        note(f"FAILED {name}")
        lines = text.rstrip().splitlines()
        if len(lines) > LINES:
            lines = [f"... {len(lines) - LINES} lines before", *lines[-LINES:]]
        for line in lines:
            note(f"  {line}")
    for name, _ in failed[SHOWN_WHOLE:]:
        note(f"FAILED {name}")
