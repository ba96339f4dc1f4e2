"""What one job does: it waits, it computes, or both.

A job is a plain function of its number. Its two halves are apart, so that a loop can fetch in its
own way. The workers of a process pool import this file and nothing else of ours.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - imported by who connects to a host for the first time, else
import hashlib
import http.client
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

#: How many pages the site has; jobs fetch them in turn.
NOTICES = 40
PRIMES_BELOW = 50_000
HOW_MANY_PRIMES = 5133
HASHES = 75_000
HASHED = "f63feb0ba5ac452b"


class WrongAnswerError(Exception):
    """A job has another result than it should."""


def fetch(address: str, target: str) -> bytes:
    """The body of a page by the standard library's client; a thread keeps its connection."""
    connection = getattr(_of_thread, "connection", None)
    if connection is None:
        connection = _of_thread.connection = http.client.HTTPConnection(address, timeout=60)
    connection.request("GET", target)
    response = connection.getresponse()
    body = response.read()
    check_status(response.status)
    return body


_of_thread = threading.local()


def check_status(status: int) -> None:
    if status != 200:
        raise WrongAnswerError(f"status {status}")


def index(number: int) -> str:
    return "/"


def notice(number: int) -> str:
    return f"/notices/{number % NOTICES + 1}"


def count_links(body: bytes) -> int:
    return body.count(b"<a href=")


def count_primes(_: object) -> int:
    """By trial division, in Python: it holds the GIL from beginning to end."""
    primes: list[int] = []
    for number in range(2, PRIMES_BELOW):
        for prime in primes:
            if prime * prime > number:
                primes.append(number)
                break
            if number % prime == 0:
                break
        else:
            primes.append(number)
    return len(primes)


def hash_password(_: object) -> str:
    """In C, which gives the GIL back meanwhile."""
    return hashlib.pbkdf2_hmac("sha256", b"password", b"salt", HASHES, 8).hex()


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: Counter[str] = Counter()

    def handle_data(self, data: str) -> None:
        self.words.update(word.strip(".,:") for word in data.lower().split())


def count_words(body: bytes) -> dict[str, int]:
    """How often each word is in a page."""
    parser = _Words()
    parser.feed(body.decode())
    parser.close()
    return dict(parser.words)


@dataclass(frozen=True)
class Work:
    """A kind of jobs."""

    #: Computes: from the body of the page, or from nothing.
    compute: Callable[[Any], Any]
    #: Whether this is the result of the job of this number.
    is_right: Callable[[int, Any], bool]
    #: The page that a job fetches first, by its number.
    target: Callable[[int], str] | None = None


WORK: dict[str, Work] = {
    "waiting": Work(count_links, lambda _, links: links == NOTICES, index),
    "python": Work(count_primes, lambda _, primes: primes == HOW_MANY_PRIMES),
    "native": Work(hash_password, lambda _, digest: digest == HASHED),
    # The name of a notice is a word of its own, in its title and in its heading.
    "mix": Work(
        count_words,
        lambda number, words: words.get(f"fn-{number % NOTICES + 1:05}") == 2,
        notice,
    ),
}


def run(name: str, address: str, number: int) -> Any:
    """A whole job: fetch, where it does, then compute."""
    work = WORK[name]
    return work.compute(fetch(address, work.target(number)) if work.target else None)


def compute(name: str, body: bytes | None) -> Any:
    """The second half of a job."""
    return WORK[name].compute(body)


def check(name: str, results: list[Any]) -> None:
    for number, result in enumerate(results):
        if not WORK[name].is_right(number, result):
            raise WrongAnswerError(f"job {number} gives {str(result)[:100]}")
