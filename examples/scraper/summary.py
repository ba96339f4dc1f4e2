"""The rounds of one client, summed up."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass

from outcome import Outcome, percentile


@dataclass
class Summary:
    """What the table, the plot and the picture show of one client."""

    label: str
    rounds: list[Outcome]

    @property
    def pages(self) -> int:
        return sum(one.pages for one in self.rounds)

    @property
    def failed(self) -> int:
        return sum(one.failed for one in self.rounds)

    @property
    def size(self) -> int:
        return sum(one.size for one in self.rounds)

    @property
    def page_rates(self) -> list[float]:
        return [one.pages / one.wall for one in self.rounds if one.wall]

    @property
    def page_rate(self) -> float:
        return statistics.median(self.page_rates) if self.page_rates else 0.0

    @property
    def megabyte_rate(self) -> float:
        rates = [one.size / one.wall / 1e6 for one in self.rounds if one.wall]
        return statistics.median(rates) if rates else 0.0

    @property
    def cpu_per_page(self) -> float:
        """Seconds of the client's own CPU time, user and system."""
        return sum(one.cpu for one in self.rounds) / self.pages if self.pages else 0.0

    @property
    def cpu(self) -> float:
        return sum(one.cpu for one in self.rounds)

    @property
    def latencies(self) -> list[float]:
        return [latency for one in self.rounds for latency in one.latencies]

    def latency(self, share: float) -> float:
        return percentile(self.latencies, share) if self.latencies else 0.0

    @property
    def errors(self) -> Counter[str]:
        return sum((one.errors for one in self.rounds), Counter())

    @property
    def examples(self) -> dict[str, str]:
        return {kind: text for one in self.rounds for kind, text in one.examples.items()}
