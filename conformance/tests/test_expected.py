"""Conditions on the Python's version, and which entries they leave."""

import pytest
from harness import expected


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("", True),
        (">=3.12", True),
        (">=3.13", True),
        (">=3.13.3", False),
        ("==3.13", True),
        ("==3.13.2", True),
        ("==3.13.1", False),
        ("<3.13", False),
        ("<3.13.3", True),
        (">=3.11, <3.13", False),
        (">=3.11,<3.14", True),
    ],
)
def test_condition(condition, holds):
    assert expected.holds(condition, (3, 13, 2), "here") is holds


@pytest.mark.parametrize("condition", ["3.13", ">3.13", ">=3", "soon"])
def test_condition_that_is_none(condition):
    with pytest.raises(expected.ExpectedError, match="no condition"):
        expected.holds(condition, (3, 13, 2), "here")


def test_committed_expectations_are_well_formed(pytestconfig):
    folder = pytestconfig.rootpath / "conformance" / "expected"
    files = list(folder.glob("*.toml"))
    assert files
    for file in files:
        for version in ((3, 11, 0), (3, 13, 0), (3, 15, 0)):
            expected.load(file, version)
