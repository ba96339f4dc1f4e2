"""The command line of the main job."""

from __future__ import annotations

import argparse
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from job import LABELS, NEEDS
from site_index import UrlError, check_url

ARMS = ("threads", "asyncio", "aioxide", "client")


@dataclass(frozen=True)
class Options:
    url: str | None
    arms: list[str]
    notices: int
    limit: int
    latency: int
    rounds: int
    passes: int
    unthrottled: bool
    out: Path


def parse(arguments: list[str] | None = None) -> Options:
    """The options; a mistake ends the program with a sentence and code 2."""
    parser = argparse.ArgumentParser(
        prog="scraper",
        description="Fetches every notice of a site with threads, asyncio and aioxide, "
        "and shows what throttling is for.",
    )
    parser.add_argument(
        "--url", help="the index page of a real site (default: the embedded site is started)"
    )
    parser.add_argument("--notices", type=int, help="how many pages (400; of a real site 40)")
    parser.add_argument("--limit", type=int, help="requests at a time (50; of a real site 4)")
    parser.add_argument("--latency", type=int, help="the embedded site's milliseconds (10)")
    parser.add_argument("--rounds", type=int, help="runs of each client (3; of a real site 1)")
    parser.add_argument("--passes", type=int, help="times a run fetches each page (3; real: 1)")
    parser.add_argument(
        "--only",
        action="append",
        choices=list(LABELS),
        metavar="ARM",
        help=f"only this client ({', '.join(LABELS)}); may be given again",
    )
    parser.add_argument(
        "--unthrottled",
        action=argparse.BooleanOptionalAction,
        help="show the unthrottled run (yes; of a real site no)",
    )
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the picture (out)")
    given = parser.parse_args(arguments)

    for name, most in (
        ("notices", 5_000),
        ("limit", 1_000),
        ("rounds", 100),
        ("passes", 100),
        ("latency", 10_000),
    ):
        value = getattr(given, name)
        if value is not None and not 1 <= value <= most:
            parser.error(f"--{name} wants a number from 1 to {most:,}, not {value}")
    if given.url is not None:
        try:
            given.url = check_url(given.url)
        except UrlError as error:
            parser.error(str(error))
        if given.latency is not None:
            parser.error("--latency is for the embedded site; a real one has its own")
    arms = list(dict.fromkeys(given.only or ARMS))
    for arm in arms:
        missing = [name for name in NEEDS[arm] if importlib.util.find_spec(name) is None]
        if missing:
            parser.error(
                f"the client {LABELS[arm]!r} needs {' and '.join(missing)}, missing in this "
                "Python; ./dev run has it, and --only runs the others"
            )
    polite = given.url is not None
    return Options(
        url=given.url,
        arms=arms,
        notices=given.notices or (40 if polite else 400),
        limit=given.limit or (4 if polite else 50),
        latency=given.latency or 10,
        rounds=given.rounds or (1 if polite else 3),
        passes=given.passes or (1 if polite else 3),
        unthrottled=not polite if given.unthrottled is None else given.unthrottled,
        out=given.out,
    )
