"""The part of the pytest plugin that looks at how long tests block aioxide's loops."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

__all__ = ["MARKER", "Blocking", "BlockingWarning", "parse"]

MARKER = "aioxide_allow_blocking"
DEFAULT = 0.1
"""The limit where none is given, in seconds."""


class BlockingWarning(pytest.PytestWarning):
    """A test has blocked the loop. `reports` are those that `Diagnostics.blocking_action` gets."""

    # By the message alone, xdist makes it anew in the process that prints it.
    def __init__(self, message: str, reports: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.reports = reports


def parse(text: str) -> tuple[str, float]:
    """What is to happen, and from how many seconds on: of ``warn``, ``error:50ms`` and the like.

    Raises pytest.UsageError.
    """
    from aioxide._diagnostics import parse_duration

    action, colon, limit = text.partition(":")
    if action not in ("off", "warn", "error"):
        raise pytest.UsageError(
            f"--aioxide-blocking is off, warn or error, and may end in a time as in error:50ms; "
            f"not {text!r}"
        )
    if not colon:
        return action, DEFAULT
    try:
        return action, parse_duration(limit)
    except ValueError as error:
        raise pytest.UsageError(f"--aioxide-blocking={text}: {error}") from None


def allowed(item: pytest.Item) -> float:
    """For how many seconds the test may block the loop, by its markers; 0 without one."""
    from aioxide._diagnostics import parse_duration

    most = 0.0
    for marker in item.iter_markers(MARKER):
        if not marker.args:
            return float("inf")
        try:
            most = max(most, *(parse_duration(str(limit)) for limit in marker.args))
        except ValueError as error:
            pytest.fail(f"{MARKER}: {error}", pytrace=False)
    return most


class Blocking:
    """Collects what blocks the loops while a test runs."""

    def __init__(self, action: str, limit: float) -> None:
        from aioxide import _diagnostics

        self.action = action
        self.limit = limit
        self.previous = _diagnostics._default
        self.reports: list[Mapping[str, Any]] = []
        _diagnostics.set_default(
            replace(_diagnostics.default(), blocking=limit, blocking_action=self.reports.append)
        )

    def end(self) -> None:
        from aioxide import _diagnostics

        _diagnostics.set_default(self.previous)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        most = allowed(item)
        # What a fixture has blocked is not the test's.
        self.reports.clear()
        result = yield
        from aioxide._diagnostics import own_time

        most = max(most, self.limit)
        found = [report for report in self.reports if own_time(report) > most]
        self.reports.clear()
        if found:
            text = "\n".join(explain(report) for report in found)
            if self.action == "error":
                pytest.fail(text, pytrace=False)
            item.warn(BlockingWarning(text, found))
        return result


def explain(report: Mapping[str, Any]) -> str:
    """A report in a few lines."""
    from aioxide._diagnostics import own_time

    took, limit = own_time(report) * 1e3, report["limit"] * 1e3
    waited = (report["waited_for_processor"] or 0.0) * 1e3
    more = f", and waited for a processor for {waited:.0f} ms more" if waited >= 1 else ""
    blocked = f"the event loop was blocked for {took:.0f} ms (limit {limit:.0f} ms){more}"
    lines = [
        f"{blocked}, {report['doing']}",
        f"  at    {_line(report['site'])}",
    ]
    # What the program has called there.
    if report["site"] in report["stack"][1:]:
        lines.append(f"  in    {_line(report['stack'][0])}")
    if report["task"]:
        lines.append(f"  task  {report['task']['name']!r} ({report['task']['coroutine']})")
    if report["hint"]:
        lines.append(f"  hint  {report['hint']}")
    return "\n".join(lines)


def _line(frame: Mapping[str, Any]) -> str:
    from aioxide.diagnostics.sites import short_name

    if not frame["line"]:
        return "no line of Python"
    source = f": {frame['source']}" if frame["source"] else ""
    return f"{short_name(frame['file'])}:{frame['line']} in {frame['function']}{source}"
