"""The child process: lists a suite, or runs some tests of one of its classes on a loop."""

import contextlib
import importlib
import pathlib
import pkgutil
import sys
import unittest

# multiprocessing runs this file in each process that a test spawns, without its folder in the path.
HERE = str(pathlib.Path(__file__).resolve().parent)
sys.path.insert(0, HERE)

import child  # noqa: E402

# Tests must not be able to import the harness, nor anything beside it, by accident.
sys.path[:] = [entry for entry in sys.path if entry != HERE]


class Result(unittest.TestResult):
    """One outcome a test; the worst of its parts (test body, subtests, cleanups) wins."""

    RANK = ("pass", "skip", "fail")

    def __init__(self, events, recorder, collector):
        super().__init__()
        self.events = events
        self.recorder = recorder
        self.collector = collector
        self.running = None

    def startTest(self, test):
        super().startTest(test)
        self.running = test
        self.outcome = "pass"
        self.detail = []
        self.recorder.clear()
        self.events.send(event="start", test=test._testMethodName)
        self.around = self.collector.test() if self.collector else contextlib.nullcontext()
        self.around.__enter__()

    def stopTest(self, test):
        self.around.__exit__(None, None, None)
        super().stopTest(test)
        self.running = None
        self.events.send(
            event="stop",
            test=test._testMethodName,
            outcome=self.outcome,
            detail="\n".join(self.detail),
            met=self.recorder.met,
            loops=sorted(self.recorder.seen),
        )

    def worsen(self, outcome, detail):
        self.outcome = max(self.outcome, outcome, key=self.RANK.index)
        self.detail.append(detail)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.broken(test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.broken(test, self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.worsen("fail", f"{subtest}\n{self._exc_info_to_string(err, test)}")

    def addSkip(self, test, reason):
        if not hasattr(test, "_testMethodName"):
            self.events.send(event="class-skip", detail=reason)
            return
        if self.running is not test:
            # 3.12.1 does not start a test that it skips, but stops it.
            self.startTest(test)
        self.worsen("skip", reason)

    def addExpectedFailure(self, test, err):
        pass

    def addUnexpectedSuccess(self, test):
        self.worsen("fail", "the suite itself expects this test to fail, and it passed")

    def broken(self, test, text):
        if hasattr(test, "_testMethodName"):
            self.worsen("fail", text)
        else:
            # unittest reports setUpClass and setUpModule under a name that is no test.
            self.events.send(event="class-fail", detail=text)


def test_names(cls):
    return unittest.TestLoader().getTestCaseNames(cls)


def test_classes(module):
    """The module's own classes, without those that differ only in asyncio's selector."""
    by_bases = {}
    for value in vars(module).values():
        if not (isinstance(value, type) and issubclass(value, unittest.TestCase)):
            continue
        if value.__module__ != module.__name__ or not test_names(value):
            continue
        own = {name for name in vars(value) if not name.startswith("__")}
        own -= {"_classSetupFailed", "_class_cleanups"}
        key = (value.__bases__, "loop") if own == {"create_event_loop"} else value
        by_bases.setdefault(key, value)
    return list(by_bases.values())


def list_suite(request, events):
    package = importlib.import_module(request["suite"])
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        if not info.name.startswith("test_"):
            continue
        try:
            module = importlib.import_module(f"{request['suite']}.{info.name}")
        except unittest.SkipTest as skip:
            events.send(event="module", module=info.name, skip=str(skip), classes={})
            continue
        classes = {cls.__name__: list(test_names(cls)) for cls in test_classes(module)}
        events.send(event="module", module=info.name, skip=None, classes=classes)


def run_class(request, events):
    bindings = child.load("bindings")
    recorder = bindings.Recorder(bindings.loop_factory(request["loop"]))
    bindings.install(recorder)
    module = importlib.import_module(f"{request['suite']}.{request['module']}")
    if request["suite"] == "test.test_asyncio":
        bindings.rebind(module, recorder)
    cls = getattr(module, request["class"])
    collector = None
    if request["reports"]:
        collector = child.load("collector").Collector(events)
        collector.watch_tests(str(pathlib.Path(module.__file__).parent))
    result = Result(events, recorder, collector)
    unittest.TestSuite(cls(name) for name in request["tests"]).run(result)


if __name__ == "__main__":
    child.main({"list": list_suite, "run": run_class})
