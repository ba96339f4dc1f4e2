"""The threads of a loop: started as they are needed, kept, and ended with the loop.

```text
   loop's thread                         a thread
   submit ──► queue (SimpleQueue) ─────► run in the caller's context
   finish ◄── call_soon_threadsafe ◄──── value or exception
```

All counting is done in the loop's thread, so there is no lock: a thread counts as idle from the
moment in which the loop is told of the end of its job.

`run_in_executor()` makes a future of concurrent.futures with a lock and a condition, another one of
asyncio, and callbacks between the two, for each call; here it is the second one alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import weakref
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from ._job import Job

    Jobs: TypeAlias = SimpleQueue[Job | None]
    LoopRef: TypeAlias = Callable[[], asyncio.AbstractEventLoop | None]

__all__ = ["Crew", "Pool", "close_pool", "current_loop", "pool_of"]

#: In a thread of a pool: a reference to its loop.
_here = threading.local()
_pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Pool] = weakref.WeakKeyDictionary()


def pool_of(loop: asyncio.AbstractEventLoop) -> Pool:
    """The pool of a running loop, which is made where there is none."""
    pool = _pools.get(loop)
    if pool is None:
        pool = _pools[loop] = Pool(loop)
    return pool


def close_pool(loop: asyncio.AbstractEventLoop) -> None:
    """Let the loop's threads end when they have done what they are at."""
    pool = _pools.pop(loop, None)
    if pool is not None:
        pool.close()


def current_loop() -> asyncio.AbstractEventLoop | None:
    """The loop whose pool the current thread belongs to."""
    ref: LoopRef | None = getattr(_here, "loop", None)
    return None if ref is None else ref()


class Pool:
    """The crews of one loop. It does not keep the loop alive."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = weakref.ref(loop)
        self._queues: list[Jobs] = []
        self._threads = 0
        #: Its threads end; a new pool takes its place.
        self.closed = False
        self._drained: asyncio.Future[None] | None = None
        #: The threads that whoever has no crew of its own shares.
        self.crew = Crew(self)
        # A loop that is dropped without being closed.
        weakref.finalize(loop, end_all, self._queues).atexit = False
        # A loop closes the asynchronous generators that have begun in it before it is closed. It
        # does not hold this one, and this one is not to hold it: by its finalizer it would.
        self._hook = self._hold()
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(finalizer=None)
        try:
            with contextlib.suppress(StopIteration):
                self._hook.asend(None).send(None)
        finally:
            sys.set_asyncgen_hooks(*hooks)

    async def _hold(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            # When the collector ends it, there is no loop to wait in.
            loop = self.loop()
            if loop is not None and loop.is_running():
                await self._drain()

    async def _drain(self) -> None:
        """End the threads, and wait for those that are at work."""
        loop = asyncio.get_running_loop()
        _pools.pop(loop, None)
        self.close()
        if self._threads:
            self._drained = loop.create_future()
            await self._drained

    def close(self) -> None:
        """Let the threads end when they have done what they are at."""
        self.closed = True
        end_all(self._queues)

    def open(self, queue: Jobs) -> None:
        """A crew has begun."""
        self._queues.append(queue)

    def start(self, queue: Jobs) -> None:
        """Start a thread that works off a queue."""
        name = f"aioxide-thread-{self._threads + 1}"
        # A daemon: a program that has forgotten its loop can end. asyncio.run() waits for them.
        threading.Thread(
            target=serve, args=(queue, self.loop, self._ended), name=name, daemon=True
        ).start()
        self._threads += 1

    def _ended(self) -> None:
        self._threads -= 1
        if not self._threads and self._drained is not None and not self._drained.done():
            self._drained.set_result(None)


class Crew:
    """Threads that share a queue. All but the threads' own work is done in the loop's thread."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._queue: Jobs = SimpleQueue()
        self._idle = 0
        pool.open(self._queue)

    def submit(self, job: Job) -> None:
        """Have a job done at once, by an idle thread or by a new one.

        Raises RuntimeError when no thread can be started.
        """
        if self._idle:
            self._idle -= 1
        else:
            self.pool.start(self._queue)
        self._queue.put(job)

    def release(self) -> None:
        """A job is done, and its thread is idle."""
        self._idle += 1

    def end(self) -> None:
        """No more jobs will come."""
        self._queue.put(None)


def end_all(queues: list[Jobs]) -> None:
    """Let the threads of all queues end."""
    while queues:
        queues.pop().put(None)


def serve(queue: Jobs, ref: LoopRef, ended: Callable[[], None]) -> None:
    """What a thread does: jobs, until there will be no more."""
    _here.loop = ref
    while (job := queue.get()) is not None:
        # Without going back to the loop, while its lane has more. And while it waits in the queue,
        # it holds nothing of the last.
        while job is not None:
            job = job.run()
    # For the next thread of this queue.
    queue.put(None)
    loop = ref()
    if loop is not None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(ended)
