"""The committed table: one file for a loop and a Python, stable from run to run."""

import collections

KINDS = ("pass", "skip", "control", "fail", "hang", "crash", "not-applicable")


def counts(outcomes):
    found = collections.Counter(outcome.kind for outcome in outcomes.values())
    return {kind: found[kind] for kind in KINDS}


def loop_counts(outcomes):
    found = collections.Counter(name for outcome in outcomes.values() for name in outcome.loops)
    return dict(sorted(found.items()))


def render(loop, python, outcomes):
    lines = [
        "# Written by `python conformance/cpython.py --update-results`.",
        f'loop = "{loop}"',
        f'python = "{python}"',
        "",
        "[counts]",
        *(f"{kind} = {number}" for kind, number in counts(outcomes).items()),
    ]
    by_class = collections.defaultdict(dict)
    for test_id, outcome in outcomes.items():
        cls, _, test = test_id.rpartition(".")
        by_class[cls][test] = outcome.kind
    for cls, tests in by_class.items():
        lines += ["", f"[{cls}]"]
        if set(tests.values()) == {"not-applicable"}:
            # A class that has nothing to do with loops is one line, not fifty.
            lines.append('"*" = "not-applicable"')
        else:
            lines += [f'{test} = "{kind}"' for test, kind in tests.items()]
    return "\n".join(lines) + "\n"
