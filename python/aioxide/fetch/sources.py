"""Which URLs are to be fetched: arguments, files, standard input; sitemaps are in `sitemap`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from aioxide.fetch.target import BadUrl, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["STDIN", "Plan", "SourceError"]

STDIN = "-"
#: Bad lines that are shown one by one.
_SHOWN = 5


class SourceError(Exception):
    """The list of URLs cannot be used. The text is for the user."""


class Plan:
    """The targets of a run, each once, in the order in which they came."""

    def __init__(self) -> None:
        self.targets: dict[str, Target] = {}
        self.doubles = 0
        self._bad: list[str] = []
        self._bad_count = 0

    def add(self, text: str, where: str) -> None:
        """A URL; `where` is for the message about a bad one."""
        try:
            target = Target(text)
        except BadUrl as error:
            self._wrong(f"{where}: {_shown(text)} is not a URL to fetch: {error}")
            return
        if target.key in self.targets:
            self.doubles += 1
        else:
            self.targets[target.key] = target

    def _wrong(self, text: str) -> None:
        self._bad_count += 1
        if len(self._bad) < _SHOWN:
            self._bad.append(text)

    def add_arguments(self, urls: Sequence[str]) -> None:
        for url in urls:
            if "//" not in url and os.path.isfile(url):
                self._wrong(f"argument: {_shown(url)} is a file; -i reads the URLs that are in one")
            else:
                self.add(url, "argument")

    def add_file(self, path: str) -> None:
        """A URL a line. Empty lines and those that begin with # are passed over, and what follows
        a tab is, too."""
        where = "standard input" if path == STDIN else path
        try:
            for number, line in enumerate(_lines(path), 1):
                text = line.partition("\t")[0].strip()
                if text and not text.startswith("#"):
                    self.add(text, f"{where}, line {number}")
        except UnicodeDecodeError as error:
            raise SourceError(f"{where} is no text in UTF-8: {error.reason}") from None
        except OSError as error:
            raise SourceError(f"cannot read {where}: {error.strerror or error}") from None

    def add_all(self, urls: Iterable[str], where: str) -> None:
        for url in urls:
            self.add(url, where)

    def check(self) -> None:
        """Raise SourceError, with their places, if there were bad URLs."""
        if not self._bad:
            return
        lines = list(self._bad)
        more = self._bad_count - len(lines)
        if more:
            lines.append(f"and {more:,} more")
        what = "this" if self._bad_count == 1 else "these"
        lines.append(f"nothing was fetched; put {what} right first")
        raise SourceError("\n".join(lines))

    def drop(self, keys: Iterable[str]) -> int:
        """Take out what is there already; how many of the plan's that were."""
        before = len(self.targets)
        for key in keys:
            self.targets.pop(key, None)
        return before - len(self.targets)


def _lines(path: str) -> Iterator[str]:
    if path == STDIN:
        for data in sys.stdin.buffer:
            yield data.decode("utf-8-sig")
        return
    with open(path, encoding="utf-8-sig") as file:
        yield from file


def _shown(text: str) -> str:
    text = text if len(text) <= 100 else f"{text[:97]}..."
    return repr(text)
