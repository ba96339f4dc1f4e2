"""The pages by aiohttp, on the loop of a given name; or by aioxide's client in its place."""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
from job import USER_AGENT, Job
from outcome import BadStatus, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable


def loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes the loop of this name."""
    if name in ("aioxide", "client"):
        import aioxide

        if name == "client":
            # From here on `aiohttp.ClientSession` is aioxide's: the rest is the same program.
            aioxide.install(http=True)
        return aioxide.new_event_loop
    if name == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    return asyncio.SelectorEventLoop


def fetch_all(job: Job, tell: Callable[[], None]) -> Outcome:
    """Fetches the job's pages, `limit` at a time; `tell` is called after each."""
    with asyncio.Runner(loop_factory=loop_factory(job.arm)) as runner:
        return runner.run(_fetch_all(job, tell))


async def _fetch_all(job: Job, tell: Callable[[], None]) -> Outcome:
    outcome = Outcome()
    throttle: contextlib.AbstractAsyncContextManager[object] = contextlib.nullcontext()
    if job.limit and not job.amap:
        throttle = asyncio.Semaphore(job.limit)

    async def fetch(session: aiohttp.ClientSession, url: str) -> None:
        try:
            async with throttle:
                started_at = time.perf_counter()
                async with session.get(url) as response:
                    if response.status != 200:
                        raise BadStatus(response.status)
                    body = await response.read()
                outcome.count_page(len(body), time.perf_counter() - started_at)
        except (TimeoutError, aiohttp.ClientError, BadStatus, OSError) as error:
            outcome.count_error(error)
        tell()

    cpu, wall = time.process_time(), time.perf_counter()
    async with aiohttp.ClientSession(
        # The throttle decides how many connections there are, not the pool.
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=job.timeout),
        headers={"User-Agent": USER_AGENT},
        trust_env=job.proxies,
    ) as session:
        if job.amap:
            import aioxide

            await aioxide.amap(partial(fetch, session), job.urls, limit=job.limit or len(job.urls))
        else:
            await asyncio.gather(*(fetch(session, url) for url in job.urls))
        outcome.wall, outcome.cpu = time.perf_counter() - wall, time.process_time() - cpu
    return outcome
