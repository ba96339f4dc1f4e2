"""How much of a client's suite passes: black-box tests apart from white-box ones, and the files
that are about the client apart from those that only use it."""

import collections
from dataclasses import dataclass, field

from .suite import BROKEN


@dataclass
class Part:
    name: str
    counts: collections.Counter = field(default_factory=collections.Counter)

    def applicable(self):
        """The tests whose outcome says something about the client: those that met it and were not
        skipped, and that the control passes."""
        return self.counts["pass"] + sum(self.counts[kind] for kind in BROKEN)

    def share(self):
        """Of the applicable tests, those that pass, in per cent."""
        applicable = self.applicable()
        return 100 * self.counts["pass"] / applicable if applicable else 0.0


def parts(suite, outcomes, reasons, first):
    """The four parts of a suite; the first is the one that is measured against a least share."""
    names = ("black-box", "white-box", "black-box-apart", "white-box-apart")
    found = {name: Part(name) for name in names}
    for cls in suite.classes:
        apart = "" if cls.module in first else "-apart"
        for test in cls.tests:
            test_id = cls.test_id(test)
            kind = "white-box" if reasons[test_id] else "black-box"
            found[kind + apart].counts[outcomes[test_id].kind] += 1
    return list(found.values())
