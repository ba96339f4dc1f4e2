"""What to run, and the outcome of each test: lists a suite, runs its classes, retries, controls."""

import fnmatch
import pathlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from . import processes

BROKEN = ("fail", "hang", "crash")
CONTROL = "asyncio"


class SuiteError(Exception):
    """The harness could not do its work; no verdict on any loop follows from it."""


@dataclass
class Outcome:
    """pass, skip, not-applicable, fail, hang, crash, or control (fails on asyncio as well)."""

    kind: str
    detail: str = ""
    loops: tuple[str, ...] = ()
    # How often the test used each name of the client under test.
    uses: dict[str, int] = field(default_factory=dict)
    # Failed among its class's other tests and passed in a process of its own.
    alone: bool = False


@dataclass
class TestClass:
    module: str
    name: str
    tests: list[str]

    def test_id(self, test):
        # A file of a suite that pytest runs counts as one class without a name.
        return ".".join(part for part in (self.module, self.name, test) if part)


@dataclass
class Suite:
    name: str
    classes: list[TestClass] = field(default_factory=list)
    skipped_modules: dict[str, str] = field(default_factory=dict)
    # The program that runs it, and what every request to that says beside what to run.
    worker: pathlib.Path = processes.WORKER
    settings: dict = field(default_factory=dict)

    def test_ids(self):
        return [cls.test_id(test) for cls in self.classes for test in cls.tests]

    def select(self, globs):
        """The part of the suite whose test, class or module ids match one of the globs."""
        for glob in globs:
            if not any(matches(test_id, [glob]) for test_id in self.test_ids()):
                raise SuiteError(f"no test matches {glob!r}")
        chosen = []
        for cls in self.classes:
            tests = [test for test in cls.tests if matches(cls.test_id(test), globs)]
            if tests:
                chosen.append(replace(cls, tests=tests))
        return replace(self, classes=chosen, skipped_modules={})

    def without(self, globs):
        """The suite less the tests that match one of the globs."""
        classes = []
        for cls in self.classes:
            left = [test for test in cls.tests if not matches(cls.test_id(test), globs)]
            if left:
                classes.append(replace(cls, tests=left))
        return replace(self, classes=classes)

    def only(self, wanted):
        """The part of the suite whose tests' ids are wanted."""
        classes = []
        for cls in self.classes:
            left = [test for test in cls.tests if wanted(cls.module, cls.test_id(test))]
            if left:
                classes.append(replace(cls, tests=left))
        return replace(self, classes=classes)


def matches(test_id, globs):
    """Whether a glob matches the test's id, its class's, its module's, or the test's own name."""
    parts = test_id.partition("[")[0].split(".")
    forms = (test_id, ".".join(parts[:2]), parts[0], parts[-1])
    return any(fnmatch.fnmatchcase(form, glob) for form in forms for glob in globs)


@dataclass
class Runner:
    suite: Suite
    loop: str
    limit: float
    suite_path: str | None = None
    jobs: int = 2
    # The client under test, for a suite that is about one; the control is the package's own.
    client: str = ""
    # Tests that are known to fail: they need no second run alone, and no control unless asked.
    expected: frozenset[str] = frozenset()
    control_all: bool = False
    # Told of each report of aioxide's: the test's id, and the event.
    heard: object = None
    report: object = lambda cls, outcomes: None

    def run(self):
        """The outcome of every test, by id, in the suite's order."""
        with ThreadPoolExecutor(self.jobs) as pool:
            by_class = pool.map(self.run_class, self.suite.classes)
            return {key: value for outcomes in by_class for key, value in outcomes.items()}

    def run_class(self, cls):
        outcomes = self.attempt(cls, cls.tests, self.loop, self.client, self.heard)
        for test in self.unexplained(cls, outcomes):
            if len(cls.tests) > 1:
                # It runs as before, with the checks on; its reports are there already.
                again = self.heard and ignore
                second = self.attempt(cls, [test], self.loop, self.client, again)[test]
                second.alone = second.kind not in BROKEN
                outcomes[test] = second
        self.control(cls, outcomes)
        named = {cls.test_id(test): outcomes[test] for test in cls.tests}
        self.report(cls, named)
        return named

    def unexplained(self, cls, outcomes):
        return [
            test
            for test in cls.tests
            if outcomes[test].kind in BROKEN and cls.test_id(test) not in self.expected
        ]

    def control(self, cls, outcomes):
        """Mark what fails on asyncio, bound in the very same way."""
        if self.is_control():
            return
        suspects = self.unexplained(cls, outcomes)
        if self.control_all:
            suspects = [test for test in cls.tests if outcomes[test].kind in BROKEN]
        if not suspects:
            return
        for test, control in self.attempt(cls, suspects, CONTROL).items():
            if control.kind == "fail":
                control = self.attempt(cls, [test], CONTROL)[test]
            if control.kind in BROKEN:
                outcomes[test] = replace(outcomes[test], kind="control", detail=control.detail)

    def is_control(self):
        return self.loop == CONTROL and not self.client

    def attempt(self, cls, tests, loop, client="", heard=None):
        """Run tests of a class in as few processes as hangs and crashes allow."""
        outcomes = {}
        left = list(tests)
        while left:
            running = None
            last = left[0]
            whole = None

            def on_event(event):
                nonlocal running, last, whole
                if event["event"] == "start":
                    running = last = event["test"]
                elif event["event"] == "stop":
                    outcomes[event["test"]] = settle(event)
                    running = None
                elif event["event"] == "report":
                    # What comes between two tests is of the first one's end.
                    heard(cls.test_id(last), event)
                elif event["event"] in ("class-skip", "class-fail"):
                    whole = Outcome(event["event"].removeprefix("class-"), event["detail"])

            request = {
                "do": "run",
                "suite": self.suite.name,
                "loop": loop,
                "client": client,
                "module": cls.module,
                "class": cls.name,
                "tests": left,
                "reports": heard is not None,
                **self.suite.settings,
            }
            ending = processes.run_worker(
                request, self.limit, self.suite_path, on_event, self.suite.worker
            )
            before = len(left)
            if running is not None:
                outcomes[running] = Outcome(ending.kind, ending.detail)
            left = [test for test in left if test not in outcomes]
            if whole is not None:
                outcomes.update((test, whole) for test in left)
                left = []
            elif left and (len(left) == before or ending.kind == "end"):
                raise SuiteError(f"no word of {cls.module}.{cls.name}.{left[0]}:\n{ending.detail}")
            elif not left and ending.kind != "end" and running is None:
                # Every test had its outcome: the class's last cleanup died.
                outcomes[tests[-1]] = Outcome(ending.kind, ending.detail)
        return outcomes


def ignore(test_id, event):
    pass


def settle(event):
    kind = event["outcome"]
    if not event["met"] and kind != "skip":
        kind = "not-applicable"
    return Outcome(kind, event["detail"], tuple(event["loops"]), event.get("uses", {}))


def list_suite(name, suite_path=None, worker=processes.WORKER, settings=None):
    suite = Suite(name, worker=worker, settings=settings or {})
    broken = []

    def on_event(event):
        if event["event"] == "broken":
            broken.append(f"could not collect {event['file']}:\n{event['detail']}")
        if event["event"] != "module":
            return
        if event["skip"] is not None:
            suite.skipped_modules[event["module"]] = event["skip"]
        for cls, tests in sorted(event["classes"].items()):
            suite.classes.append(TestClass(event["module"], cls, tests))

    request = {"do": "list", "suite": name, **suite.settings}
    ending = processes.run_worker(request, 60, suite_path, on_event, worker)
    if ending.kind != "end":
        broken.append(f"could not list {name}:\n{ending.detail}")
    if not suite.classes and not suite.skipped_modules:
        broken.append(f"{name} has no tests:\n{ending.detail}")
    if broken:
        raise SuiteError("\n".join(broken))
    return suite
