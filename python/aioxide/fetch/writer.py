"""`Writer`: one thread that writes all pages, so that a slow disk holds up no request.

Whoever brings a page waits until it is written. What has come meanwhile is written together.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import TYPE_CHECKING

from .stores import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .page import Page
    from .stores import Store

    _Item = tuple[Page, asyncio.Future[None], Callable[[], None]]

__all__ = ["Writer"]

#: Pages that are written together at most, and their bytes.
_MOST_PAGES = 256
_MOST_BYTES = 16 << 20


class Writer:
    """Writes pages into a store. Belongs to the loop that is running when it is made."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._error: StoreError | None = None
        self._thread = threading.Thread(target=self._run, name="aioxide-fetch-writer")
        self._thread.start()

    async def put(self, page: Page, on_written: Callable[[], None]) -> None:
        """Return when the page is written, after `on_written()`. If this is cancelled both happen
        all the same. Raises StoreError."""
        if self._error is not None:
            raise self._error
        future: asyncio.Future[None] = self._loop.create_future()
        self._queue.put((page, future, on_written))
        await future

    async def close(self) -> None:
        """Write what is left and end the thread. Raises no error that `put()` has raised."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        # What the thread has told the loop last.
        await asyncio.sleep(0)

    def _run(self) -> None:
        ended = False
        while not ended:
            batch: list[_Item] = []
            size = 0
            item = self._queue.get()
            while True:
                if item is None:
                    ended = True
                    break
                batch.append(item)
                size += len(item[0].body)
                if len(batch) >= _MOST_PAGES or size >= _MOST_BYTES:
                    break
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
            if batch:
                self._write(batch)

    def _write(self, batch: list[_Item]) -> None:
        error = self._error
        written = 0
        if error is None:
            try:
                self._store.put([page for page, _, _ in batch])
                written = len(batch)
            except StoreError as raised:
                error = raised
                written = raised.written
            except Exception as raised:  # noqa: BLE001  # whoever waits has to hear of it
                error = StoreError(f"the output cannot be written: {raised!r}")
        # From now on nothing is written: what follows would be there without what is missing.
        self._error = error
        self._loop.call_soon_threadsafe(self._tell, batch, written, error)

    def _tell(self, batch: list[_Item], written: int, error: StoreError | None) -> None:
        for number, (_, future, on_written) in enumerate(batch):
            if number < written:
                on_written()
            if future.done():
                continue
            if number < written:
                future.set_result(None)
            elif error is not None:
                future.set_exception(error)
