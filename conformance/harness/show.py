"""What the commands print of outcomes and verdicts."""

from . import results
from .suite import BROKEN


def show_class(cls, outcomes):
    kinds = results.counts(outcomes)
    line = ", ".join(f"{number} {kind}" for kind, number in kinds.items() if number)
    print(f"{cls.test_id('')}: {line}", flush=True)


def indented(text):
    return "\n".join("    " + line for line in text.splitlines())


def show_verdict(outcomes, verdict, *, verbose):
    for test_id, outcome in outcomes.items():
        if outcome.alone:
            print(f"passed only in a process of its own: {test_id}")
        if verbose and outcome.kind in (*BROKEN, "control"):
            print(f"{outcome.kind}: {test_id}\n{indented(outcome.detail)}")
    for test_id in verdict.unexpected_failures:
        outcome = outcomes[test_id]
        print(f"unexpected {outcome.kind}: {test_id}")
        if not verbose:
            print(indented(outcome.detail))
    for test_id, entry in verdict.unexpected_passes:
        print(f"unexpected pass: {test_id} (expected to fail by [{entry.category}] {entry.glob!r})")
    for entry in verdict.stale:
        print(f"stale: [{entry.category}] {entry.glob!r} matches no test that met the loop")
    print()
    for kind, number in results.counts(outcomes).items():
        print(f"{number:6} {kind}")
    print("loops made, in how many tests:")
    for name, number in results.loop_counts(outcomes).items():
        print(f"{number:6} {name}")


def show_shares(parts, outcomes, at_least):
    print("used of the client, how often and in how many tests:")
    for name, (times, tests) in results.uses(outcomes).items():
        print(f"{times:6} {tests:6} {name}")
    for part in parts:
        passed, of = part.counts["pass"], part.applicable()
        wanted = f"; {at_least:g} % are wanted" if part is parts[0] else ""
        print(f"{part.name}: {passed} of {of} pass, {part.share():.1f} %{wanted}")


def show_reports(heard, path):
    print("reports of aioxide's, and at how many places:")
    for (way, kind), (reports, places) in heard.counts().items():
        print(f"{reports:6} {places:6} {way}: {kind}")
    print(f"wrote {path}")
