"""The committed table: one file for a loop and a Python, stable from run to run."""

import collections
import json

KINDS = ("pass", "skip", "control", "fail", "hang", "crash", "not-applicable")
LISTED = ("control", "fail", "hang", "crash")


def counts(outcomes):
    found = collections.Counter(outcome.kind for outcome in outcomes.values())
    return {kind: found[kind] for kind in KINDS}


def loop_counts(outcomes):
    found = collections.Counter(name for outcome in outcomes.values() for name in outcome.loops)
    return dict(sorted(found.items()))


def uses(outcomes):
    """How often each name of a client was used, and by how many tests."""
    times = collections.Counter()
    tests = collections.Counter()
    for outcome in outcomes.values():
        times.update(outcome.uses)
        tests.update(outcome.uses.keys())
    return {name: (times[name], tests[name]) for name in sorted(times)}


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


def render_files(loop, python, package, suite, outcomes, client="", parts=()):
    """The table of a suite that pytest runs: a table a file, a line a function.

    The outcomes of a function with parameters are counted; only those that are neither a pass, a
    skip nor not applicable are listed one by one. A suite of a client has the counts of its parts
    (`shares.py`), too.
    """
    lines = [
        "# Written by `python conformance/suites.py --whole --update-results`.",
        f'loop = "{loop}"',
        *([f'client = "{client}"'] if client else []),
        f'python = "{python}"',
        f'package = "{package}"',
        "",
        "[counts]",
        *(f"{kind} = {number}" for kind, number in counts(outcomes).items()),
    ]
    for part in parts:
        found = {kind: part.counts[kind] for kind in KINDS}
        lines += ["", f"[counts.{part.name}]", f"share = {part.share():.1f}"]
        lines += [f"{kind} = {number}" for kind, number in found.items()]
    for cls in suite.classes:
        functions = collections.defaultdict(dict)
        for test in cls.tests:
            functions[test.partition("[")[0]][test] = outcomes[cls.test_id(test)].kind
        lines += ["", f"[{key(cls.module)}]"]
        if all(set(tests.values()) == {"not-applicable"} for tests in functions.values()):
            lines.append(f'"*" = "{len(cls.tests)} not-applicable"')
            continue
        for function, tests in functions.items():
            found = collections.Counter(tests.values())
            if list(tests) == [function]:
                text = tests[function]
            else:
                text = ", ".join(f"{found[kind]} {kind}" for kind in KINDS if found[kind])
            lines.append(f"{key(function)} = {key(text)}")
            lines += [
                f"{key(test)} = {key(kind)}"
                for test, kind in tests.items()
                if kind in LISTED and test != function
            ]
    return "\n".join(lines) + "\n"


def key(text):
    """A TOML string; JSON's escapes are TOML's, but for the one of a delete character."""
    return json.dumps(text).replace("\x7f", "\\u007f")
