"""`python -m bench [NAME...]`, from the repository's root."""

from __future__ import annotations

import argparse
import datetime
import os
import subprocess
import sys
from pathlib import Path

from . import arms, machine, page, runner, table
from .model import LIMIT, Settings, Subject
from .processes import ROOT
from .results import FOLDER, Results, from_json
from .subjects import SUBJECTS

FULL = Settings(seconds=0.8, warmup=0.2, time_limit=60, quick=False)
QUICK = Settings(seconds=0.15, warmup=0.05, time_limit=20, quick=True)


def main() -> int:
    parser = _parser()
    options = parser.parse_args()
    if options.render:
        for path in options.render:
            target = path.with_suffix(".md")
            results = from_json(path.read_text())
            target.write_text(table.render(results))
            print(target)
            if page.is_of(results, path):
                print(*page.renew(results), sep="\n")
        return 0
    unknown = [name for name in options.names if name not in SUBJECTS]
    if unknown:
        parser.error(f"no subject is called {unknown[0]!r}; there are {', '.join(SUBJECTS)}")
    if options.save and (options.quick or options.rows or options.loops):
        parser.error("--save keeps whole runs only: not with --quick, --rows or --loops")
    refusals = machine.refusals()
    if refusals and not options.force:
        for reason in refusals:
            print(f"bench: {reason}; --force measures all the same", file=sys.stderr)
        return 1

    subjects = [SUBJECTS[name] for name in options.names or SUBJECTS]
    settings = _settings(options, subjects)
    for subject in subjects:
        results = _measure(subject, options, settings)
        text = table.render(results)
        print(text, flush=True)
        if options.save:
            FOLDER.mkdir(exist_ok=True)
            (FOLDER / f"{results.stem()}.json").write_text(results.to_json())
            (FOLDER / f"{results.stem()}.md").write_text(text)
            if subject.name == page.SUBJECT:
                page.renew(results)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures aioxide against its peers, interleaved. Without a NAME: everything.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SUBJECTS))
    parser.add_argument("--rounds", type=_positive, help="5, or 2 with --quick")
    parser.add_argument("--seconds", type=_seconds, help="of a measurement: 0.8")
    parser.add_argument("--quick", action="store_true", help="see that it works, in short")
    parser.add_argument("--rows", default="", metavar="TEXT", help="only rows with TEXT in them")
    parser.add_argument("--loops", type=_names, metavar="A,B", help="only these columns")
    parser.add_argument("--save", action="store_true", help="write JSON and table to bench/results")
    parser.add_argument("--force", action="store_true", help="on an unoptimised build, too")
    parser.add_argument("--render", nargs="+", type=Path, metavar="JSON", help="tables again")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0.01 <= number <= 60:
        raise argparse.ArgumentTypeError("must be from 0.01 to 60")
    return number


def _names(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in arms.NAMES:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(arms.NAMES)}")
    return names


def _settings(options: argparse.Namespace, subjects: list[Subject]) -> Settings:
    base = QUICK if options.quick else FULL
    load = _program("load") if any(subject.needs_load for subject in subjects) else ""
    site = _program("site") if any(subject.needs_site for subject in subjects) else ""
    seconds = options.seconds or base.seconds
    return Settings(seconds, base.warmup, base.time_limit + 2 * seconds, base.quick, load, site)


def _program(name: str) -> str:
    """The load generator or the site: the one that the environment names, else built here."""
    variable, package = f"AIOXIDE_{name.upper()}", f"aioxide-{name}"
    given = os.environ.get(variable)
    if given:
        if not os.access(given, os.X_OK):
            sys.exit(f"bench: {variable} is {given!r}, which is no program")
        return given
    command = ["cargo", "build", "--release", "--quiet", "--package", package]
    print(f"bench: {' '.join(command)}", file=sys.stderr)
    try:
        subprocess.run(command, cwd=ROOT, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"bench: cannot build {package}: {error}")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return str((ROOT / target / "release" / package).resolve())


def _measure(subject: Subject, options: argparse.Namespace, settings: Settings) -> Results:
    wanted = [name for name in arms.names(subject) if name in (options.loops or arms.NAMES)]
    if not wanted:
        known = ", ".join(arms.names(subject))
        sys.exit(f"bench: {subject.name} has none of those columns; it has {known}")
    absent = {name: why for name in wanted if (why := arms.why_absent(subject, name))}
    for name, why in absent.items():
        print(f"bench: {subject.name} without {name}: {why}", file=sys.stderr)
    names = [name for name in wanted if name not in absent]
    columns = [*names, *([LIMIT] if subject.has_limit else [])]
    rows = [row for row in subject.rows() if options.rows in row.name]
    if not rows:
        sys.exit(f"bench: {subject.name} has no row with {options.rows!r} in it")
    rounds = options.rounds or (2 if settings.quick else 5)
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes")
    facts = {**machine.facts(), "aioxide_build": machine.aioxide_build()}
    return Results(
        subject=subject.name,
        title=subject.title,
        note=subject.note,
        date=date,
        python_tag=machine.python_tag(),
        rounds=rounds,
        seconds=settings.seconds,
        quick=settings.quick,
        facts=facts,
        loops={name: arms.version(subject, name) for name in names},
        absent=absent,
        has_limit=subject.has_limit,
        metrics=list(subject.metrics),
        rows=rows,
        measurements=runner.run(subject, rows, columns, rounds, settings),
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("bench: stopped; what was not finished is not kept")
