"""A suite of a client: the swap, what counts as meeting the client, and the shares that pass."""

import collections
import importlib.metadata
import os
import pathlib
import subprocess
import sys
import tomllib

import pytest
from harness import blackbox, client, shares
from harness import suite as suites
from harness.suite import Outcome, Suite, SuiteError

HERE = pathlib.Path(__file__).resolve().parent
SUITE = HERE.parent / "suites" / "aiohttp-client.toml"

pytest.importorskip("aiohttp")


@pytest.fixture
def command(tmp_path):
    """Run the command on the fake suite of a client."""

    def run(*arguments, client="soundclient", at_least=0, expected="", named=True, more=""):
        (tmp_path / "fake.toml").write_text(f"""
            package = "pytest"
            version = "{importlib.metadata.version("pytest")}"
            sha256 = "none"
            files = ["tests"]
            client = "{client}"
            first = ["test_first"]
            at-least = {at_least}
            [meets]
            test_apart = ["*"]
            [harmless]
            holder = "it holds the status"
            {more}
        """)
        (tmp_path / "expected").mkdir(exist_ok=True)
        (tmp_path / "expected" / "fake.toml").write_text(expected)
        path = [str(HERE / "fake"), *filter(None, [os.environ.get("PYTHONPATH")])]
        done = subprocess.run(
            [
                *(sys.executable, HERE.parent / "suites.py", *(["fake"] if named else [])),
                *("--suites", tmp_path, "--source", HERE / "fake" / "clientpackage"),
                *("--limit", "20", "--loop", "asyncio", "--expected", tmp_path / "expected"),
                *arguments,
            ],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_sound_client(command):
    code, shown = command("--verbose", at_least=100)
    assert code == 0, shown
    assert "test_first: 5 pass, 1 control, 2 not-applicable" in shown
    assert "test_apart: 2 pass" in shown
    assert "control: test_first.test_broken_everywhere" in shown
    # Sessions of aiohttp.request and of the test client are the client's, too.
    assert "     6      6 ClientSession" in shown
    assert "     6      6 request" in shown
    assert "black-box: 4 of 4 pass, 100.0 %; 100 % are wanted" in shown
    assert "white-box: 1 of 1 pass" in shown
    assert "black-box-apart: 1 of 1 pass" in shown
    assert "white-box-apart: 1 of 1 pass" in shown


def test_aiohttps_own_classes_prove_the_swap(command):
    code, shown = command("--client", "aiohttp")
    assert code == 0, shown
    assert "test_first: 5 pass, 1 control, 2 not-applicable" in shown


def test_broken_client_fails_and_the_control_does_not_excuse_it(command):
    code, shown = command("--test", "test_first.test_method", client="brokenclient")
    assert code == 1, shown
    assert "unexpected fail: test_first.test_method[post]" in shown
    assert shown.count("unexpected ") == 1
    assert "black-box: 1 of 2 pass, 50.0 %" in shown


def test_share_that_is_too_small_is_an_error_though_each_failure_is_expected(command, tmp_path):
    reasons = '[scope]\nreason = "posts"\n[scope.tests]\n"*.test_method[[]post]" = ""\n'
    arguments = {"client": "brokenclient", "expected": "", "at_least": 90}
    command("--list", **arguments)
    (tmp_path / "expected" / "fake-asyncio.toml").write_text(reasons)
    code, shown = command(**arguments)
    assert code == 1, shown
    assert "unexpected " not in shown
    assert "black-box: 3 of 4 pass, 75.0 %; 90 % are wanted" in shown
    code, shown = command(**{**arguments, "at_least": 75})
    assert code == 0, shown


def test_white_box_tests_of_a_file_are_left_out_where_the_suite_says_so(command):
    more = '[black-box-only]\ntest_first = "the others look inside"'
    code, shown = command(at_least=100, more=more)
    assert code == 0, shown
    assert "test_first: 4 pass, 1 control, 2 not-applicable" in shown
    assert "white-box: 0 of 0 pass" in shown
    assert "the whole suite" in shown
    code, shown = command("--list", more=more)
    assert "test_first.test_private" not in shown
    assert "test_apart.test_mock" in shown


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ('[black-box-only]\ntest_first = ""', "needs a reason"),
        ('[black-box-only]\nno_such = "because"', "no test matches"),
    ],
)
def test_file_that_is_left_out_in_part_is_there_and_has_a_reason(command, more, text):
    code, shown = command(more=more)
    assert code == 2, shown
    assert text in shown


def test_client_that_is_not_there(command):
    code, shown = command(client="no_such_client")
    assert code == 2
    assert "no client no_such_client to test: No module named 'no_such_client'" in shown
    code, shown = command(client="no_such_client", named=False)
    assert code == 0
    assert "fake: left out: no client no_such_client to test" in shown


def test_client_for_a_suite_that_is_about_none(command):
    code, shown = command("--client", "aiohttp", client="")
    assert code == 2
    assert "fake is no suite of a client" in shown


# What is put in the place of aiohttp's classes


def test_class_that_can_be_changed_counts_itself_and_what_is_derived_from_it():
    class Jar:
        def __init__(self, size):
            self.size = size

    class Larger(Jar):
        def __init__(self):
            super().__init__(9)

    uses = client.Uses()
    assert client.watched("Jar", Jar, uses) is Jar
    assert (Jar(3).size, Larger().size) == (3, 9)
    assert uses.counts == {"Jar": 2}


def test_native_class_is_derived_from_if_only_callers_make_it():
    uses = client.Uses(["CookieJar"])
    assert client.watched("ClientResponse", dict, uses) is dict
    watched = client.watched("CookieJar", collections.OrderedDict, uses)
    assert watched is not collections.OrderedDict
    assert issubclass(watched, collections.OrderedDict)
    assert watched(a=1) == {"a": 1}
    assert uses.met
    uses.clear()
    assert not uses.met


def test_class_that_is_made_by_new_alone_still_takes_arguments():
    class Timeout:
        def __new__(cls, total):
            self = super().__new__(cls)
            self.total = total
            return self

    uses = client.Uses()
    assert client.watched("Timeout", Timeout, uses)(5).total == 5
    assert uses.counts == {"Timeout": 1}


# Black box or white box

SOURCE = """
from aiohttp.client import _private, public
import pytest

@pytest.fixture
def white(): return x._y

@pytest.fixture
def inner(white): pass

def helper(): return mock.Mock()

class Base:
    def test_inherited(self): return self.value

class TestSome(Base):
    def setUp(self): self._own = 1
    def test_method(self): pass
    def test_other(self): return x._z

def test_public(client): return client.get, x.__dict__, row._asdict()
def test_attribute(): x._conns
def test_nested():
    async def handler(request): return request._transport
def test_setting(): x._conns = 1
def test_imported(): _private()
def test_by_name(): getattr(x, "_conns")
def test_mock(): mock.ANY
def test_mocker(mocker): pass
def test_helper(): helper()
def test_fixture(inner): pass
@pytest.mark.usefixtures("white")
def test_marked(): pass
@pytest.mark.parametrize("a", [x._y])
def test_only_its_mark(a): public()
def test_environment(monkeypatch): monkeypatch.setenv("A", "b")
def test_patched(monkeypatch): monkeypatch.setattr("a.b", 1)
def test_shared(shared): pass
def test_words(): "an x._y in a text"  # and x._y here
"""
REASONS = {
    "test_public": [],
    "test_attribute": ["private _conns"],
    "test_nested": ["private _transport"],
    "test_setting": ["private _conns"],
    "test_imported": ["private _private"],
    "test_by_name": ["private _conns"],
    "test_mock": ["mock"],
    "test_mocker": ["mocker"],
    "test_helper": ["helper: mock"],
    "test_fixture": ["white: private _y"],
    "test_marked": ["white: private _y"],
    "test_only_its_mark": [],
    "test_environment": [],
    "test_patched": ["monkeypatch.setattr"],
    "test_shared": ["shared: monkeypatch.setattr"],
    "test_words": [],
    "TestSome.test_method": ["TestSome.setUp: private _own"],
    "TestSome.test_other": ["TestSome.setUp: private _own", "private _z"],
    "TestSome.test_inherited": ["TestSome.setUp: private _own"],
    "test_gone": ["not found in the source"],
}


@pytest.fixture
def classified(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "test_a.py").write_text(SOURCE)
    (tmp_path / "conftest.py").write_text(
        "def shared(monkeypatch): monkeypatch.setattr(x, 'y', 1)\n"
    )

    def classify(*tests, harmless=()):
        suite = Suite("fake", [suites.TestClass("sub.test_a", "", list(tests))])
        return blackbox.classify(tmp_path, suite, harmless)

    return classify


@pytest.mark.parametrize("test", REASONS)
def test_reasons(classified, test):
    assert classified(f"{test}[x.y]") == {f"sub.test_a.{test}[x.y]": REASONS[test]}


def test_harmless_helper_is_no_reason(classified):
    found = classified("test_shared", "test_fixture", harmless=["shared"])
    assert found == {
        "sub.test_a.test_shared": [],
        "sub.test_a.test_fixture": ["white: private _y"],
    }
    with pytest.raises(SuiteError, match="no helper or fixture 'gone'"):
        classified("test_shared", harmless=["gone"])


def test_share_counts_what_says_something_of_the_client():
    kinds = ["pass", "pass", "pass", "fail", "hang", "skip", "control", "not-applicable"]
    tests = [f"test_{number}" for number in range(len(kinds))]
    suite = Suite("fake", [suites.TestClass("a", "", tests), suites.TestClass("b", "", ["test_x"])])
    outcomes = {f"a.{test}": Outcome(kind) for test, kind in zip(tests, kinds, strict=True)}
    outcomes["b.test_x"] = Outcome("pass")
    reasons = {test: [] for test in outcomes} | {"a.test_0": ["mock"]}
    first, white, apart, white_apart = shares.parts(suite, outcomes, reasons, ["a"])
    assert (first.applicable(), first.share()) == (4, 50.0)
    assert (white.applicable(), white.share()) == (1, 100.0)
    assert (apart.applicable(), white_apart.applicable()) == (1, 0)
    assert white_apart.share() == 0.0


def test_committed_suite_measures_files_that_it_runs():
    with open(SUITE, "rb") as file:
        table = tomllib.load(file)
    files = {name.removesuffix(".py") for name in table["only"]}
    assert set(table["first"]) < files
    assert table["meets"].keys() <= files
    assert table["at-least"] == 97
