"""The forms: one function each, which does all jobs of a task and stops the meter."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import multiprocessing
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from ... import loops
from . import jobs
from .meter import Meter

#: Each has an interpreter of its own, so a thousand would not fit everywhere.
MOST_PROCESSES = 100


@dataclass(frozen=True)
class Task:
    """So many jobs of one kind."""

    work: str
    jobs: int
    #: Where the site listens, if these jobs fetch.
    address: str = ""
    loop: str = ""
    #: A client with aiohttp's API, for forms that fetch on a loop.
    module: str = ""

    @property
    def job(self) -> Callable[[int], Any]:
        return partial(jobs.run, self.work, self.address)

    @property
    def workers(self) -> int:
        """As many as there are jobs where those wait, as many as there are cores where not."""
        return self.jobs if jobs.WORK[self.work].target else min(self.jobs, cores())

    @property
    def numbers(self) -> range:
        return range(self.jobs)


def cores() -> int:
    return len(os.sched_getaffinity(0))


def pool(workers: int) -> ProcessPoolExecutor:
    """Processes as Python 3.14 starts them by itself, on every version.

    What they import is imported once and inherited, as the main file of a script is.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([jobs.__name__])
    return ProcessPoolExecutor(min(workers, MOST_PROCESSES), context)


def one_by_one(task: Task, meter: Meter) -> list[Any]:
    meter.start()
    results = [task.job(number) for number in task.numbers]
    meter.stop(has_heart=False)
    return results


def in_pool(task: Task, meter: Meter, make: Callable[[int], Executor]) -> list[Any]:
    """All in a pool of workers, which is made when the clock runs."""
    meter.start_with_heart()
    with make(task.workers) as executor:
        results = list(executor.map(task.job, task.numbers))
        meter.stop()
    return results


def threads(task: Task, meter: Meter) -> list[Any]:
    return in_pool(task, meter, ThreadPoolExecutor)


def processes(task: Task, meter: Meter) -> list[Any]:
    return in_pool(task, meter, pool)


def interpreters(task: Task, meter: Meter) -> list[Any]:
    """Threads with a GIL each."""
    from concurrent.futures import InterpreterPoolExecutor

    return in_pool(task, meter, InterpreterPoolExecutor)


def loop(task: Task, meter: Meter) -> list[Any]:
    """All in the loop's thread: a task for each job."""

    async def main() -> list[Any]:
        heart = asyncio.ensure_future(meter.heart.beat_in_task())
        async with fetching(task) as fetch:

            async def job(number: int) -> Any:
                return jobs.compute(task.work, await fetch(number))

            results = await asyncio.gather(*[job(number) for number in task.numbers])
            meter.stop()
        await heart
        return results

    return run(task, meter, main)


def loop_and_threads(task: Task, meter: Meter) -> list[Any]:
    """The jobs are synchronous, and awaited."""
    from aioxide import amap, threaded

    async def main() -> list[Any]:
        heart = asyncio.ensure_future(meter.heart.beat_in_task())
        job = threaded(task.job, limit=task.workers)
        results = await amap(job, task.numbers, limit=task.workers)
        meter.stop()
        await heart
        return results

    return run(task, meter, main)


def loop_and_processes(task: Task, meter: Meter) -> list[Any]:
    """The loop fetches, and as many processes as there are cores compute."""
    from aioxide import amap

    async def main() -> list[Any]:
        heart = asyncio.ensure_future(meter.heart.beat_in_task())
        with pool(cores()) as executor:
            compute = partial(
                asyncio.get_running_loop().run_in_executor, executor, jobs.compute, task.work
            )
            async with fetching(task) as fetch:

                async def job(number: int) -> Any:
                    return await compute(await fetch(number))

                results = await amap(job, task.numbers, limit=task.jobs)
                meter.stop()
        await heart
        return results

    return run(task, meter, main)


FORMS: dict[str, Callable[[Task, Meter], list[Any]]] = {
    "one_by_one": one_by_one,
    "threads": threads,
    "processes": processes,
    "interpreters": interpreters,
    "loop": loop,
    "loop_and_threads": loop_and_threads,
    "loop_and_processes": loop_and_processes,
}


def run(task: Task, meter: Meter, main: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
    """On the loop of the task, in a process that has imported all of it and run one before."""
    factory = loops.factory(task.loop)
    if task.module:
        importlib.import_module(task.module)
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(asyncio.sleep(0.001))
    meter.start()
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main())


@contextlib.asynccontextmanager
async def fetching(task: Task) -> Any:
    """Gives the function that fetches the page of a job; nothing, where jobs do not fetch."""
    target = jobs.WORK[task.work].target
    if target is None:

        async def nothing(number: int) -> None:
            return None

        yield nothing
        return
    client = importlib.import_module(task.module)
    # There may be as many connections as there are jobs.
    async with client.ClientSession(connector=client.TCPConnector(limit=0)) as session:

        async def fetch(number: int) -> bytes:
            async with session.get(f"http://{task.address}{target(number)}") as response:
                jobs.check_status(response.status)
                body: bytes = await response.read()
                return body

        yield fetch
