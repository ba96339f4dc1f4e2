"""What the Autobahn suite's reports are taken for."""

import importlib.util
import json
import pathlib
import sys

import pytest

PATH = pathlib.Path(__file__).resolve().parents[1] / "autobahn.py"


@pytest.fixture(scope="module")
def autobahn():
    """The command as a module."""
    before = sys.path[0]
    spec = importlib.util.spec_from_file_location("autobahn_command", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path[0] = before
    return module


@pytest.fixture
def reports(tmp_path, autobahn):
    """Write what the server would, and read it."""

    def write(**cases):
        folder = tmp_path / "reports"
        folder.mkdir(exist_ok=True)
        index = {}
        for case, (behaviour, closing) in cases.items():
            case = case.removeprefix("c").replace("_", ".")
            index[case] = {
                "behavior": behaviour,
                "behaviorClose": closing,
                "reportfile": f"{case}.json",
            }
            (folder / f"{case}.json").write_text(json.dumps({"result": f"because of {case}"}))
        (folder / "index.json").write_text(json.dumps({"aioxide": index}))
        return autobahn.outcomes_of(tmp_path)

    return write


def test_cases_are_in_their_order(reports):
    found = reports(c10_1=("OK", "OK"), c2_11=("OK", "OK"), c2_2=("OK", "OK"))
    assert list(found) == ["2.2", "2.11", "10.1"]


@pytest.mark.parametrize(
    ("behaviour", "closing", "kind"),
    [
        ("OK", "OK", "pass"),
        ("NON-STRICT", "OK", "pass"),
        ("INFORMATIONAL", "INFORMATIONAL", "pass"),
        ("UNIMPLEMENTED", "OK", "skip"),
        ("FAILED", "OK", "fail"),
        ("OK", "WRONG CODE", "fail"),
        ("OK", "UNCLEAN", "fail"),
        ("OK", "FAILED BY CLIENT", "fail"),
        ("no such word", "OK", "fail"),
    ],
)
def test_words_of_the_suite(reports, behaviour, closing, kind):
    outcome = reports(c1_1=(behaviour, closing))["1.1"]
    assert outcome.kind == kind
    assert ("because of 1.1" in outcome.detail) is (kind == "fail")


def test_table_counts_sections_and_names_what_does_not_pass(autobahn, reports):
    found = reports(c1_1=("OK", "OK"), c1_2=("FAILED", "OK"), c12_1=("UNIMPLEMENTED", "OK"))
    table = autobahn.render(found)
    assert '1 = "1 fail, 1 pass"' in table
    assert '12 = "1 skip"' in table
    assert '"1.2" = "fail"' in table
    assert '"1.1"' not in table


def test_python_that_does_not_run_is_none(autobahn, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    shim = tmp_path / "python2.7"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    assert autobahn.find_python2(None) is None
    assert autobahn.find_python2(sys.executable) == sys.executable
