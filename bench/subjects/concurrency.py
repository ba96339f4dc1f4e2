"""Which form of concurrency is best, by what the jobs do and how many there are."""

from __future__ import annotations

import sys

from .. import processes
from ..forms import FORMS
from ..loops import OURS
from ..model import MeasureError, Metric, Row, Settings, Subject
from ..processes import Site
from ..programs.concurrency.jobs import NOTICES, WORK

#: Milliseconds that the site takes for an answer, and where it is very slow.
DELAY, LONG_DELAY = 50, 2000
#: The kind of the row with many connections.
SLOW = "slow"
KINDS = {
    "waiting": "waiting",
    "python": "computing in Python",
    "native": "computing in C",
    "mix": "waiting, then computing",
    SLOW: "waiting for 2 s",
}
MANY, VERY_MANY = 1000, 5000
#: A hundred jobs keep the cores busy that compute: more of them would say nothing more.
JOBS = {
    "waiting": (1, 10, 100, MANY),
    "python": (1, 10, 100),
    "native": (1, 10, 100),
    "mix": (1, 10, 100, MANY),
    SLOW: (VERY_MANY,),
}
QUICK_MOST = 20

SECONDS = Metric("seconds", "seconds until all is done", digits=3, resolution=0.001)
CPU = Metric("cpu", "seconds of CPU", digits=3, resolution=0.001)
MEMORY = Metric("memory", "memory, MB", digits=0, resolution=1)
LATE = Metric("late", "heartbeat late by, ms", digits=1, resolution=1)


class Concurrency(Subject):
    name = "concurrency"
    title = "Forms of concurrency"
    note = (
        f"*Waiting*: a page of 3 kB from a server that answers after {DELAY} ms, or after 2 s. "
        "*Computing in Python*: primes, 8 ms. *Computing in C*: a password is hashed, 9 ms, "
        "without the GIL. *Waiting, then computing*: a page of 20 to 80 kB, and how often each "
        "word is in it, 2 ms. All jobs are started at the same time. Pools have as many workers as "
        "there are jobs where those wait (100 processes at most), and as many as there are cores "
        "where not; making the pool or the loop counts, importing does not. CPU time and memory "
        "are of all processes of the program, memory is the most there was. *Heartbeat*: something "
        "due every 10 ms, in a thread or a task, and how late it was at worst. Nothing is pinned; "
        "the server is the embedded site, which sleeps. Threads and processes fetch by "
        "`http.client`, asyncio and uvloop by aiohttp, aioxide by `aioxide.http`. *aioxide + "
        "threads*: synchronous jobs, `threaded`. *aioxide + processes*: the loop fetches, a pool "
        "computes."
    )
    metrics = (SECONDS, CPU, MEMORY, LATE)
    forms = FORMS
    needs_site = True

    def rows(self) -> list[Row]:
        return [
            Row(
                f"{title}, {jobs:,} {'job' if jobs == 1 else 'jobs'}",
                tuple(metric.key for metric in self.metrics),
                {"work": work, "jobs": jobs},
                without=unable(work, jobs),
            )
            for work, title in KINDS.items()
            for jobs in JOBS[work]
        ]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        form, work, jobs = self.forms[loop], row.parameters["work"], row.parameters["jobs"]
        if settings.quick:
            jobs = min(jobs, QUICK_MOST)
        name = "waiting" if work == SLOW else work
        command = [sys.executable, "-m", "bench.programs.concurrency", form.program, name]
        command += [str(jobs), "--loop", form.loop, "--module", form.module]
        limit = settings.time_limit
        if WORK[name].target is None:
            return processes.run_json(command, limit)
        options = {
            "notices": NOTICES,
            "latency": LONG_DELAY if work == SLOW else DELAY,
            "request-timeout": 60_000,
            "workers": 2 * jobs,
            "max-connections": 2 * jobs,
        }
        with Site(settings.site, options, limit) as site:
            try:
                return processes.run_json([*command, "--address", site.address], limit)
            except MeasureError as error:
                death = site.death()
                if death:
                    raise MeasureError(f"site {death}") from error
                raise


def unable(work: str, jobs: int) -> tuple[str, ...]:
    """The columns that a row is without."""
    found = []
    if work in ("waiting", "mix") and jobs == MANY:
        # Most of a minute, and no news.
        found.append("one by one")
    if work not in ("python", "native"):
        # They are for computing; a thousand take as long to start as processes do.
        found.append("interpreters")
    if work == SLOW:
        found += ["one by one", "processes"]
    if work in ("waiting", SLOW):
        # There is nothing for a pool to compute.
        found.append(f"{OURS} + processes")
    return tuple(found)
