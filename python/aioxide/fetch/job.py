"""A run from start to end: which URLs, what of them is there, fetch the rest, say how it went."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

import aioxide
from aioxide._terminal import fold, width_of

from . import bars, sitemap, summary
from .descriptors import raise_limit
from .fetcher import Fetcher
from .foreman import CrewError, Foreman
from .hosts import Hosts
from .notes import Notes
from .page import Failure, Outcome, Page
from .settings import Settings
from .sources import STDIN, Plan
from .stores import StoreError, open_store
from .tally import Tally
from .target import BadUrl, Target
from .work import Work
from .writer import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .stores import Store

__all__ = ["DONE", "FAILED", "INTERRUPTED", "TERMINATED", "CrewError", "Job", "Options", "prepare"]

DONE = 0
FAILED = 1
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


@dataclass(frozen=True)
class Options:
    """A run, as the command line says it."""

    output: str
    urls: Sequence[str] = ()
    inputs: Sequence[str] = ()
    sitemaps: Sequence[str] = ()
    settings: Settings = field(default_factory=Settings)
    processes: int = 1
    dask: str | None = None
    quiet: bool = False
    json: bool = False
    #: Where to write the URLs that failed.
    failed: str | None = None


def prepare(options: Options) -> Job:
    """Find out which URLs there are, and open the output.

    Raises SourceError and StoreError, after which nothing has changed.
    """
    plan = Plan()
    plan.add_arguments(options.urls)
    for path in options.inputs:
        if path == STDIN and sys.stdin.isatty() and not options.quiet:
            say("URLs, one a line; Ctrl-D ends the list", sys.stderr)
        plan.add_file(path)
    plan.check()
    if options.sitemaps:
        aioxide.run(_read_sitemaps(options, plan))
        plan.check()
    return Job(options, plan, open_store(options.output))


async def _read_sitemaps(options: Options, plan: Plan) -> None:
    async with Fetcher(options.settings) as fetcher:
        for place in options.sitemaps:
            plan.add_all(await sitemap.read_all(place, fetcher.bytes), f"sitemap {place}")


class Job:
    """A run that is prepared. `run()` has to follow."""

    def __init__(self, options: Options, plan: Plan, store: Store) -> None:
        self._options = options
        self._settings = options.settings
        self._store = store
        self._plan = plan
        self._tally = Tally()
        self._failed: TextIO | None = None
        #: The exit code, once a signal has ended the run.
        self._code: int | None = None
        self._descriptors: int | None = None
        self._before = plan.drop(map(_key, store.urls()))
        for target in plan.targets.values():
            self._tally.plan(target.origin)

    def run(self) -> int:
        """Fetch what is missing, say how it went, and give the exit code.

        Raises StoreError where the output cannot be written, CrewError where there is nobody to
        fetch.
        """
        options, tally = self._options, self._tally
        self._say(self._opening())
        error: StoreError | None = None
        began = time.monotonic()
        try:
            with contextlib.closing(self._store), contextlib.ExitStack() as stack:
                if options.failed is not None:
                    self._failed = stack.enter_context(open_failed(options.failed))
                if tally.total:
                    aioxide.run(self._fetch())
        except StoreError as raised:
            error = raised
        self._show(time.monotonic() - began)
        if error is not None:
            raise error
        if self._code is not None:
            return self._code
        return FAILED if tally.failed or tally.remaining else DONE

    def _show(self, took: float) -> None:
        options, tally = self._options, self._tally
        if options.json:
            data = summary.as_data(
                tally, options.output, took, self._before, self._code is not None
            )
            say(json.dumps(data), sys.stdout)
        elif tally.total:
            text = summary.as_text(
                tally,
                self._settings,
                options.output,
                took,
                self._before,
                self._descriptors,
                listed=options.failed is not None,
                width=width_of(sys.stdout),
            )
            say(text, sys.stdout)

    def _opening(self) -> str:
        tally, output = self._tally, self._options.output
        parts: list[str] = []
        if self._store.repaired:
            parts.append(self._store.repaired)
        if self._plan.doubles:
            parts.append(f"{count_of(self._plan.doubles)} given more than once")
        if not tally.total:
            there = f"all of it is in {output}" if self._before else "no URLs"
            parts.append(f"{there}: nothing to fetch")
        elif self._before:
            parts.append(f"{count_of(self._before)} in {output} already; {tally.total:,} to fetch")
        else:
            hosts = len(tally.hosts)
            of_hosts = f" of {hosts:,} hosts" if hosts > 1 else ""
            parts.append(f"{count_of(tally.total)}{of_hosts} to fetch into {output}")
        return "\n".join(parts)

    def _say(self, text: str) -> None:
        if not self._options.quiet:
            say(fold(text, width_of(sys.stderr), "  "), sys.stderr)

    async def _fetch(self) -> None:
        """Fetch what the plan has. A signal ends it early, and is noted."""
        loop = asyncio.get_running_loop()
        progress = bars.make(self._tally, sys.stderr, self._options.quiet)
        work = loop.create_task(self._work())

        def stop(code: int) -> None:
            self._code = code
            work.cancel()
            progress.stop()
            # A second Ctrl-C does not wait for what is being written.
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, signal.SIG_DFL)

        loop.add_signal_handler(signal.SIGINT, stop, INTERRUPTED)
        loop.add_signal_handler(signal.SIGTERM, stop, TERMINATED)
        self._descriptors = raise_limit(self._settings.limit)
        progress.start()
        try:
            with Notes(progress, width_of(sys.stderr)):
                await work
        except asyncio.CancelledError:
            if self._code is None:
                raise
        finally:
            progress.stop()

    async def _work(self) -> None:
        settings, options = self._settings, self._options
        targets = self._plan.targets.values()
        async with contextlib.AsyncExitStack() as stack:
            writer = Writer(self._store)
            stack.push_async_callback(writer.close)
            fetcher = await stack.enter_async_context(Fetcher(settings))

            async def deliver(target: Target, outcome: Outcome) -> None:
                if isinstance(outcome, Page):
                    page = outcome
                    await writer.put(page, lambda: self._tally.fetched(target.origin, page))
                else:
                    self._note(target, outcome)

            if options.dask is None and options.processes <= 1:
                hosts = Hosts(settings)
                for target in targets:
                    hosts.add(target)
                await Work(settings, hosts, fetcher, deliver).run()
                return

            if options.dask is not None:
                from .dask import DaskCrew

                dask = await stack.enter_async_context(DaskCrew(options.dask))
                await Foreman(settings, dask, targets, fetcher, deliver).run()
                return

            from .processes import Processes

            size = min(options.processes, settings.limit)
            crew = await stack.enter_async_context(Processes(size))
            await Foreman(settings, crew, targets, fetcher, deliver).run()

    def _note(self, target: Target, failure: Failure) -> None:
        self._tally.failure(target.origin, failure)
        if self._failed is not None:
            text = summary.one_line(failure.text)
            self._failed.write(f"{failure.url}\t{failure.kind}\t{text}\n")


def _key(url: str) -> str:
    try:
        return Target(url).key
    except BadUrl:
        return url


def say(text: str, stream: TextIO) -> None:
    """Print it. That nobody reads it is no reason to end; that standard output is full raises
    StoreError."""
    try:
        print(text, file=stream, flush=True)
    except OSError as error:
        # What is left in the buffer goes nowhere, and is no error at exit either.
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
        if stream is sys.stdout and not isinstance(error, BrokenPipeError):
            raise StoreError(f"cannot write the summary: {error.strerror or error}") from None


def count_of(urls: int) -> str:
    """So many URLs, in words."""
    return f"{urls:,} URL{'' if urls == 1 else 's'}"


def open_failed(path: str) -> TextIO:
    """The file for what failed, emptied. Raises StoreError."""
    try:
        return open(path, "w", encoding="utf-8", errors="surrogateescape", buffering=1)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from None
