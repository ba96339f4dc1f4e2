"""The child process for a suite that pytest runs: lists it, or runs some tests of one file.

The suite's files are copied into the working folder, so that what it writes is its own. Its package
is the installed one, or among the files, in the folder that the request names. Only those plugins
are loaded that the suite names.
"""

import os
import pathlib
import shutil
import sys
import traceback
import warnings

# multiprocessing runs this file in each process that a test spawns, without its folder in the path.
HERE = str(pathlib.Path(__file__).resolve().parent)
sys.path.insert(0, HERE)

import child  # noqa: E402

sys.path[:] = [entry for entry in sys.path if entry != HERE]
DETAIL = 12_000
RANK = ("pass", "skip", "fail")


def module_name(tests, nodeid):
    """`tests/protocols/test_http.py::TestA::test_b[x]` is of the module `protocols.test_http`."""
    file = pathlib.PurePosixPath(nodeid.partition("::")[0]).relative_to(tests)
    return ".".join(file.with_suffix("").parts)


def test_name(nodeid):
    function, bracket, parameters = nodeid.partition("::")[2].partition("[")
    return function.replace("::", ".") + bracket + parameters


class Plugin:
    """What both plugins do with a request."""

    def __init__(self, request, events):
        self.request = request
        self.events = events
        self.files = {}

    def name(self, nodeid):
        return module_name(self.request["tests-folder"], nodeid), test_name(nodeid)


class Lister(Plugin):
    def pytest_collectreport(self, report):
        if report.failed:
            self.events.send(event="broken", file=report.nodeid, detail=report.longreprtext)

    def pytest_collection_finish(self, session):
        for item in session.items:
            module, test = self.name(item.nodeid)
            self.files.setdefault(module, []).append(test)
        for module, tests in self.files.items():
            self.events.send(event="module", module=module, skip=None, classes={"": tests})


class Reporter(Plugin):
    def __init__(self, request, events, recorder, uses):
        super().__init__(request, events)
        self.recorder = recorder
        self.uses = uses
        self.wanted = set(request["tests"])

    def pytest_collection_modifyitems(self, config, items):
        left = [item for item in items if test_name(item.nodeid) not in self.wanted]
        items[:] = [item for item in items if test_name(item.nodeid) in self.wanted]
        config.hook.pytest_deselected(items=left)

    def pytest_runtest_logstart(self, nodeid, location):
        self.outcome = "pass"
        self.detail = []
        self.met = False
        self.recorder.clear()
        if self.uses is not None:
            self.uses.clear()
        self.events.send(event="start", test=test_name(nodeid))

    def pytest_runtest_logreport(self, report):
        # A loop of the whole class is closed with the last test of the class.
        self.met = self.met or self.recorder.met or self.recorder.has_open_loop()
        if self.uses is not None:
            self.met = self.uses.met
        if report.failed:
            self.worsen("fail", report.longreprtext)
        elif report.skipped and not hasattr(report, "wasxfail"):
            where = report.longrepr
            self.worsen("skip", where[2] if isinstance(where, tuple) else str(where))

    def worsen(self, outcome, detail):
        self.outcome = max(self.outcome, outcome, key=RANK.index)
        self.detail.append(detail[-DETAIL:])

    def pytest_runtest_logfinish(self, nodeid, location):
        self.events.send(
            event="stop",
            test=test_name(nodeid),
            outcome=self.outcome,
            detail="\n".join(self.detail),
            met=self.met,
            loops=sorted(self.recorder.seen),
            uses=dict(self.uses.counts) if self.uses is not None else {},
        )


def run_pytest(request, plugins, paths, *options):
    for name in request["files"]:
        source = pathlib.Path(request["source"], name)
        pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, name)
        else:
            shutil.copy(source, name)
    if request["stand-in"]:
        stand_in(request)
    for module in request["without"]:
        sys.modules[module] = None
    os.environ.update(request["environment"], PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    sys.path.insert(0, os.getcwd())
    if request["package-in"]:
        # For interpreters that a test starts, too.
        folder = os.path.abspath(request["package-in"])
        sys.path.insert(0, folder)
        others = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([folder, others] if others else [folder])
    # Suites that turn warnings into errors would else count those of the tools under them.
    warnings.simplefilter("ignore")
    import pytest

    arguments = ["-o", "addopts=", "-q", "-p", "no:cacheprovider"]
    for name in request["plugins"]:
        arguments += ["-p", name]
    return pytest.main([*arguments, *request["arguments"], *options, *paths], plugins=plugins)


def stand_in(request):
    """Put the loop under test where the tests look for their package's own."""
    folder = pathlib.Path(request["stand-in"])
    folder.mkdir(exist_ok=True)
    shutil.copy(pathlib.Path(HERE, "stand_in.py"), folder / "__init__.py")
    os.environ["LOOP_UNDER_TEST"] = request["loop"]


def install_loop(request):
    bindings = child.load("bindings")
    recorder = bindings.Recorder(bindings.loop_factory(request["loop"]))
    bindings.install(recorder)
    return recorder


def install_client(request):
    """Swap in the client that the request names; what the tests use of it."""
    if not request["client"]:
        return None
    client = child.load("client")
    meets = request["meets"].get(request["module"], client.USUAL)
    uses = client.Uses(meets)
    client.install(request["client"], uses)
    return uses


def list_suite(request, events):
    request = {**request, "loop": "asyncio"}
    install_loop(request)
    ignored = [f"--ignore={name}" for name in request["ignored"]]
    folder = pathlib.Path(request["source"], request["tests-folder"])
    paths = [
        f"{request['tests-folder']}/{path.relative_to(folder)}"
        for glob in request["only"]
        for path in sorted(folder.glob(glob))
    ]
    paths = paths or [request["tests-folder"]]
    run_pytest(request, [Lister(request, events)], paths, "--collect-only", *ignored)


def run_file(request, events):
    recorder = install_loop(request)
    uses = install_client(request)
    file = "/".join(request["module"].split(".")) + ".py"
    plugins = [Reporter(request, events, recorder, uses)]
    options = []
    if request["reports"]:
        collector = child.load("collector")
        plugins.append(collector.Plugin(collector.Collector(events)))
        options = collector.Plugin.OPTIONS
    try:
        run_pytest(request, plugins, [f"{request['tests-folder']}/{file}"], *options)
    except Exception:
        # What failed tests leave behind raises when pytest ends; each has had its outcome.
        traceback.print_exc()


if __name__ == "__main__":
    child.main({"list": list_suite, "run": run_file})
