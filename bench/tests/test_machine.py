from __future__ import annotations

from typing import Any

import pytest
from bench.machine import facts, is_optimized, python_tag

GENERATE, USE = "-fprofile-generate", "-fprofile-use -fprofile-correction"


@pytest.mark.parametrize(
    ("variables", "optimized"),
    [
        (
            {
                "CONFIG_ARGS": "'--enable-optimizations' '--with-lto'",
                "PGO_PROF_GEN_FLAG": GENERATE,
                "PGO_PROF_USE_FLAG": USE,
            },
            True,
        ),
        # Debian: profiled, its name nowhere, the flag taken out of the installed Makefile.
        ({"CONFIG_ARGS": "", "PGO_PROF_GEN_FLAG": GENERATE, "PGO_PROF_USE_FLAG": ""}, True),
        # A plain `configure && make`.
        ({"CONFIG_ARGS": "", "PGO_PROF_GEN_FLAG": GENERATE, "PGO_PROF_USE_FLAG": USE}, False),
        # A build that says nothing about itself.
        ({"CONFIG_ARGS": None}, False),
    ],
)
def test_profiled_builds_are_told_apart(variables: dict[str, Any], optimized: bool) -> None:
    assert is_optimized(variables) is optimized


def test_facts_name_the_machine() -> None:
    found = facts()
    assert found["machine"]
    assert found["kernel"].startswith(("Linux ", "Darwin "))
    assert python_tag().startswith("cp3")
