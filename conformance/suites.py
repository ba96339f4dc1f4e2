"""The test suites of other people's packages, on another event loop than asyncio's.

    python conformance/suites.py [NAME...] [--whole] [--loop aioxide] [--test GLOB]...

NAME is that of a file in suites/; all of them, if none is named. Exit codes as of cpython.py: 0 as
expected, 1 an unexpected failure or pass or a stale entry, 2 the harness could not run. A suite of
a client is run with this client in the place of the package's own, --client another; without a
name only if the client is there.
"""

import argparse
import importlib
import pathlib
import platform
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[0] = str(HERE)

from harness import blackbox, expected, package, reports, results, shares  # noqa: E402
from harness.show import show_class, show_reports, show_shares, show_verdict  # noqa: E402
from harness.suite import BROKEN, Runner, SuiteError, list_suite  # noqa: E402

SUITES = HERE / "suites"
WORKER = HERE / "harness" / "pytest_worker.py"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="a file of suites/; all, if none")
    parser.add_argument("--whole", action="store_true", help="also what a usual run leaves out")
    parser.add_argument("--loop", default="aioxide", help="aioxide, asyncio, uvloop, module:attr")
    parser.add_argument("--client", metavar="MODULE", help="in the place of a suite's own client")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds a test may take")
    parser.add_argument("--test", action="append", metavar="GLOB", help="test, file or function")
    parser.add_argument("--list", action="store_true", help="print the ids of the tests, run none")
    parser.add_argument("--verbose", action="store_true", help="print every failure's traceback")
    reports.add_option(parser)
    parser.add_argument("--update-results", action="store_true", help="write conformance/results")
    parser.add_argument("--suites", type=pathlib.Path, default=SUITES, help=argparse.SUPPRESS)
    parser.add_argument("--source", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--expected", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.update_results and (options.test or not options.whole):
        parser.error("--update-results needs --whole, and no --test")
    if options.reports and options.loop != reports.LOOP:
        parser.error(f"--reports is of {reports.LOOP}'s loop, not of {options.loop}")
    if options.jobs < 1 or options.limit <= 0:
        parser.error("--jobs and --limit must be positive")
    known = sorted(path.stem for path in options.suites.glob("*.toml"))
    for name in options.names:
        if name not in known:
            parser.error(f"no suite {name}; the suites are {', '.join(known)}")
    options.all = not options.names
    options.names = options.names or known
    return options


def check_client(name):
    """Importing it here tells a client that is not there from one whose tests fail."""
    try:
        importlib.import_module(name)
    except ImportError as error:
        raise SuiteError(f"no client {name} to test: {error}") from error


def applicable(suite, wanted, reasons):
    """The suite less what is never run."""
    for glob in (*wanted.left_out_tests(), *wanted.black_box_only):
        suite.select([glob])  # an error, if there is no such test
    suite = suite.without(wanted.left_out_tests())
    return suite.only(lambda module, test: module not in wanted.black_box_only or not reasons[test])


def chosen(suite, wanted, options):
    """The part of the suite that this run takes."""
    if options.test:
        return suite.select(options.test)
    if wanted.usual and not options.whole:
        return suite.select(wanted.usual)
    return suite


def stem_of(name, wanted, options):
    """The name of the files of a suite, for what is under test in this run."""
    stem = name
    if options.client not in (None, wanted.client):
        stem += f"-{options.client}"
    short = options.loop.partition(":")[0]
    return stem if short == "aioxide" else f"{stem}-{short}"


def run(name, options):
    """Whether the suite went as expected."""
    wanted = package.load(options.suites / f"{name}.toml")
    client = options.client or wanted.client
    if options.client and not wanted.client:
        raise SuiteError(f"{name} is no suite of a client")
    if client and not options.list:
        try:
            check_client(client)
        except SuiteError as error:
            if not options.all:
                raise
            print(f"{name}: left out: {error}\n", flush=True)
            return True
    package.check_installed(wanted)
    source = options.source or package.source(wanted)
    listed = list_suite(name, worker=WORKER, settings=wanted.settings(source))
    reasons = {}
    if client:
        reasons = blackbox.classify(source / wanted.tests, listed, wanted.harmless)
    whole_suite = applicable(listed, wanted, reasons)
    suite = chosen(whole_suite, wanted, options)
    if options.list:
        print("\n".join(suite.test_ids()))
        return True
    folder = options.expected or HERE / "expected"
    stem = stem_of(name, wanted, options)
    entries = expected.load(folder / f"{stem}.toml", sys.version_info[:3])
    heard = reports.Heard() if options.reports else None
    runner = Runner(
        suite,
        options.loop,
        options.limit,
        jobs=options.jobs,
        expected=expected.tests_of(entries, suite.test_ids()),
        control_all=options.update_results,
        report=show_class,
        heard=heard and heard.add,
        client=client,
    )
    started = time.monotonic()
    outcomes = runner.run()
    if runner.is_control():
        # The control's own failures are the measure, not a fault.
        for outcome in outcomes.values():
            outcome.kind = "control" if outcome.kind in BROKEN else outcome.kind
    complete = len(suite.test_ids()) == len(whole_suite.test_ids())
    verdict = expected.judge(outcomes, entries, whole=complete)
    show_verdict(outcomes, verdict, verbose=options.verbose)
    if heard:
        show_reports(heard, heard.write(options.reports, name))
    parts = []
    if client:
        parts = shares.parts(suite, outcomes, reasons, wanted.first)
        show_shares(parts, outcomes, wanted.at_least)
    part = "the whole suite" if complete else f"{len(outcomes)} of {len(whole_suite.test_ids())}"
    print(f"{name}: {part} in {time.monotonic() - started:.0f} s\n", flush=True)
    if options.update_results:
        version = "{}.{}".format(*sys.version_info)
        path = HERE / "results" / f"{name}-{version}{stem.removeprefix(name)}.toml"
        title = f"{wanted.package} {wanted.version}"
        path.write_text(
            results.render_files(
                options.loop, platform.python_version(), title, suite, outcomes, client, parts
            )
        )
        print(f"wrote results/{path.name}")
    enough = not (complete and parts) or parts[0].share() >= wanted.at_least
    return verdict.good() and enough


def main():
    options = arguments()
    good = True
    for name in options.names:
        print(f"== {name}", flush=True)
        try:
            good = run(name, options) and good
        except (SuiteError, expected.ExpectedError) as error:
            print(f"conformance: {error}", file=sys.stderr)
            return 2
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
