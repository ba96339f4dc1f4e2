"""The Autobahn test suite, on the WebSocket client of aioxide.http.

    python conformance/autobahn.py [--case GLOB]... [--update-results]

Its fuzzing server says and checks what a client has to take: framing, pings, reserved bits,
opcodes, fragments, UTF-8, closing, sizes, compression. It runs on Python 2.7 only, which is looked
for as --python2, python2.7 on PATH, and in ~/.pyenv; pip installs the suite for it once, into
.dev/suites/. Exit codes as of cpython.py: 0 as expected, 1 not so, 2 the run itself was impossible,
77 that there is no Python 2.7.
"""

import argparse
import asyncio
import collections
import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[0] = str(HERE)

from harness import expected, results  # noqa: E402
from harness.suite import Outcome  # noqa: E402

CACHE = HERE.parent / ".dev" / "suites" / "autobahn"
REQUIREMENTS = HERE / "suites" / "autobahn.txt"
AGENT = "aioxide"
NO_PYTHON2 = 77
# What the suite says of a case, and what that is here. INFORMATIONAL cases have no wrong answer;
# a NON-STRICT one is an answer that the RFC leaves open.
KINDS = {"OK": "pass", "INFORMATIONAL": "pass", "NON-STRICT": "pass", "UNIMPLEMENTED": "skip"}
# Messages of one case together may have so much.
MAX_MESSAGE = 64 * 2**20
START = """import site, sys
site.addsitedir(sys.argv.pop(1))
from autobahntestsuite.wstest import run
run()"""


class AutobahnError(Exception):
    """The suite could not be run; no verdict on the client follows from it."""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", action="append", metavar="GLOB", help="a case, such as 1.1.*")
    parser.add_argument("--client", default="aioxide.http", metavar="MODULE", help="or aiohttp")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds a case may take")
    parser.add_argument("--python2", help="a Python 2.7")
    parser.add_argument("--verbose", action="store_true", help="print what failed in each case")
    parser.add_argument("--update-results", action="store_true", help="write conformance/results")
    options = parser.parse_args()
    if options.update_results and options.case:
        parser.error("--update-results needs all cases")
    return options


def find_python2(given):
    """The path of a Python 2.7, or None."""
    kept = sorted(pathlib.Path.home().glob(".pyenv/versions/2.7*/bin/python2.7"))
    for name in (given, "python2.7", *map(str, kept)):
        path = shutil.which(name) if name else None
        # What is on PATH may be a shim that leads nowhere.
        if path is None:
            continue
        done = subprocess.run([path, "-c", "pass"], capture_output=True, check=False)
        if done.returncode == 0:
            return path
    return None


def install(python2):
    """Where the suite is, installed by pip once for each state of the requirements."""
    wanted = REQUIREMENTS.read_text()
    mark = CACHE / "installed.txt"
    if not mark.exists() or mark.read_text() != wanted:
        shutil.rmtree(CACHE, ignore_errors=True)
        CACHE.mkdir(parents=True)
        command = [python2, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--target", str(CACHE / "site"), "-r", str(REQUIREMENTS)]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode != 0:
            raise AutobahnError(f"pip could not install the suite:\n{done.stdout}")
        mark.write_text(wanted)
    return CACHE / "site"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


@contextlib.contextmanager
def fuzzing_server(python2, site, folder, globs):
    """The server, running; yields its port."""
    port = free_port()
    spec = {
        "url": f"ws://127.0.0.1:{port}",
        "outdir": str(folder / "reports"),
        "cases": globs,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    (folder / "spec.json").write_text(json.dumps(spec))
    command = [python2, "-c", START, str(site), "-m", "fuzzingserver", "-w", "0"]
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(
            [*command, "-s", str(folder / "spec.json")], cwd=folder, stdout=log, stderr=log
        )
        try:
            deadline = time.monotonic() + 60
            while not listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise AutobahnError(f"the fuzzing server did not start:\n{tail(folder)}")
                time.sleep(0.1)
            yield port
        finally:
            process.kill()
            process.wait()


def listens(port):
    try:
        with socket.create_connection(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def tail(folder):
    return (folder / "log").read_text(errors="replace")[-2000:]


async def echo(session, http, url):
    """Answer each message with the same, until the end."""
    # What the server does in some cases ends in the middle of the handshake of closing.
    with contextlib.suppress(http.ClientError):
        async with session.ws_connect(url, compress=15, max_msg_size=MAX_MESSAGE) as ws:
            async for message in ws:
                if message.type is http.WSMsgType.TEXT:
                    await ws.send_str(message.data)
                elif message.type is http.WSMsgType.BINARY:
                    await ws.send_bytes(message.data)


async def run_cases(http, port, limit):
    """Run the cases; for those that hang, how often."""
    hung = []
    base = f"ws://127.0.0.1:{port}"
    async with http.ClientSession(timeout=http.ClientTimeout(total=None)) as session:
        async with session.ws_connect(f"{base}/getCaseCount") as ws:
            count = int(await ws.receive_str())
        for case in range(1, count + 1):
            try:
                async with asyncio.timeout(limit):
                    await echo(session, http, f"{base}/runCase?case={case}&agent={AGENT}")
            except TimeoutError:
                hung.append(case)
            if case % 50 == 0:
                print(f"{case} of {count}", flush=True)
        async with session.ws_connect(f"{base}/updateReports?agent={AGENT}") as ws:
            await ws.receive()
    return hung


def outcomes_of(folder):
    """The outcome of each case, in the suite's order."""
    reports = folder / "reports"
    index = json.loads((reports / "index.json").read_text())[AGENT]
    outcomes = {}
    for case in sorted(index, key=lambda case: [int(part) for part in case.split(".")]):
        row = index[case]
        kinds = [KINDS.get(row[name], "fail") for name in ("behavior", "behaviorClose")]
        kind = "fail" if "fail" in kinds else kinds[0]
        detail = ""
        if kind == "fail":
            report = json.loads((reports / row["reportfile"]).read_text())
            detail = f"{row['behavior']}, closing {row['behaviorClose']}: {report['result']}"
        outcomes[case] = Outcome(kind, detail)
    return outcomes


def run(options, python2):
    """Whether all went as expected."""
    http = __import__(options.client, fromlist=["ClientSession"])
    site = install(python2)
    globs = options.case or ["*"]
    if options.client == "aioxide.http":
        import aioxide

        runner = aioxide.Runner()
    else:
        runner = asyncio.Runner()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="autobahn-") as place:
        folder = pathlib.Path(place)
        with fuzzing_server(python2, site, folder, globs) as port, runner:
            hung = runner.run(run_cases(http, port, options.limit))
        outcomes = outcomes_of(folder)
    if options.case and not outcomes:
        raise AutobahnError(f"no case matches {' '.join(options.case)}")
    for place in hung:
        outcomes[list(outcomes)[place - 1]] = Outcome("hang", f"took longer than {options.limit} s")
    stem = "autobahn" if options.client == "aioxide.http" else f"autobahn-{options.client}"
    entries = expected.load(HERE / "expected" / f"{stem}.toml", sys.version_info[:3])
    verdict = expected.judge(outcomes, entries, whole=not options.case)
    show(outcomes, verdict, options.verbose)
    print(f"autobahn: {len(outcomes)} cases in {time.monotonic() - started:.0f} s")
    if options.update_results:
        path = HERE / "results" / f"{stem}.toml"
        path.write_text(render(outcomes))
        print(f"wrote results/{path.name}")
    return verdict.good()


def show(outcomes, verdict, verbose):
    for case, outcome in outcomes.items():
        if outcome.kind in ("fail", "hang") and (verbose or case in verdict.unexpected_failures):
            print(f"{outcome.kind}: {case}: {outcome.detail}")
    for case, entry in verdict.unexpected_passes:
        print(f"unexpected pass: {case}, expected to fail: {entry.reason}")
    for entry in verdict.stale:
        print(f"no such case: {entry.glob}")
    for kind, number in results.counts(outcomes).items():
        if number:
            print(f"{number:6} {kind}")


def render(outcomes):
    """The committed table: the counts by section, and each case that does not pass."""
    sections = collections.defaultdict(collections.Counter)
    for case, outcome in outcomes.items():
        sections[case.partition(".")[0]][outcome.kind] += 1
    lines = [
        "# Written by `python conformance/autobahn.py --update-results`.",
        f'suite = "{REQUIREMENTS.read_text().split()[0]}"',
        'client = "aioxide.http"',
        "",
        "[sections]",
    ]
    for section in sorted(sections, key=int):
        found = ", ".join(f"{number} {kind}" for kind, number in sorted(sections[section].items()))
        lines.append(f'{section} = "{found}"')
    others = {case: outcome.kind for case, outcome in outcomes.items() if outcome.kind != "pass"}
    if others:
        lines += ["", "[cases]", *(f'"{case}" = "{kind}"' for case, kind in others.items())]
    return "\n".join(lines) + "\n"


def main():
    options = arguments()
    python2 = find_python2(options.python2)
    if python2 is None:
        print(
            "conformance: the Autobahn suite needs Python 2.7, and there is none: name one by "
            "--python2, or `pyenv install 2.7.18`",
            file=sys.stderr,
        )
        return NO_PYTHON2
    try:
        return 0 if run(options, python2) else 1
    except (AutobahnError, expected.ExpectedError, ImportError) as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
