"""The committed table reads back, and holds nothing that changes from run to run."""

import tomllib

from harness import results
from harness import suite as suites
from harness.suite import Outcome

OUTCOMES = {
    "m.A.test_1": Outcome("pass", loops=("x.Loop",)),
    "m.A.test_2": Outcome("fail", "Traceback in /some/where after 0.2 s", loops=("x.Loop",)),
    "m.B.test_1": Outcome("not-applicable"),
    "m.B.test_2": Outcome("not-applicable"),
}


def test_table_reads_back():
    table = tomllib.loads(results.render("aioxide", "3.13.0", OUTCOMES))
    assert table["loop"] == "aioxide"
    assert table["python"] == "3.13.0"
    assert table["counts"]["pass"] == 1
    assert table["counts"]["fail"] == 1
    assert table["counts"]["hang"] == 0
    assert table["m"]["A"] == {"test_1": "pass", "test_2": "fail"}


def test_class_that_never_meets_the_loop_is_one_line():
    table = tomllib.loads(results.render("aioxide", "3.13.0", OUTCOMES))
    assert table["m"]["B"] == {"*": "not-applicable"}
    assert table["counts"]["not-applicable"] == 2


def test_table_has_no_tracebacks():
    assert "Traceback" not in results.render("aioxide", "3.13.0", OUTCOMES)


def test_loops_are_counted_by_test():
    assert results.loop_counts(OUTCOMES) == {"x.Loop": 2}


def test_table_of_files_reads_back():
    kinds = {
        "test_a.B.test_x": "pass",
        'test_a.test_y["1"]': "pass",
        "test_a.test_y[\\2]": "control",
        "test_a.test_y[3\x7f]": "pass",
        "test_b.test_z": "not-applicable",
    }
    tests = [test.partition(".")[2] for test in kinds]
    files = [suites.TestClass("test_a", "", tests[:4]), suites.TestClass("test_b", "", tests[4:])]
    suite = suites.Suite("x", files)
    outcomes = {test: Outcome(kind) for test, kind in kinds.items()}
    table = tomllib.loads(results.render_files("aioxide", "3.13.0", "x 1.0", suite, outcomes))
    assert table["package"] == "x 1.0"
    assert table["counts"]["pass"] == 3
    assert table["test_a"] == {
        "B.test_x": "pass",
        "test_y": "2 pass, 1 control",
        "test_y[\\2]": "control",
    }
    assert table["test_b"] == {"*": "1 not-applicable"}
