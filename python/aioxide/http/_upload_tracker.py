"""`UploadTracker`: how far the body of a request has come."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from aioxide.http._errors import UploadAbortedError

#: Pieces that are remembered while nobody asks how far it is.
PIECES = 256


class UploadTracker:
    """Follows the body of one request; give it as `upload_tracker=`. Make it in a running loop.

    `attempts` counts how often the body was begun, for redirects and retries send it again.
    `upload_complete` is done when it has been sent, and has the exception that ended it else.
    """

    def __init__(self) -> None:
        self.attempts = 0
        self.upload_complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._bound = False
        self._over = False
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._writer: Any = None
        self._finished = False
        self._failure: BaseException | None = None
        self._given = 0
        self._sent = 0
        # How much of the body was given when so many bytes were on their way, framing and all.
        self._marks: deque[tuple[int, int]] = deque()

    @property
    def bytes_written(self) -> int:
        """How many bytes of the body the kernel has taken, in the latest try."""
        self._look()
        return self._sent

    def _look(self) -> None:
        writer = self._writer
        transport = None if writer is None else writer.transport
        if transport is None or transport.is_closing():
            return
        left = writer.output_size - transport.get_write_buffer_size()
        marks = self._marks
        while len(marks) > 1 and marks[1][1] <= left:
            marks.popleft()
        sent, wire = marks[0]
        if len(marks) > 1 and left > wire:
            # In the middle of a piece: in proportion.
            given, end = marks[1]
            sent += (given - sent) * (left - wire) // (end - wire)
        self._sent = sent

    # The request calls these.

    def _bind(self) -> None:
        if self._bound:
            raise RuntimeError("UploadTracker is already bound to a request")
        self._bound = True

    def _attempt_started(self) -> int:
        """A try begins; what an earlier one still does no longer counts."""
        self.attempts += 1
        self._begin_anew()
        return self.attempts

    def _attempt_writing(self, attempt: int, writer: Any) -> None:
        if attempt == self.attempts:
            self._writer = writer
            self._marks.append((0, writer.output_size))

    def _add(self, attempt: int, size: int, wire: int) -> None:
        if attempt != self.attempts or self._writer is None:
            return
        self._given += size
        # A compressor may keep a piece to itself for a while.
        if wire > self._marks[-1][1]:
            self._marks.append((self._given, wire))
            if len(self._marks) > PIECES:
                self._look()

    def _attempt_finished(self, attempt: int) -> None:
        if attempt == self.attempts:
            self._finished = True
            self._sent = self._given
            self._stop()

    def _attempt_failed(self, attempt: int, failure: BaseException | None) -> None:
        if attempt == self.attempts and not self._finished:
            self._failure = failure
            self._look()
            self._stop()

    def _stop(self) -> None:
        self._marks.clear()
        self._writer = None
        if self._over:
            self._settle()

    def _finalize(self) -> None:
        """The request is over: no more tries, but the body may still be on its way."""
        self._over = True
        if self._writer is None:
            self._settle()

    def _settle(self) -> None:
        future = self.upload_complete
        if future.done():
            return
        if self._finished:
            future.set_result(None)
            return
        future.set_exception(
            self._failure or UploadAbortedError("The request body was not fully sent")
        )
        # Whoever only looks whether it is done is not told that nobody asked.
        future.exception()
