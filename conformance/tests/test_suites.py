"""The command for other people's suites, on a fake package and on loops that fail."""

import functools
import hashlib
import http.server
import importlib.metadata
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import threading
import tomllib

import pytest
from harness import package
from harness.suite import SuiteError

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE.parent / "suites"
# The fake package pretends to be one that is installed.
SETTINGS = f"""
package = "pytest"
version = "{importlib.metadata.version("pytest")}"
sha256 = "none"
files = ["tests"]
"""
EVERYWHERE = "control: test_loop.test_broken_everywhere"


@pytest.fixture
def command(tmp_path):
    def run(*arguments, settings="", expected="", whole=SETTINGS):
        (tmp_path / "fake.toml").write_text(whole + settings)
        (tmp_path / "expected").mkdir(exist_ok=True)
        (tmp_path / "expected" / "fake.toml").write_text(expected)
        path = [str(HERE / "fake"), *filter(None, [os.environ.get("PYTHONPATH")])]
        done = subprocess.run(
            [
                *(sys.executable, HERE.parent / "suites.py", "fake", "--suites", tmp_path),
                *("--source", HERE / "fake" / "fakepackage", "--limit", "5"),
                *("--expected", tmp_path / "expected", *arguments),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def loop(name, glob):
    return "--loop", f"fakeloops:{name}", "--test", f"test_loop.{glob}"


def expecting(glob):
    return f'[scope]\nreason = "of the scope"\n[scope.tests]\n"{glob}" = ""\n'


def test_sound_loop(command):
    code, shown = command("--loop", "fakeloops:Sound", "--verbose")
    assert code == 0, shown
    assert "test_loop: 10 pass, 1 skip, 1 control" in shown
    assert "test_other: 1 not-applicable" in shown
    assert EVERYWHERE in shown
    assert "fake: the whole suite" in shown
    assert not (HERE / "fake" / "fakepackage" / "written").exists()


@pytest.mark.parametrize("name", ["fakeloops:Sound", "asyncio"])
def test_package_of_another_loop(command, name):
    """The loop under test stands in for it, in children of the tests, too."""
    own = 'stand-in = "ownloop"\n'
    source = ("--source", HERE / "fake" / "looppackage")
    settings = SETTINGS.replace('["tests"]', '["tests", "ownloop/helpers.py"]')
    code, shown = command(*source, "--loop", name, "--verbose", settings=own, whole=settings)
    assert code == 0, shown
    assert "test_own: 3 pass, 1 not-applicable" in shown


def test_package_out_of_the_archive(command):
    """It is found in the folder that is named, in children of the tests, too."""
    settings = SETTINGS.replace("pytest", "none-such-package").replace('"tests"', '"tests", "src"')
    place = 'archive = "http://127.0.0.1:1/none-such-package-1.tar.gz"\npackage-in = "src"\n'
    source = ("--source", HERE / "fake" / "sourcepackage")
    code, shown = command(*source, settings=place, whole=settings)
    assert code == 0, shown
    assert "test_own: 2 pass" in shown


def test_list(command):
    code, shown = command("--list")
    assert code == 0
    assert "test_loop.test_parameters[c::d]" in shown.splitlines()
    assert "test_loop.TestOneLoopForAll.test_last" in shown.splitlines()


@pytest.mark.parametrize(
    ("name", "test", "kind"),
    [
        ("Failing", "test_future", "fail"),
        ("Hanging", "test_task_factory", "hang"),
        ("Crashing", "test_exception_handler", "crash"),
    ],
)
def test_broken_loop(command, name, test, kind):
    code, shown = command(*loop(name, "*"))
    assert code == 1, shown
    assert f"unexpected {kind}: test_loop.{test}\n" in shown
    assert shown.count("unexpected ") == 1
    assert "test_loop: 9 pass, 1 skip, 1 control, 1 " + kind in shown


def test_expected_failure(command, tmp_path):
    """Each loop has a file of its own: what fails on one may pass on another."""
    code, shown = command(*loop("Failing", "test_future"), expected=expecting("*.test_future"))
    assert code == 1, shown
    (tmp_path / "expected" / "fake-fakeloops.toml").write_text(expecting("*.test_future"))
    code, shown = command(*loop("Failing", "test_future"))
    assert code == 0, shown
    assert "     1 fail" in shown


def test_unexpected_pass_and_stale_entry(command):
    code, shown = command("--test", "test_loop.test_future", expected=expecting("*.test_future"))
    assert code == 1
    assert "unexpected pass: test_loop.test_future" in shown
    code, shown = command(expected=expecting("test_loop.test_gone"))
    assert code == 1
    assert "stale: [scope] 'test_loop.test_gone'" in shown


def test_usual_part(command):
    settings = 'usual = ["test_loop"]\nwhy = "the other file is long"\n'
    code, shown = command(settings=settings, expected=expecting("test_gone"))
    assert code == 0, shown
    assert "test_other" not in shown
    code, shown = command("--whole", settings=settings)
    assert code == 0, shown
    assert "test_other: 1 not-applicable" in shown


def test_left_out(command):
    reasons = '[left-out]\n"tests/test_other.py" = "a reason"\n"*.test_broken*" = "another"\n'
    code, shown = command(settings=reasons)
    assert code == 0, shown
    assert "test_other" not in shown
    assert "control: " not in shown


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ('[left-out]\n"test_gone" = "a reason"\n', "no test matches 'test_gone'"),
        ('[left-out]\n"test_loop" = ""\n', "needs a reason"),
        ('usual = ["test_loop"]\n', "needs a `why`"),
        ('surplus = "1"\n', "surplus"),
        ('plugins = ["none_such"]\n', "none_such"),
        ('package-in = "src"\n', "go together"),
    ],
)
def test_settings_that_make_no_sense(command, settings, why):
    code, shown = command(settings=settings)
    assert code == 2, shown
    assert why in shown


def test_package_of_another_version():
    wanted = package.Package("pytest", "0.1", "none", ["tests"])
    with pytest.raises(SuiteError, match=r"pytest 0\.1 is wanted, this Python has: \d"):
        package.check_installed(wanted)
    with pytest.raises(SuiteError, match="not installed"):
        package.check_installed(package.Package("none-such-package", "1", "none", ["tests"]))


def archive(place):
    """An archive with one file, as PyPI has them."""
    content = b"x = 1\n"
    path = place / "fake-1.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo("fake-1/tests/test_x.py")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return path


def test_archive_is_fetched_once_and_checked(tmp_path, monkeypatch):
    made = archive(tmp_path)
    fetched = []

    def fetch(package, place):
        fetched.append(package.package)
        return made

    monkeypatch.setattr(package, "ask_pip", fetch)
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    good = package.Package("fake", "1", digest, ["tests"])
    cache = tmp_path / "cache"
    assert (package.source(good, cache) / "tests" / "test_x.py").read_bytes() == b"x = 1\n"
    assert package.source(good, cache) == cache / "fake-1"
    assert fetched == ["fake"]
    with pytest.raises(SuiteError, match="has the digest"):
        package.source(package.Package("fake", "1", "0" * 64, ["tests"]), cache)
    assert [path.name for path in cache.iterdir()] == ["fake-1"]


def test_archive_from_elsewhere(tmp_path):
    made = archive(tmp_path)
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    handler = functools.partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            top = f"http://127.0.0.1:{server.server_address[1]}"
            there, gone = (
                package.Package(
                    "fake", "1", digest, ["tests"], archive=f"{top}/{name}", package_in="src"
                )
                for name in (made.name, "gone.tar.gz")
            )
            assert (package.source(there, tmp_path / "cache") / "tests").is_dir()
            with pytest.raises(SuiteError, match=r"could not fetch http://.*/gone\.tar\.gz: .*404"):
                package.source(gone, tmp_path / "other")
        finally:
            server.shutdown()
            serving.join()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def test_committed_suites_are_pinned_in_the_project(pytestconfig):
    with open(pytestconfig.rootpath / "pyproject.toml", "rb") as file:
        pinned = tomllib.load(file)["dependency-groups"]["suites"]
    files = sorted(FOLDER.glob("*.toml"))
    assert files
    for file in files:
        wanted = package.load(file)
        elsewhere = wanted.stand_in or wanted.archive
        assert elsewhere or f"{wanted.package}=={wanted.version}" in pinned
        assert re.fullmatch("[0-9a-f]{64}", wanted.sha256)


def test_reports(command, tmp_path):
    """They are collected by place, whatever the suite's filters say, and no test fails by them."""
    source = ("--source", HERE / "fake" / "leakypackage")
    settings = SETTINGS.replace('["tests"]', '["tests", "pytest.ini"]')
    code, shown = command(*source, "--reports", tmp_path / "told", whole=settings)
    assert code == 0, shown
    assert "test_leaks: 7 pass" in shown
    assert "process of its own" not in shown
    name = "fake-{}.{}.json".format(*sys.version_info)
    assert f"wrote {tmp_path / 'told' / name}" in shown
    places = json.loads((tmp_path / "told" / name).read_text())
    by_kind = {(place["way"], place["kind"]): place for place in places if place["count"] == 1}
    assert by_kind["stderr", "pending"]["tests"] == ["test_leaks.test_end_of_a_run"]
    assert by_kind["test", "coroutines"]["tests"] == ["test_leaks.test_coroutine"]
    blocked = by_kind["test", "blocked"]
    assert blocked["site"] == ["tests/test_leaks.py:29 in block, sleep"]
    assert blocked["first"]["blocked_for"] >= 0.2
    [tasks] = [place for place in places if place["kind"] == "tasks" and place["count"] == 4]
    assert (tasks["way"], tasks["in-tests"]) == ("test", 4)
    assert tasks["site"][0] == "wait"
    assert "test_leaks.test_clean" not in str(places)


def test_reports_are_of_one_loop(command, tmp_path):
    code, shown = command("--loop", "asyncio", "--reports", tmp_path / "told")
    assert code == 2
    assert "--reports is of aioxide's loop, not of asyncio" in shown


def test_without_reports_nothing_is_written(command, tmp_path):
    source = ("--source", HERE / "fake" / "leakypackage")
    code, shown = command(*source, "--test", "test_leaks.test_task")
    assert code == 0, shown
    assert "reports" not in shown
