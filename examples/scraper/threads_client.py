"""The pages by a pool of threads, with a requests session in each."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

import requests
from job import USER_AGENT, Job
from outcome import BadStatus, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable


def fetch_all(job: Job, tell: Callable[[], None]) -> Outcome:
    """Fetches the job's pages, `limit` at a time; `tell` is called after each."""
    outcome = Outcome()
    # A session is not for use by several threads at once.
    local = threading.local()
    sessions: list[requests.Session] = []

    def fetch(url: str) -> tuple[int, float]:
        session: requests.Session | None = getattr(local, "session", None)
        if session is None:
            session = local.session = requests.Session()
            session.trust_env = job.proxies
            session.headers["User-Agent"] = USER_AGENT
            sessions.append(session)
        started_at = time.perf_counter()
        response = session.get(url, timeout=job.timeout)
        if response.status_code != 200:
            raise BadStatus(response.status_code)
        return len(response.content), time.perf_counter() - started_at

    cpu, wall = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(max_workers=job.limit or len(job.urls)) as pool:
        futures = [pool.submit(fetch, url) for url in job.urls]
        try:
            for future in as_completed(futures):
                try:
                    outcome.count_page(*future.result())
                except (requests.RequestException, BadStatus, OSError) as error:
                    outcome.count_error(error)
                tell()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    outcome.wall, outcome.cpu = time.perf_counter() - wall, time.process_time() - cpu
    for session in sessions:
        session.close()
    return outcome
