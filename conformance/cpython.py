"""CPython's own test_asyncio, of the interpreter that runs this file, on another event loop.

    python conformance/cpython.py [--loop aioxide] [--jobs 2] [--test GLOB]... [--update-results]

Exit code 0: as expected. 1: an unexpected failure, an unexpected pass, or an expected failure
that matches no test. 2: the harness could not run. 77: this Python has no test suite.
"""

import argparse
import importlib.util
import pathlib
import platform
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[0] = str(HERE)

from harness import expected, reports, results  # noqa: E402
from harness.show import show_class, show_reports, show_verdict  # noqa: E402
from harness.suite import BROKEN, CONTROL, Runner, SuiteError, list_suite  # noqa: E402

SUITE = "test.test_asyncio"
NO_SUITE = 77
HOW_TO_GET_IT = """\
skipped: this Python ({version}) comes without its test suite ({suite}).
On Debian and Ubuntu: apt-get install libpython{version}-testsuite
On Fedora: dnf install python{version}-test
Builds from source, pyenv, uv and python.org have it."""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loop", default="aioxide", help="aioxide, asyncio, uvloop, module:attr")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--limit", type=float, default=30.0, help="seconds a test may take")
    parser.add_argument("--test", action="append", metavar="GLOB", help="test, class or module")
    parser.add_argument("--list", action="store_true", help="print the ids of the tests, run none")
    parser.add_argument("--verbose", action="store_true", help="print every failure's traceback")
    reports.add_option(parser)
    parser.add_argument("--update-results", action="store_true", help="write conformance/results")
    parser.add_argument("--suite", default=SUITE, help=argparse.SUPPRESS)
    parser.add_argument("--suite-path", help=argparse.SUPPRESS)
    parser.add_argument("--expected", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.update_results and options.test:
        parser.error("--update-results needs a run of the whole suite, without --test")
    if options.reports and options.loop != reports.LOOP:
        parser.error(f"--reports is of {reports.LOOP}'s loop, not of {options.loop}")
    if options.jobs < 1 or options.limit <= 0:
        parser.error("--jobs and --limit must be positive")
    return options


def has_suite(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def file_name(loop):
    short = loop.partition(":")[0]
    return "cpython" if short == "aioxide" else f"cpython-{short}"


def write_results(loop, outcomes):
    suffix = file_name(loop).removeprefix("cpython")
    version = "{}.{}".format(*sys.version_info)
    path = HERE / "results" / f"cpython-{version}{suffix}.toml"
    path.write_text(results.render(loop, platform.python_version(), outcomes))
    print(f"wrote results/{path.name}")


def run(options):
    suite = list_suite(options.suite, options.suite_path)
    if options.test:
        suite = suite.select(options.test)
    if options.list:
        print("\n".join(suite.test_ids()))
        return 0
    path = options.expected or HERE / "expected" / f"{file_name(options.loop)}.toml"
    entries = expected.load(path, sys.version_info[:3])
    heard = reports.Heard() if options.reports else None
    runner = Runner(
        suite,
        options.loop,
        options.limit,
        suite_path=options.suite_path,
        jobs=options.jobs,
        expected=expected.tests_of(entries, suite.test_ids()),
        control_all=options.update_results,
        report=show_class,
        heard=heard and heard.add,
    )
    outcomes = runner.run()
    if options.loop == CONTROL:
        # The control's own failures are the measure, not a fault.
        for outcome in outcomes.values():
            outcome.kind = "control" if outcome.kind in BROKEN else outcome.kind
    verdict = expected.judge(outcomes, entries, whole=not options.test)
    show_verdict(outcomes, verdict, verbose=options.verbose)
    if heard:
        show_reports(heard, heard.write(options.reports, "cpython"))
    if options.update_results:
        write_results(options.loop, outcomes)
    return 0 if verdict.good() else 1


def main():
    options = arguments()
    if options.suite == SUITE and not has_suite(SUITE):
        version = "{}.{}".format(*sys.version_info)
        print(HOW_TO_GET_IT.format(version=version, suite=SUITE))
        return NO_SUITE
    try:
        return run(options)
    except (SuiteError, expected.ExpectedError) as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
