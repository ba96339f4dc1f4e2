"""The main job: the talk's last demo, by four clients side by side.

Each client runs in a process of its own, one at a time, in rounds whose order turns, so that
a busy moment of the machine does not fall on the same one each time.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

try:
    from rich.console import Console
except ImportError:
    sys.exit("scraper: needs the package rich, missing in this Python; ./dev run has it")

import interrupts
import options as command_line
from child import ArmError, run_job
from curves import draw
from job import LABELS, NEEDS, Job
from progress import Watch
from report import COLOURS, clients_table, errors_text, unthrottled_table
from site_index import NoIndexError, fetch_links, is_loopback
from site_process import SiteError, SiteProcess
from summary import Summary
from svg import render

if TYPE_CHECKING:
    from options import Options
    from outcome import Outcome

REQUEST_TIMEOUT = 10.0
INTERRUPTED = 130


def fetch_throttled(
    options: Options, console: Console, url: str, summaries: dict[str, Summary]
) -> None:
    """Runs the clients; `summaries` holds what is done, also when this is interrupted."""
    links = fetch_links(url, options.notices)
    # A run over some hundreds of pages would be over before the connections are warm.
    urls = links * options.passes
    where = "the embedded site" if options.url is None else url
    times = f", {options.passes} times a run" if options.passes > 1 else ""
    console.print(f"{len(links)} notices of {where}{times}, {options.limit} requests at a time")
    with Watch(console) as watch:
        runs = {arm: watch.add(LABELS[arm], len(urls) * options.rounds) for arm in options.arms}
        for number in range(options.rounds):
            turn = number % len(options.arms)
            for arm in options.arms[turn:] + options.arms[:turn]:
                job = Job(arm, urls, options.limit, REQUEST_TIMEOUT, False, not is_loopback(url))
                try:
                    outcome = run_job(job, runs[arm].show_done)
                except ArmError as error:
                    raise ArmError(f"{LABELS[arm]}: {error}") from None
                summaries[arm].rounds.append(outcome)
                runs[arm].end_round(outcome)


def show_clients(options: Options, console: Console, summaries: dict[str, Summary]) -> None:
    summaries = {arm: summary for arm, summary in summaries.items() if summary.rounds}
    if not summaries:
        return
    title = f"Throttled: {options.limit} requests at a time"
    done = [one.rounds for one in summaries.values()]
    if options.rounds > 1:
        title += f", median of {max(map(len, done))} rounds"
    console.print()
    console.print(title, style="bold")
    console.print(clients_table(summaries))
    console.print()
    console.print(
        draw(
            [(one.label, COLOURS[arm][0], one.latencies) for arm, one in summaries.items()],
            console.width,
        )
    )
    pictured = [(summary, COLOURS[arm][1]) for arm, summary in summaries.items()]
    path = options.out / "scraper.svg"
    options.out.mkdir(parents=True, exist_ok=True)
    path.write_text(render(f"Field notices. {title}", pictured), encoding="utf-8")
    console.print(f"picture: {path}", soft_wrap=True)


def show_unthrottled(options: Options, console: Console, url: str, limit: int) -> None:
    """All pages at once, and then the same client with a limit, against the same site.

    By hand, with tasks and a semaphore, and by aioxide's amap where there is aioxide.
    """
    urls = fetch_links(url, options.notices)
    arm = "aioxide" if "aioxide" in options.arms else options.arms[-1]
    runs = [("all at once", 0, False), (f"{limit} at a time", limit, False)]
    if "aioxide" in NEEDS[arm]:
        runs += [("amap, all at once", 0, True), (f"amap(limit={limit})", limit, True)]
    outcomes: list[tuple[str, Outcome]] = []
    with Watch(console) as watch:
        for label, at_once, amap in runs:
            run = watch.add(label, len(urls))
            job = Job(arm, urls, at_once, REQUEST_TIMEOUT, amap, not is_loopback(url))
            outcome = run_job(job, run.show_done)
            run.end_round(outcome)
            outcomes.append((label, outcome))
    title = f"Unthrottled: {len(urls)} requests at the same time ({LABELS[arm]})"
    console.print()
    console.print(title, style="bold")
    console.print(unthrottled_table(outcomes))
    failing = outcomes[0][1]
    cost = f"It cost {failing.failed:,} of {len(urls):,} pages: {errors_text(failing.errors)}."
    console.print(cost, highlight=False)
    for kind, example in failing.examples.items():
        # Whole in a file; a terminal would break it within a word.
        soft = not console.is_terminal
        console.print(f"  {kind}: {example}", highlight=False, markup=False, soft_wrap=soft)


def slow_site(options: Options) -> tuple[SiteProcess, int]:
    """A site that cannot stand all its notices being asked for at once, and what it can stand.

    It works for 100 ms on a page and gives up after 500 ms, so each worker serves five of the
    requests that come together; it has workers for two fifths of them and takes the connections
    of three fifths.
    """
    workers = max(1, options.notices * 8 // 100)
    site = SiteProcess(
        notices=options.notices,
        latency=100,
        workers=workers,
        request_timeout=500,
        max_connections=max(2, options.notices * 60 // 100),
    )
    return site, workers


def check(options: Options, summaries: dict[str, Summary], site: SiteProcess) -> str | None:
    """What does not add up between the clients and the site's own counters."""
    pages = sum(summary.pages for summary in summaries.values())
    counted = site.stats()["notices"]
    if counted != pages:
        return f"the clients fetched {pages:,} notices, but the site counted {counted:,}"
    sizes = {one.size for summary in summaries.values() for one in summary.rounds if not one.failed}
    if len(sizes) > 1:
        return f"the clients did not get the same bytes: {sorted(sizes)}"
    return None


def run(options: Options, console: Console, summaries: dict[str, Summary]) -> int:
    trouble = None
    with contextlib.ExitStack() as stack:
        url = options.url
        site = None
        if url is None:
            site = stack.enter_context(
                SiteProcess(
                    notices=options.notices,
                    latency=options.latency,
                    workers=max(64, options.limit),
                    max_connections=max(512, options.limit * 2),
                )
            )
            url = site.url
        fetch_throttled(options, console, url, summaries)
        show_clients(options, console, summaries)
        if site is not None:
            trouble = check(options, summaries, site)
            if trouble is None:
                count = site.stats()["notices"]
                console.print(f"checked: the site, too, counted {count:,} notices")
    if options.unthrottled:
        console.print()
        if options.url is None:
            site, limit = slow_site(options)
            with site:
                show_unthrottled(options, console, site.url, limit)
        else:
            show_unthrottled(options, console, options.url, options.limit)
    pages = sum(summary.pages for summary in summaries.values())
    failed = sum(summary.failed for summary in summaries.values())
    if trouble is None and failed and (options.url is None or not pages):
        trouble = f"{failed:,} of {pages + failed:,} throttled requests failed"
    if trouble is not None:
        complain(trouble)
        return 1
    return 0


def complain(text: str) -> None:
    print(f"scraper: {text}", file=sys.stderr)


def main() -> int:
    interrupts.install()
    options = command_line.parse()
    console = Console(highlight=False)
    if not console.is_terminal:
        # A file or a pipe has no width of its own.
        console.width = 100
    summaries = {arm: Summary(LABELS[arm], []) for arm in options.arms}
    try:
        return run(options, console, summaries)
    except (SiteError, NoIndexError, ArmError, OSError) as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        # A second Ctrl-C would only cut off the account of the first.
        interrupts.ignore()
        rounds = [f"{one.label} {len(one.rounds)}" for one in summaries.values() if one.rounds]
        show_clients(options, console, summaries)
        complain(f"stopped; rounds done: {', '.join(rounds) or 'none'}")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
