"""`Rules`: what a host's robots.txt allows.

The text is read by the standard library's `urllib.robotparser`. A host that has none (any 4xx)
allows everything, one that cannot tell (5xx) nothing: RFC 9309, 2.3.1.
"""

from __future__ import annotations

from urllib.robotparser import RobotFileParser

__all__ = ["EVERYTHING", "MOST_BYTES", "Rules"]

#: What is read of a robots.txt; the RFC asks for 500 KiB at least.
MOST_BYTES = 512 << 10


class Rules:
    """The rules of one host for one user agent. `refusal` is why nothing at all may be fetched."""

    __slots__ = ("_agent", "_parser", "interval", "refusal")

    def __init__(
        self, text: str | None = None, agent: str = "*", refusal: str | None = None
    ) -> None:
        self._parser: RobotFileParser | None = None
        self._agent = agent
        self.refusal = refusal
        #: Seconds that the host wants between two requests.
        self.interval = 0.0
        if text is None:
            return
        parser = RobotFileParser()
        parser.parse(text.removeprefix("\ufeff").splitlines())
        self._parser = parser
        delay = parser.crawl_delay(agent)
        rate = parser.request_rate(agent)
        if delay:
            self.interval = float(delay)
        if rate is not None and rate.requests:
            self.interval = max(self.interval, rate.seconds / rate.requests)

    def allow(self, url: str) -> bool:
        """Whether the URL may be fetched."""
        if self.refusal is not None:
            return False
        return self._parser is None or self._parser.can_fetch(self._agent, url)


EVERYTHING = Rules()
