"""What every store is: a place for pages that knows which ones it has.

The output is its own journal: there is no second file that could say something else. A store is
opened, which finds what is there and cuts off a last record that is not whole; takes pages, each
of which is there for good when `put()` returns; and is closed.
"""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from aioxide.fetch.page import Page

__all__ = ["AppendedFile", "Store", "StoreError", "reason"]


class StoreError(Exception):
    """The output cannot be used, or not any more. The text is for the user."""

    #: How many of the pages of a `put()` are there all the same.
    written = 0


class Store(Protocol):
    """A place for pages. Used by one thread at a time."""

    #: Bodies are kept as they came, compressed.
    raw: bool
    #: What was found that was not whole, and is gone: a sentence, or "".
    repaired: str

    def urls(self) -> Sequence[str]:
        """The URLs that are there, each once."""
        ...

    def put(self, pages: Sequence[Page]) -> None:
        """Write pages. When it returns, they survive the end of this process, however it ends.

        Raises StoreError, after which the store holds only what is whole: the first `written` of
        the pages.
        """
        ...

    def close(self) -> None:
        """Give the output up, on disk. Can be called again."""
        ...


class AppendedFile:
    """A file that is locked, and only grows at its end, by whole records.

    Raises StoreError where that is not possible.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.end = 0
        self._changed = False
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise StoreError(f"cannot write {path}: {reason(error)}") from None
        try:
            lock(self._fd, path)
            self.end = os.fstat(self._fd).st_size
        except BaseException:
            os.close(self._fd)
            self._fd = -1
            raise

    def read(self, take: Callable[[int], int]) -> int:
        """`take(descriptor)` reads from the beginning and says where the last whole record ends.

        The rest is cut off. Gives how many bytes that were.
        """
        os.lseek(self._fd, 0, os.SEEK_SET)
        whole = take(self._fd)
        cut = self.end - whole
        if cut:
            self._changed = True
            os.ftruncate(self._fd, whole)
            self.end = whole
        return cut

    def append_all(self, records: Sequence[bytes]) -> None:
        """Append them, at once or, where that does not go, as many as go. The StoreError says how
        many that were."""
        try:
            self.append(b"".join(records))
        except StoreError:
            for number, record in enumerate(records):
                try:
                    self.append(record)
                except StoreError as error:
                    error.written = number
                    raise

    def append(self, data: bytes) -> None:
        """Write all of it or, with a StoreError, nothing."""
        at = self.end
        self._changed = True
        view = memoryview(data)
        try:
            while view:
                count = os.pwrite(self._fd, view, at)
                at += count
                view = view[count:]
        except OSError as error:
            os.ftruncate(self._fd, self.end)
            raise StoreError(f"cannot write {self.path}: {reason(error)}") from None
        finally:
            view.release()
        self.end = at

    def close(self) -> None:
        """Let it reach the disk. Can be called again."""
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        try:
            if self._changed:
                os.fsync(fd)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise StoreError(f"cannot write {self.path}: {reason(error)}") from None
        finally:
            os.close(fd)


def lock(fd: int, path: Path) -> None:
    """Keep other runs away until the descriptor is closed. Raises StoreError if one is there."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreError(
            f"another aioxide fetch is writing {path}; wait for it, or choose another output"
        ) from None
    except OSError as error:
        # A file system without locks; nobody can be kept away.
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL):
            raise StoreError(f"cannot lock {path}: {reason(error)}") from None


def reason(error: OSError) -> str:
    """What the system says, and what helps."""
    text = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{text}; make room, and run the same command again"
    if error.errno == errno.EFBIG:
        return f"{text}; the limit is set by `ulimit -f`"
    return text
