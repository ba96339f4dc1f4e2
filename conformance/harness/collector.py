"""What aioxide reports of the programs that tests are: collected in the worker, with all checks on.

A report becomes an event, by the way on which it reaches a user:

* `test`: what is found round a test, as aioxide's pytest plugin tells it (where pytest runs the
  suite, by that plugin), and what blocks the loop for longer than `BLOCKING` there;
* `stderr`: what the loop writes there;
* `log`: what asyncio logs of tasks and sessions that were lost;
* `warning`: coroutines that were never awaited, and what was not closed, where the suite's own
  filters let such warnings through.
"""

import contextlib
import functools
import json
import logging
import os
import re
import sysconfig
import warnings
from dataclasses import replace

BLOCKING = "50ms"
LOST = ("Task exception was never retrieved", "Future exception was never retrieved")
LOST += ("Task was destroyed but it is pending!", "Unclosed ")
PLUGIN = "aioxide.pytest_plugin"
# What differs each time: addresses, numbers (but not those of lines), names of tasks.
ADDRESS = re.compile(r"0x[0-9a-f]+")
NUMBER = re.compile(r"(?<![\w:.])(?<!line )\d[\d.]*")


def normal(text):
    return NUMBER.sub("N", ADDRESS.sub("0x", text))


class Collector:
    """Sends an event for each report."""

    def __init__(self, events):
        from aioxide import _diagnostics
        from aioxide.diagnostics import report

        self.send = events.send
        self.loops = None
        # Where the files of this run happen to be; a test may go elsewhere.
        self.folders = [os.getcwd(), sysconfig.get_path("purelib"), sysconfig.get_path("stdlib")]
        self.blocked = []
        chosen = replace(_diagnostics.default(), origins=True, pending=True, unstarted=True)
        _diagnostics.set_default(chosen)
        emit = report.emit

        @functools.wraps(emit)
        def collected(loop, kind, text, fields):
            self.tell("stderr", kind, "\n".join(text))
            emit(loop, kind, text, fields)

        report.emit = collected
        handler = logging.Handler()
        handler.emit = self.logged
        logging.getLogger("asyncio").addHandler(handler)

    def short(self, text):
        for folder in self.folders:
            text = text.replace(folder + os.sep, "")
        return text

    def tell(self, way, kind, text, site=None):
        text = self.short(text)
        key = normal(text if site is None else self.short(site))
        self.send(event="report", way=way, kind=kind, site=key, text=text)

    def logged(self, record):
        message = record.getMessage()
        if not message.startswith(LOST):
            return
        error = record.exc_info[1] if record.exc_info else None
        text = message if error is None else f"{message}\n{type(error).__name__}: {error}"
        # The names of tasks are in the second line.
        lines = [line for line in text.splitlines() if not line.startswith(("future:", "task:"))]
        self.tell("log", message.splitlines()[0], text, "\n".join(lines))

    def warned(self, category, message, file, line):
        if issubclass(category, (RuntimeWarning, ResourceWarning)):
            site = f"{file}:{line} {message.splitlines()[0]}" if message else f"{file}:{line}"
            self.tell("warning", category.__name__, f"{file}:{line}: {message}", site)

    def leaks(self, leaks):
        for leak in leaks:
            coroutine, *rest = leak.names[-1], *leak.lines[1:]
            site = "\n".join([coroutine, *rest]) if rest else None
            self.tell("test", leak.kind, "\n".join(leak.lines), site)

    def blocking(self, reports):
        for report in reports:
            site = report["site"]
            place = f"{site['file']}:{site['line']} in {site['function']}"
            self.tell("test", "blocked", json.dumps(report), f"{place}, {report['kind']}")

    def watch_tests(self, folder):
        """Where no plugin of pytest does: the loops that tests make, and what blocks them.

        The tests, in this folder of the standard library, are the program.
        """
        import weakref

        from aioxide import _diagnostics
        from aioxide.diagnostics import sites

        of_package = sites.of_package
        sites.of_package = lambda file: not file.startswith(folder) and of_package(file)

        self.loops = _diagnostics.made = weakref.WeakSet()
        _diagnostics.set_default(
            replace(
                _diagnostics.default(),
                blocking=_diagnostics.parse_duration(BLOCKING),
                blocking_action=self.blocked.append,
            )
        )
        warnings.simplefilter("default", ResourceWarning)
        warnings.showwarning = self.show_warning

    def show_warning(self, message, category, filename, lineno, file=None, line=None):
        self.warned(category, str(message), filename, lineno)

    @contextlib.contextmanager
    def test(self):
        from aioxide._diagnostics import own_time, parse_duration
        from aioxide.diagnostics import leaks

        self.blocked.clear()
        with leaks.Around(self.loops) as around:
            yield
        self.leaks(around.left())
        limit = parse_duration(BLOCKING)
        self.blocking([report for report in self.blocked if own_time(report) > limit])
        self.blocked.clear()


class Plugin:
    """Collects what aioxide's own plugin warns of, where pytest runs a suite."""

    OPTIONS = ("-p", PLUGIN, "--aioxide-leaks=warn", f"--aioxide-blocking=warn:{BLOCKING}")

    def __init__(self, collector):
        self.collector = collector

    def pytest_configure(self, config):
        # Many suites have a filter that makes errors of warnings.
        for name in ("LeakWarning", "BlockingWarning"):
            config.addinivalue_line("filterwarnings", f"always::{PLUGIN}.{name}")

    def pytest_warning_recorded(self, warning_message, when, nodeid, location):
        message = warning_message.message
        if hasattr(message, "leaks"):
            self.collector.leaks(message.leaks)
        elif hasattr(message, "reports"):
            self.collector.blocking(message.reports)
        else:
            where = warning_message.filename, warning_message.lineno
            self.collector.warned(warning_message.category, str(message), *where)
