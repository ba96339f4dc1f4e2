"""What one run of one client came to, and what went wrong in it, by kind."""

from __future__ import annotations

import errno
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = "timeouts"
REFUSED = "refused"
FILES = "out of open files"
STATUS = "bad HTTP status"
OTHER = "other errors"
KINDS = (TIMEOUT, REFUSED, FILES, STATUS, OTHER)

_BY_ERRNO = {
    errno.EMFILE: FILES,
    errno.ENFILE: FILES,
    errno.ETIMEDOUT: TIMEOUT,
    errno.ECONNREFUSED: REFUSED,
    errno.ECONNRESET: REFUSED,
    errno.ECONNABORTED: REFUSED,
    errno.EPIPE: REFUSED,
}
# Classes of requests, urllib3 and aiohttp by name: neither library is needed by the other's arm.
_BY_NAME = {
    "NewConnectionError": REFUSED,
    "ServerDisconnectedError": REFUSED,
    "RemoteDisconnected": REFUSED,
    "TimeoutError": TIMEOUT,
    "Timeout": TIMEOUT,
}


class BadStatus(Exception):
    """An answer that is not 200."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status


def kind_of(error: BaseException) -> str:
    """The kind of an error; libraries wrap, so the causes are looked at as well."""
    if isinstance(error, BadStatus):
        return TIMEOUT if error.status in (408, 503, 504) else STATUS
    errors = list(_with_causes(error))
    # A number says most; urllib3's NewConnectionError, for one, is a TimeoutError by its class.
    for one in errors:
        code = getattr(one, "errno", None)
        if isinstance(code, int) and code in _BY_ERRNO:
            return _BY_ERRNO[code]
    names = [base.__name__ for one in errors for base in type(one).__mro__]
    return next((_BY_NAME[name] for name in names if name in _BY_NAME), OTHER)


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        one = queue.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            queue += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]


@dataclass
class Outcome:
    """One client's run over all pages. Times are in seconds."""

    pages: int = 0
    size: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    latencies: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    # One message of each kind, to show what it looked like.
    examples: dict[str, str] = field(default_factory=dict)

    def count_page(self, size: int, latency: float) -> None:
        self.pages += 1
        self.size += size
        self.latencies.append(latency)

    def count_error(self, error: BaseException) -> None:
        kind = kind_of(error)
        self.errors[kind] += 1
        self.examples.setdefault(kind, f"{type(error).__name__}: {error}"[:200])

    @property
    def failed(self) -> int:
        return sum(self.errors.values())

    def to_json(self) -> dict[str, object]:
        # `asdict` makes a Counter of pairs out of a Counter.
        return {**vars(self), "errors": dict(self.errors)}

    @classmethod
    def from_json(cls, fields: dict[str, object]) -> Outcome:
        outcome = cls(**fields)  # type: ignore[arg-type]
        outcome.errors = Counter(outcome.errors)
        return outcome


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -int(-share * len(ordered) // 1))
    return ordered[min(rank, len(ordered)) - 1]
