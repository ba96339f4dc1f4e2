"""The pytest plugin that comes with aioxide. It does nothing unless its options are used.

``--aioxide-leaks=warn`` (or ``error``; ``aioxide_leaks`` in pytest's configuration) looks after
each test, before its fixtures are torn down, for what the test itself has left on aioxide's loops:
tasks that are not done, coroutines that were never awaited and exceptions that nobody asked for.
What fixtures have made before does not count. Open transports are told of when the test's loop is
closed, since a fixture may own them.

``@pytest.mark.aioxide_allow_leaks("name", ...)`` allows a test to leave tasks or coroutines of
these names (with wildcards), or whole kinds: ``"tasks"``, ``"coroutines"``, ``"exceptions"``,
``"transports"``; without arguments, everything.

``--aioxide-blocking=warn`` (or ``error``, or with a limit: ``error:50ms``; ``aioxide_blocking`` in
the configuration) tells of steps of a test that keep a loop longer than that, 100 ms if no limit is
given. ``@pytest.mark.aioxide_allow_blocking("200ms")`` allows a test to do so for longer; without
arguments, for as long as it likes.

It looks at loops, not at test runners: it serves pytest-asyncio, anyio's plugin, unittest, and
tests that call `aioxide.run()`.
"""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from aioxide import _pytest_blocking as blocking
from aioxide._pytest_blocking import BlockingWarning

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from aioxide.diagnostics.observers import Leak

__all__ = ["BlockingWarning", "LeakWarning"]

MARKER = "aioxide_allow_leaks"
NAME = "aioxide-leaks"
BLOCKING = "aioxide-blocking"
# The task in which anyio's plugin runs tests and fixtures.
RUNNERS = ("TestRunner._run_tests_and_fixtures",)


class LeakWarning(pytest.PytestWarning):
    """A test has left something behind. `leaks` are the single ones."""

    # By the message alone, xdist makes it anew in the process that prints it.
    def __init__(self, message: str, leaks: Sequence[Leak] = ()) -> None:
        super().__init__(message)
        self.leaks = leaks


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("aioxide")
    group.addoption(
        "--aioxide-leaks",
        choices=("off", "warn", "error"),
        help="look after each test for tasks, coroutines, exceptions and transports that it left "
        "on aioxide's loops",
    )
    parser.addini("aioxide_leaks", "the default of --aioxide-leaks: off, warn or error", default="")
    group.addoption(
        "--aioxide-blocking",
        metavar="off|warn|error[:LIMIT]",
        help="tell of tests that block aioxide's loops for longer than the limit: 100ms, unless "
        "given as in error:50ms",
    )
    parser.addini("aioxide_blocking", "the default of --aioxide-blocking", default="")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{MARKER}(*names): what the test may leave behind on aioxide's loops; everything, if "
        "nothing is named",
    )
    action = config.getoption("--aioxide-leaks") or config.getini("aioxide_leaks") or "off"
    if action not in ("off", "warn", "error"):
        raise pytest.UsageError(f"aioxide_leaks is off, warn or error, not {action!r}")
    config.addinivalue_line(
        "markers",
        f"{blocking.MARKER}(*limits): for how long the test may block aioxide's loops, as in "
        '"200ms"; for as long as it likes, if nothing is given',
    )
    text = config.getoption("--aioxide-blocking") or config.getini("aioxide_blocking") or "off"
    block_action, limit = blocking.parse(text)
    try:
        if action != "off":
            config.pluginmanager.register(Leaks(action), NAME)
        if block_action != "off":
            config.pluginmanager.register(blocking.Blocking(block_action, limit), BLOCKING)
    except ValueError as error:
        # A variable of the environment means nothing.
        raise pytest.UsageError(str(error)) from None


def pytest_unconfigure(config: pytest.Config) -> None:
    # In the opposite order: each puts back what it found.
    for name in (BLOCKING, NAME):
        plugin = config.pluginmanager.get_plugin(name)
        if plugin is not None:
            config.pluginmanager.unregister(plugin)
            plugin.end()


class Leaks:
    """Looks at what a test leaves."""

    def __init__(self, action: str) -> None:
        from aioxide import _diagnostics

        self.action = action
        self.previous = _diagnostics._default
        # Where coroutines were created is worth its price in tests.
        _diagnostics.set_default(replace(_diagnostics.default(), origins=True))
        self.loops: weakref.WeakSet[Any] = weakref.WeakSet()
        _diagnostics.made = self.loops

    def end(self) -> None:
        from aioxide import _diagnostics

        _diagnostics.set_default(self.previous)
        _diagnostics.made = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        from aioxide.diagnostics import leaks

        markers = list(item.iter_markers(MARKER))
        allowed = [str(name) for marker in markers for name in marker.args]
        if markers and not allowed:
            return (yield)
        with leaks.Around(self.loops) as around:
            result = yield
        self._tell(item, around.left(allowed, RUNNERS))
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """A connection may be a fixture's, in the pool of a session: the loop's end tells."""
        from aioxide.diagnostics import leaks, observers

        markers = list(item.iter_markers(MARKER))
        allowed = [str(name) for marker in markers for name in marker.args]
        found: list[Leak] = []
        with observers.observe(found.append):
            result = yield
        if not markers or allowed:
            found = [leak for leak in found if leak.kind == "transports"]
            self._tell(item, leaks.without(found, allowed))
        return result

    def _tell(self, item: pytest.Item, left: list[Leak]) -> None:
        from aioxide.diagnostics import leaks

        if not left:
            return
        text = leaks.explain(left)
        if self.action == "error":
            pytest.fail(text, pytrace=False)
        item.warn(LeakWarning(text, left))
