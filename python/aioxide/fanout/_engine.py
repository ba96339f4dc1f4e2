"""The one engine of every fan-out: a window of workers that moves over a source.

```text
   source ──► worker: pull, call, keep, pull, call, ...    at most `limit` of them
                │ failed                    │ no room
                ▼                           ▼
              halt: the others are       waits until
              cancelled                  results are taken
```

A worker is a task that takes an item when it is free, so the source is asked for no more than is
under way, and an item costs no task. Each call sees the context of the fan-out, as a task of its
own would: a worker whose call has left the context changed ends, and another one takes its place.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Protocol

from ._attempts import check_awaitable
from ._errors import FanOutError, ItemCancelledError, MisuseError, annotate
from ._result import Result
from ._source import END, Source

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ._attempts import Attempts
    from ._auto import Throttle
    from ._options import Options
    from ._progress import Reporter

__all__ = ["Engine", "Sink"]

# A worker whose calls never wait lets others run after so many seconds.
_SLICE = 0.001
# So many workers begin on a source of unknown length. The number doubles as items come.
_FIRST = 4


class Sink(Protocol):
    """What becomes of results."""

    def begin(self, index: int) -> None:
        """The item of this index has been pulled."""

    def keep(self, index: int, item: Any, value: Any, attempts: int) -> None:
        """A call has succeeded."""

    def fail(self, failure: Result[Any, Any]) -> None:
        """A call has failed, and that is a result."""

    def skip(self, index: int) -> None:
        """A call has failed, and there is no result."""

    def results(self) -> dict[int, Any]:
        """The values so far, by index."""

    def finish(self) -> None:
        """Every worker has ended."""


class Engine:
    """Runs a call for each item of a source. Used once, in one loop."""

    def __init__(
        self,
        call: Callable[[Any], Awaitable[Any]],
        source: Source[Any],
        sink: Sink,
        options: Options,
        label: str,
        attempts: Attempts[Any, Any] | None = None,
        throttle: Throttle | None = None,
        waiting: float = float("inf"),
    ) -> None:
        self._call = call
        self._source = source
        self._sink = sink
        self._attempts = attempts
        self._throttle = throttle
        self._on_error = options.on_error
        self._max_errors = options.max_errors
        self._waiting = waiting
        self.label = label
        #: Calls at a time; a throttle moves it.
        self.limit = options.first_limit
        # So many items may be under way or wait to be taken: `waiting` for each call and the call.
        self._window = self.limit * (1 + waiting)
        #: How many items were pulled, calls succeeded and failed, and results were taken away.
        self.pulled = self.done = self.failed = self.taken = 0
        self.reporter: Reporter | None = None
        self.failures: list[Result[Any, Any]] = []
        #: Nothing new is begun, and what is under way is cancelled.
        self._halted = False
        self._abandoned = False
        self._closing: asyncio.Task[None] | None = None
        self._source_error: Exception | None = None
        #: What is nobody's failure but a mistake, or the end of the program.
        self._crash: BaseException | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._blocked: deque[asyncio.Future[None]] = deque()
        self._ended: asyncio.Future[None] | None = None
        hint = source.length
        self._ramp: float = _FIRST if hint is None else max(1, hint)
        self._loop: asyncio.AbstractEventLoop
        self._context: Context
        if throttle is not None:
            throttle.engine = self
            self._ramp = float("inf")

    @property
    def total(self) -> int | None:
        """How many items there are, if that is known."""
        return self._source.length

    @property
    def active(self) -> int:
        """Calls under way."""
        return self.pulled - self.done - self.failed

    # From outside

    def start(self) -> None:
        """Start the first workers. Raises RuntimeError without a running loop."""
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        if self._throttle is not None:
            self._throttle.start(self._loop)
        if self.reporter is not None:
            self.reporter.start(self._loop)
        self._grow()
        if not self._tasks:
            self._finish()

    def halt(self) -> None:
        """Begin nothing new, and cancel what is under way."""
        self._halted = True
        for task in list(self._tasks):
            task.cancel()

    def abandon(self) -> None:
        """As `halt()`, where nobody will `join()`: the source is closed by a task of its own."""
        self._abandoned = True
        self.halt()
        if not self._tasks:
            self._close_source()

    def _close_source(self) -> None:
        if self._closing is None and self._source.wants_close:
            self._closing = self._loop.create_task(self._source.close())

    def move_limit(self, limit: int) -> None:
        """Change how many calls there may be at a time; those that are too many end as they end."""
        self.limit = limit
        self._window = limit * (1 + self._waiting)
        # Not at once: an eager task would run inside the one that asks for this.
        self._loop.call_soon(self._grow)

    async def join(self) -> None:
        """Wait until everything has ended. If this is cancelled, everything is, and waited for."""
        cancelled: asyncio.CancelledError | None = None
        while self._tasks:
            self._ended = self._loop.create_future()
            try:
                await self._ended
            except asyncio.CancelledError as error:
                cancelled = error
                self.halt()
        try:
            await self._source.close()
        except asyncio.CancelledError as error:
            cancelled = cancelled or error
        except Exception as error:  # noqa: BLE001
            self._source_error = self._source_error or error
        try:
            if cancelled is not None:
                raise cancelled
        finally:
            # An exception that holds the frame that holds it is a cycle.
            del cancelled

    def take(self) -> None:
        """A result was taken away: there is room for another item."""
        self.taken += 1
        while self._blocked:
            future = self._blocked.popleft()
            if not future.done():
                future.set_result(None)
                break

    def check(self) -> None:
        """Raise what ended the fan-out early, if something did: a FanOutError, or the TypeError of
        a function that cannot be used.

        The engine forgets it: the traceback of each error has a worker's frame, which has the
        engine.
        """
        failures, crash, source_error = self.failures, self._crash, self._source_error
        self.failures, self._crash, self._source_error = [], None, None
        if crash is not None:
            try:
                raise crash
            finally:
                del crash
        errors = [one.error for one in failures if one.error is not None]
        if source_error is not None:
            text = f"{self.label}: the source of items failed after {self.pulled:,}"
            errors.insert(0, source_error)
        elif self._halted and errors:
            text = f"{self.label}: {len(errors):,} of {self.pulled:,} calls failed"
        else:
            return
        for failure in failures:
            annotate(failure)
        try:
            raise FanOutError(text, errors, self._sink.results(), failures)
        finally:
            del failures, errors, source_error

    # Workers

    def _grow(self) -> None:
        """Start workers, as many as there may be."""
        most = min(self.limit, self._ramp)
        while len(self._tasks) < most and not self._halted and not self._source.ended:
            # A task of its own would begin in a copy of the context, too.
            context = self._context.copy()
            task = self._loop.create_task(self._work(), context=context)
            if task.done():
                # An eager one, which has found nothing to do.
                self._end(task)
                continue
            self._tasks.add(task)
            task.add_done_callback(self._on_end, context=self._context)

    def _on_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._end(task)
        self._grow()
        if not self._tasks:
            self._finish()

    def _end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crash = self._crash or error
            self.halt()

    def _finish(self) -> None:
        if self._throttle is not None:
            self._throttle.stop()
        if self.reporter is not None:
            self.reporter.stop()
        self._sink.finish()
        if self._abandoned:
            self._close_source()
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def _has_room(self) -> bool:
        return self.pulled - self.taken < self._window

    async def _room(self) -> None:
        """Wait until results have been taken away."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._blocked.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                # It was this one's turn; somebody else can have it.
                self.taken -= 1
                self.take()
            raise

    async def _work(self) -> None:
        source, call, keep, begin = self._source, self._call, self._sink.keep, self._sink.begin
        pull, attempts = source.next, self._attempts
        time, clean = self._loop.time, self._context
        task = asyncio.current_task()
        assert task is not None
        yielded = time()
        while not (self._halted or source.ended or len(self._tasks) > self.limit):
            try:
                if pull is None:
                    item = await source.pull(self._has_room, self._room)
                    if item is END or self._halted:
                        break
                elif self.pulled - self.taken >= self._window:
                    await self._room()
                    continue
                else:
                    item = pull()
            except StopIteration:
                source.ended = True
                break
            except asyncio.CancelledError:
                if source.cancelled and not self._halted:
                    self._fail_source(ItemCancelledError("the source of items was cancelled"))
                raise
            except Exception as raised:  # noqa: BLE001
                self._fail_source(raised)
                break
            index = self.pulled
            self.pulled = index + 1
            begin(index)
            if index + 1 >= self._ramp:
                # Not from here: an eager task would run inside this one, and so on.
                self._ramp *= 2
                self._loop.call_soon(self._grow)
            leave = False
            error: Exception | None = None
            tries = 1
            try:
                if attempts is None:
                    made = call(item)
                    check_awaitable(call, made)
                    value = await made
                else:
                    value, error, tries = await attempts.run(item)
            except asyncio.CancelledError as cancelled:
                if self._halted:
                    raise
                error = ItemCancelledError("the call was cancelled")
                error.__cause__ = cancelled
                leave = task.cancelling() > 0
            except MisuseError:
                raise
            except Exception as raised:  # noqa: BLE001
                error = raised
            if error is None:
                self.done += 1
                keep(index, item, value, tries)
            else:
                self._fail(Result(index, item, None, error, tries))
                # Its traceback has this frame, which would hold it.
                error = None
            if leave or copy_context() != clean:
                break
            now = time()
            if now - yielded > _SLICE:
                yielded = now
                await asyncio.sleep(0)

    def _fail(self, failure: Result[Any, Any]) -> None:
        self.failed += 1
        if self._on_error == "raise":
            self.failures.append(failure)
        else:
            if self._on_error == "collect":
                self._sink.fail(failure)
            else:
                self._sink.skip(failure.index)
                self.take()
            if self._max_errors is None:
                return
            self.failures.append(failure)
            if self.failed <= self._max_errors:
                return
        self._halt_others()

    def _fail_source(self, error: Exception) -> None:
        self._source.ended = True
        self._source_error = error
        if self._on_error == "raise":
            self._halt_others()

    def _halt_others(self) -> None:
        """As `halt()`, from a worker that is about to end."""
        self._halted = True
        current = asyncio.current_task()
        for task in list(self._tasks):
            if task is not current:
                task.cancel()
        while self._blocked:
            with contextlib.suppress(asyncio.InvalidStateError):
                self._blocked.popleft().set_result(None)
