"""``aioxide fetch``: its options and what they mean."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from aioxide._terminal import fail, fold, open_streams

from .values import agent, cookie, header, interval, proxy, scheduler, seconds, size, whole

if TYPE_CHECKING:
    from .job import Options

__all__ = ["Fetch"]

#: The exit code where the output can no longer be written.
OUTPUT_FAILED = 3

DESCRIPTION = """\
Fetch URLs, many at a time and within limits, into a folder or one file.

The output is its own journal: when a run has stopped, by Ctrl-C or in any
other way, the same command goes on where it stopped, and fetches again what
had failed. Every URL is in the output once.

URLs come from the command line, from files with one URL a line (-i), and from
sitemaps. The output is told by its name:

  -o NAME          a folder, with a file for each body and fetch.jsonl
  -o NAME.sqlite   an SQLite database with a table `pages` (.sqlite3, .db)
  -o NAME.jsonl    JSON lines, a page a line (.ndjson)
  -o NAME.warc.gz  a web archive (.warc)
"""
EPILOG = """\
exit status:
  0    everything is fetched
  1    some URLs failed; the summary says why, and --failed lists them
  2    the command line or the list of URLs is wrong; nothing was fetched
  3    the output could not be written to the end (a full disk)
  130  stopped by Ctrl-C; 143, by SIGTERM

examples:
  aioxide fetch https://example.org/ https://example.org/about -o pages/
  aioxide fetch -i urls.txt -o pages.sqlite --per-host 4 --rate 2/s
  aioxide fetch --sitemap https://example.org/sitemap.xml -o site.warc.gz
  grep -h ^http lists/* | aioxide fetch -i - -o pages.jsonl --processes 4
"""


class _Help(argparse.RawDescriptionHelpFormatter):
    """Paragraphs keep their lines, as far as the terminal is wide enough."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        text = super()._fill_text(text, width, indent)
        if max(map(len, text.split("\n"))) <= width:
            return text
        return "\n\n".join(_narrowed(paragraph, width) for paragraph in text.split("\n\n"))


def _narrowed(paragraph: str, width: int) -> str:
    """One paragraph for a terminal that is less wide than its lines: what is indented keeps its
    lines, and the second column of a table stays one."""
    if "\n  " not in f"\n{paragraph}":
        return fold(" ".join(paragraph.split("\n")), width)
    lines = paragraph.split("\n")
    columns = [re.match(r" *\S+(?: \S+)* {2,}", line) for line in lines]
    indents = [2 if column is None else column.end() - 2 for column in columns]
    return "\n".join(
        fold(line, width, " " * indent) for line, indent in zip(lines, indents, strict=True)
    )


class Fetch:
    """``aioxide fetch``."""

    name: ClassVar[str] = "fetch"
    summary: ClassVar[str] = "fetch many URLs into a folder, SQLite, JSON lines or WARC"

    def __init__(self, parsers: argparse._SubParsersAction[Any]) -> None:
        self.parser = parsers.add_parser(
            self.name,
            usage="aioxide fetch [OPTIONS] -o OUTPUT [URL ...]",
            help=self.summary,
            description=DESCRIPTION,
            epilog=EPILOG,
            formatter_class=_Help,
            allow_abbrev=False,
        )
        self._add_sources()
        self._add_limits()
        self._add_requests()
        self._add_rest()

    def _add_sources(self) -> None:
        add = self.parser.add_argument
        add("urls", metavar="URL", nargs="*", help="a URL to fetch")
        add("-o", "--output", metavar="OUTPUT", help="where the pages go; see above")
        group = self.parser.add_argument_group("where URLs come from")
        add = group.add_argument
        add(
            "-i", "--input", metavar="FILE", action="append", default=[],
            help="a file with one URL a line (# begins a comment); - is standard input. May be "
            "given again",
        )  # fmt: skip
        add(
            "--sitemap", metavar="URL", action="append", default=[],
            help="a sitemap, or an index of them, gzipped or not; a URL or a file. May be given "
            "again",
        )  # fmt: skip

    def _add_limits(self) -> None:
        add = self.parser.add_argument_group("limits").add_argument
        add(
            "--limit", metavar="N", type=whole(1, 10_000), default=100,
            help="requests at a time, to all hosts (%(default)s)",
        )  # fmt: skip
        add(
            "--per-host", metavar="N", type=whole(1, 10_000), default=8,
            help="requests at a time to one host (%(default)s)",
        )  # fmt: skip
        add(
            "--rate", metavar="RATE", type=interval, default=0.0,
            help="requests to one host in a time, evenly spaced: 5/s, 100/min (as many as go)",
        )  # fmt: skip
        add(
            "--retries", metavar="N", type=whole(0, 100), default=3,
            help="further attempts after a timeout, a lost connection, 429 or 5xx (%(default)s)",
        )  # fmt: skip
        add(
            "--timeout", metavar="SECONDS", type=seconds, default=30.0,
            help="of one attempt, with its body (30)",
        )  # fmt: skip
        add(
            "--max-size", metavar="SIZE", type=size, default=64 << 20,
            help="of one body, as 500k, 64M or 1G; bodies are held in memory (64M)",
        )  # fmt: skip

    def _add_requests(self) -> None:
        add = self.parser.add_argument_group("requests").add_argument
        add(
            "-H", "--header", metavar="'NAME: VALUE'", type=header, action="append", default=[],
            help="sent with every request. May be given again",
        )  # fmt: skip
        add(
            "--cookie", metavar="NAME=VALUE", type=cookie, action="append", default=[],
            help="sent to the hosts of the URLs, and to no other one that a redirect leads to. "
            "May be given again",
        )  # fmt: skip
        add("--user-agent", metavar="TEXT", type=agent, help="who asks (aioxide-fetch/VERSION)")
        add(
            "--proxy",
            metavar="URL",
            type=proxy,
            help="http://, socks5:// or socks5h://, and [USER:PASSWORD@]HOST:PORT",
        )
        add(
            "--no-robots", dest="robots", action="store_false",
            help="do not read robots.txt: neither what it forbids holds, nor its Crawl-delay",
        )  # fmt: skip

    def _add_rest(self) -> None:
        add = self.parser.add_argument_group("more than one process").add_argument
        add(
            "--processes", metavar="N", type=whole(1, 256), default=1,
            help="fetch in N processes of this machine; the limits hold for all together",
        )  # fmt: skip
        add(
            "--dask", metavar="ADDRESS", type=scheduler,
            help="fetch in the workers of a Dask cluster, as tcp://HOST:8786",
        )  # fmt: skip
        add = self.parser.add_argument_group("what is shown").add_argument
        add(
            "--failed", metavar="FILE",
            help="write the URLs that failed there, with kind and reason behind tabs; -i reads it",
        )  # fmt: skip
        add("--json", action="store_true", help="the summary as JSON, on standard output")
        add("-q", "--quiet", action="store_true", help="no progress; only the summary")

    def run(self, arguments: list[str]) -> None:
        """Fetch, and exit with a code that says how it went."""
        open_streams()
        given, unknown = self.parser.parse_known_intermixed_args(arguments)
        if unknown:
            self.parser.unknown(unknown)
        self._check(given)
        # Imported late: `aioxide --help` and `aioxide run` need none of it.
        from aioxide._diagnostics import Diagnostics, set_default

        try:
            # What the loop reports is for who writes a program, not for who uses one.
            set_default(Diagnostics.from_environment(base=Diagnostics.off()))
        except ValueError as error:
            fail(str(error))
        try:
            from . import job
        except ImportError as error:
            if error.name not in ("yarl", "multidict"):
                raise
            fail(f"this needs the package {error.name}: pip install multidict yarl rich")
        from .sources import SourceError
        from .stores import StoreError

        try:
            prepared = job.prepare(options_of(given))
        except (SourceError, StoreError) as error:
            fail(str(error))
        except KeyboardInterrupt:
            sys.exit(job.INTERRUPTED)
        try:
            code = prepared.run()
        except job.CrewError as error:
            fail(str(error))
        except StoreError as error:
            fail(str(error), OUTPUT_FAILED)
        except KeyboardInterrupt:
            code = job.INTERRUPTED
        sys.exit(code)

    def _check(self, given: argparse.Namespace) -> None:
        """What argparse cannot see."""
        if not (given.urls or given.input or given.sitemap):
            self.parser.error(
                "nothing to fetch: give a URL, -i FILE with one a line (-i - for standard input), "
                "or --sitemap URL"
            )
        if not given.output:
            self.parser.error(
                "where to? -o NAME is a folder; -o NAME.sqlite, .jsonl or .warc.gz is one file"
            )
        if given.dask and given.processes > 1:
            self.parser.error("--processes and --dask do not go together: the cluster has its own")
        if given.input.count("-") > 1:
            self.parser.error("standard input can be read once: give -i - once")


def options_of(given: argparse.Namespace) -> Options:
    """What was given, as a run is told it."""
    import aioxide

    from .job import Options
    from .settings import Settings
    from .stores import kind_of

    settings = Settings(
        limit=given.limit,
        per_host=given.per_host,
        interval=given.rate,
        retries=given.retries,
        timeout=given.timeout,
        max_size=given.max_size,
        user_agent=given.user_agent or f"aioxide-fetch/{aioxide.__version__}",
        headers=tuple(given.header),
        cookies=tuple(given.cookie),
        proxy=given.proxy,
        robots=given.robots,
        raw=kind_of(given.output) == "warc",
    )
    return Options(
        output=given.output,
        urls=given.urls,
        inputs=given.input,
        sitemaps=given.sitemap,
        settings=settings,
        processes=given.processes,
        dask=given.dask,
        quiet=given.quiet,
        json=given.json,
        failed=given.failed,
    )
