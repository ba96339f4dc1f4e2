"""What comes of a URL: a `Page`, or a `Failure`. Both can be pickled."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Failure", "Hop", "Outcome", "Page"]

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Hop:
    """A response that led to another URL."""

    url: str
    status: int
    reason: str
    headers: Headers


@dataclass(slots=True)
class Page:
    """A response with a status of 200 to 299, whole."""

    url: str
    #: Where redirects led.
    final_url: str
    status: int
    reason: str
    #: As they came, in their order.
    headers: Headers
    body: bytes
    #: When it was whole: seconds since 1970.
    fetched_at: float
    #: Seconds of the last attempt.
    elapsed: float
    attempts: int
    history: list[Hop] = field(default_factory=list)

    def header(self, name: str) -> str:
        """The first value of a header, "" if there is none."""
        name = name.lower()
        return next((value for key, value in self.headers if key.lower() == name), "")


@dataclass(slots=True)
class Failure:
    """Why there is no page."""

    url: str
    #: The same for failures of the same kind: "timeout", "HTTP 404".
    kind: str
    text: str
    attempts: int = 1
    #: Whether another attempt may go better.
    again: bool = False
    #: For how many seconds the server wants no request.
    pause: float | None = None


Outcome = Page | Failure
