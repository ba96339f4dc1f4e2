"""`./dev`: what it finds, what it does again, and what it says when something is missing."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from dev import cli, environment, failures, fuzz, groups, interpreters, native
from dev.interpreters import Interpreter
from dev.shell import Problem

from .tree import ROOT, plant


def program(path: Path, text: str) -> str:
    plant(path.parent, path.name, f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def python(folder: Path, name: str, version: str, *missing: str) -> str:
    """A program that answers as an interpreter of this version does."""
    facts = {
        "version": version,
        "executable": str(folder / name),
        "implementation": "cpython",
        "threaded": False,
        "missing": missing,
    }
    return program(folder / name, f"echo '{json.dumps(facts)}'")


def dev(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "dev", *arguments], check=False, capture_output=True, text=True
    )


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on PATH but what the test puts there."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("PYTHONS_PREFIX", str(tmp_path / "prefix"))
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "cargo"))
    monkeypatch.delenv("CC", raising=False)
    return tmp_path


class TestCommandLine:
    def test_help_lists_every_command(self) -> None:
        shown = dev("--help")
        assert shown.returncode == 0
        assert all(f"./dev {command}" in shown.stdout for command in cli.COMMANDS)

    @pytest.mark.parametrize("command", cli.COMMANDS)
    def test_help_of_a_command_builds_nothing(
        self, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(cli.COMMANDS, command, lambda *_: pytest.fail("started"))
        for option in ("-h", "--help"):
            assert cli.main([command, option]) == 0
            lines = capsys.readouterr().out.splitlines()
            assert lines[0] == "usage:"
            assert lines[1].startswith(f"  ./dev {command}")
            assert sum(line.startswith("  ./dev ") for line in lines[2:]) == sum(
                line.startswith(f"  ./dev {command} ") for line in lines[2:]
            )

    @pytest.mark.parametrize(
        ("arguments", "why"),
        [
            (["fly"], "fly: the commands are run, test,"),
            (["run", "--loop", "tokio", "a.py"], "--loop tokio: the loops are aioxide,"),
            (["run", "--loop", "asyncio"], "--loop needs a FILE"),
            (["run", "-m"], "-m needs a module"),
            (["test", "speed"], "speed: the groups are lint,"),
            (["test", "lint", "rust", "--", "-x"], "name one group"),
            (["--python"], "--python needs a value"),
            (["setup", "--fast"], "setup takes no --fast"),
            (["soak", "--minuts", "3"], "soak takes no --minuts; see ./dev soak --help"),
            (["soak", "--minutes", "none"], "--minutes none: a number above 0"),
            (["test", "py", "--all-pythons", "--python", "3.12"], "takes no --python"),
            (["fuzz", "websocket_frame"], "no such target, is it websocket_frames?"),
            (["fuzz", "jar"], "jar: no such target, is it cookies_jar?"),
            (["fuzz", "xyzzy"], "xyzzy: no such target; `./dev fuzz` lists them"),
            (["fuzz", "form", "--minutes", "soon"], "--minutes soon: a number above 0"),
            (["fuzz", "form", "--minutes=-1"], "--minutes -1: a number above 0"),
            (["fuzz", "form", "netrc", "a/file"], "files are inputs of one target"),
        ],
    )
    def test_mistake_is_named(self, arguments: list[str], why: str) -> None:
        shown = dev(*arguments)
        assert shown.returncode == 2
        assert why in shown.stderr
        assert "Traceback" not in shown.stderr

    def test_options_behind_the_program_are_the_programs(self) -> None:
        line = ["--loop=asyncio", "--python", "3.12", "a.py", "--loop", "x"]
        taken, rest = cli.options(line, ("--loop", "--python"))
        assert taken == {"--loop": "asyncio", "--python": "3.12"}
        assert rest == ["a.py", "--loop", "x"]


class TestInterpreters:
    @pytest.mark.parametrize(
        ("name", "version", "same"),
        [
            ("3.12.1", "3.12", True),
            ("3.12.1", "3.12.1", True),
            ("3.12.10", "3.12.1", False),
            ("3.1.2", "3.12", False),
            ("3.14.0t", "3.14", False),
            ("3.14.0t", "3.14t", True),
        ],
    )
    def test_version_matches(self, name: str, version: str, same: bool) -> None:
        assert interpreters.matches(name, version) is same

    def test_old_python_is_passed_over(self, bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "executable", python(bare, "python3", "3.9.18"))
        python(bare / "bin", "python3.12", "3.12.4", "ensurepip")
        python(bare / "bin", "python3.11", "3.11.9")
        monkeypatch.setattr(interpreters, "MINORS", ("3.13", "3.12", "3.11"))
        assert interpreters.choose(None).version == "3.11.9"

    @pytest.mark.parametrize(
        "place",
        ["bin/python3.14", "uv/cpython-3.14.2-linux/bin/python3", "prefix/3.14/bin/python3"],
    )
    def test_version_is_found_wherever_it_is(self, bare: Path, place: str) -> None:
        path = bare / place
        python(path.parent, path.name, "3.14.2")
        assert interpreters.choose("3.14").executable == str(path)

    def test_complete_python_is_preferred(self, bare: Path) -> None:
        """Debian's own comes without ensurepip; one of pyenv may be complete."""
        python(bare / "bin", "python3.12", "3.12.4", "ensurepip")
        python(bare / "pyenv" / "versions" / "3.12.2" / "bin", "python3", "3.12.2")
        assert interpreters.choose("3.12").version == "3.12.2"

    def test_every_python_and_what_is_missing(
        self, bare: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        python(bare / "bin", "python3.12", "3.12.4")
        python(bare / "bin", "python3.13", "3.13.1", "venv")
        python(bare / "bin", "python3.14", "3.14.0")
        monkeypatch.setattr(interpreters, "MINORS", ("3.14", "3.13", "3.12", "3.11"))
        found, missing = interpreters.every()
        assert [interpreter.version for interpreter in found] == ["3.12.4", "3.14.0"]
        without, incomplete = missing
        assert "no Python 3.11 on PATH, of pyenv or uv, nor in PYTHONS_PREFIX: " in without
        assert f"{bare / 'bin' / 'python3.13'} has no module venv" in incomplete

    def test_newest_patch_of_pyenv_comes_first(self, bare: Path) -> None:
        for version in ("3.12.2", "3.12.10", "3.11.9"):
            python(bare / "pyenv" / "versions" / version / "bin", "python3", version)
        assert interpreters.choose("3.12").version == "3.12.10"
        assert interpreters.choose("3.12.2").version == "3.12.2"

    def test_shim_that_does_not_run_is_passed_over(self, bare: Path) -> None:
        program(bare / "bin" / "python3.12", "exit 127")
        python(bare / "pyenv" / "versions" / "3.12.2" / "bin", "python3", "3.12.2")
        assert interpreters.choose("3.12").version == "3.12.2"

    @pytest.mark.parametrize(
        ("version", "missing", "why"),
        [
            ("3.10.1", [], "is Python 3.10.1; aioxide needs 3.11 or newer"),
            ("3.11.2", ["ensurepip"], "apt install python3.11-venv"),
        ],
    )
    def test_unfit_python_is_explained(
        self, tmp_path: Path, version: str, missing: list[str], why: str
    ) -> None:
        with pytest.raises(Problem, match=why):
            interpreters.choose(python(tmp_path, "python3", version, *missing))

    def test_missing_python_is_explained(self, bare: Path) -> None:
        with pytest.raises(Problem, match=r"no Python 3\.99 on PATH"):
            interpreters.choose("3.99")
        with pytest.raises(Problem, match="not a CPython that can be run"):
            interpreters.choose(str(bare / "nothing"))


class TestCargo:
    def test_missing_cargo_is_explained(self, bare: Path) -> None:
        with pytest.raises(Problem, match=r"no cargo: install Rust from https://rustup\.rs"):
            native.cargo()

    def test_missing_compiler_is_explained(self, bare: Path) -> None:
        program(bare / "bin" / "cargo", "echo cargo 1.999.0")
        with pytest.raises(Problem, match="no C compiler"):
            native.cargo()

    def test_old_rust_is_explained(self, bare: Path) -> None:
        program(bare / "bin" / "cargo", "echo cargo 1.60.0")
        program(bare / "bin" / "cc", "")
        with pytest.raises(Problem, match=r"this is Rust 1\.60, aioxide needs 1\."):
            native.cargo()

    def test_broken_rust_is_explained(self, bare: Path) -> None:
        program(bare / "bin" / "cargo", "echo no toolchain >&2; exit 1")
        program(bare / "bin" / "cc", "")
        with pytest.raises(Problem, match=r"does not run.*\nno toolchain"):
            native.cargo()

    def test_cargo_outside_path_is_found(self, bare: Path) -> None:
        program(bare / "cargo" / "bin" / "cargo", "echo cargo 1.999.0")
        program(bare / "bin" / "cc", "")
        assert native.cargo() == str(bare / "cargo" / "bin" / "cargo")
        assert str(bare / "cargo" / "bin") in os.environ["PATH"].split(os.pathsep)

    def test_fingerprint_follows_names_contents_and_flags(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(native, "ROOT", tmp_path)
        monkeypatch.delenv("RUSTFLAGS", raising=False)
        seen = set()
        plant(tmp_path, "crates/a/src/lib.rs", "fn f() {}")
        seen.add(native.fingerprint())
        plant(tmp_path, "docs/a.md", "no source")
        plant(tmp_path, "crates/a/src/lib.rs", "fn f() {}")
        seen.add(native.fingerprint())
        assert len(seen) == 1
        plant(tmp_path, "crates/a/src/lib.rs", "fn g() {}")
        seen.add(native.fingerprint())
        (tmp_path / "crates/a/src/lib.rs").rename(tmp_path / "crates/a/src/main.rs")
        seen.add(native.fingerprint())
        monkeypatch.setenv("RUSTFLAGS", "-C target-cpu=native")
        seen.add(native.fingerprint())
        assert len(seen) == 4


class Project:
    """A made-up project in which pip and maturin only leave a trace."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ran: list[str] = []
        self.interpreter = Interpreter("/usr/bin/python3", "3.12.4", ())
        self.requirements("one")
        self.sources("fn f() {}")

    def requirements(self, name: str) -> None:
        plant(self.root, "pyproject.toml", f'[dependency-groups]\ndev = ["{name}"]\n[tool.x]\n')

    def sources(self, text: str) -> None:
        plant(self.root, "crates/a/src/lib.rs", text)

    def must(self, command: Sequence[str], env: object = None) -> None:
        kind = command[2]
        if kind == "venv":
            Path(command[-1]).mkdir(parents=True)
        if kind == "maturin":
            plant(self.root, "python/aioxide/_aioxide.cpython-312-any.so", "")
            if not (self.root / "Cargo.lock").exists():
                plant(self.root, "Cargo.lock", "completed")
        self.ran.append(" ".join(["pip", *command[5:]]) if kind == "pip" else kind)

    def prepare(self, *names: str) -> list[str]:
        """What another `./dev` runs."""
        self.ran = []
        environment.Environment(self.interpreter).prepare(names or ("dev",))
        return self.ran


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(tmp_path)
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(native, "ROOT", tmp_path)
    monkeypatch.setattr(native, "cargo", lambda: "cargo")
    monkeypatch.setattr(environment, "must", made.must)
    return made


FIRST = ["venv", "pip --upgrade pip>=25.1", "pip --group dev", "maturin"]


class TestEnvironment:
    def test_second_time_does_nothing(self, project: Project) -> None:
        assert project.prepare() == FIRST
        assert project.prepare() == []

    def test_changed_source_builds_again(self, project: Project) -> None:
        project.prepare()
        project.sources("fn g() {}")
        assert project.prepare() == ["maturin"]
        assert project.prepare() == []

    def test_changed_lock_file_builds_again(self, project: Project) -> None:
        project.prepare()
        plant(project.root, "Cargo.lock", "another version")
        assert project.prepare() == ["maturin"]
        assert project.prepare() == []

    def test_removed_module_is_built_again(self, project: Project) -> None:
        project.prepare()
        (project.root / "python/aioxide/_aioxide.cpython-312-any.so").unlink()
        assert project.prepare() == ["maturin"]

    def test_changed_requirements_are_installed(self, project: Project) -> None:
        project.prepare()
        project.requirements("two")
        assert project.prepare() == ["pip --group dev", "maturin"]

    def test_group_is_added_once(self, project: Project) -> None:
        project.prepare()
        assert project.prepare("dev", "bench") == ["pip --group bench --group dev"]
        assert project.prepare("bench") == []

    def test_interrupted_step_is_done_again(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(command: Sequence[str], env: object = None) -> None:
            raise Problem("no network")

        with monkeypatch.context() as patch:
            patch.setattr(environment, "must", fail)
            with pytest.raises(Problem, match="no network"):
                project.prepare()
        assert project.prepare() == FIRST

    def test_two_interpreters_of_one_version_do_not_share(self, project: Project) -> None:
        project.prepare()
        project.interpreter = Interpreter("/opt/python3", "3.12.4", ())
        assert project.prepare()[0] == "venv"
        assert len(list((project.root / ".dev" / "envs").iterdir())) == 2

    def test_module_of_another_environment_is_not_taken(self, project: Project) -> None:
        """Both write one file: what the other built last may be older than the sources."""
        project.prepare()
        first = project.interpreter
        project.interpreter = Interpreter("/usr/bin/python3", "3.12.5", ())
        project.prepare()
        project.interpreter = first
        assert project.prepare() == ["maturin"]


class TestGroups:
    def test_every_group_runs_and_one_failure_fails_all(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def missing(*_: object) -> bool:
            raise Problem("no cargo")

        monkeypatch.setattr(
            groups,
            "GROUPS",
            {
                "lint": lambda *_: False,
                "rust": missing,
                "py": lambda *_: True,
                "conform": lambda *_: None,
            },
        )
        place = environment.Environment(Interpreter("/usr/bin/python3", "3.12.4", ()))
        assert not groups.run_groups(["lint", "rust", "py", "conform"], place, [])
        summary = [line.split()[1:3] for line in capsys.readouterr().err.splitlines()[-4:]]
        expected = [["lint", "FAILED"], ["rust", "FAILED"], ["py", "passed"]]
        assert summary == [*expected, ["conform", "skipped"]]
        assert groups.run_groups(["py", "conform"], place, [])

    def test_each_python_has_its_own_environment(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        ran: list[str] = []

        def group(name: str) -> groups.Group:
            def run(place: environment.Environment, extra: list[str]) -> bool:
                ran.append(f"{name} {place.interpreter.minor} {' '.join(extra)}".rstrip())
                return True

            return run

        def prepare(place: environment.Environment) -> None:
            ran.append(f"prepare {place.interpreter.minor}")
            if place.interpreter.minor == "3.13":
                raise Problem("no wheel")

        monkeypatch.setattr(groups, "GROUPS", {name: group(name) for name in ("lint", "py")})
        places = [
            environment.Environment(Interpreter("/usr/bin/python3", version, ()))
            for version in ("3.12.4", "3.13.1", "3.14.0")
        ]
        assert not groups.run_on_each(["lint", "py"], places[0], places, prepare, ["-x"])
        assert ran == [
            "lint 3.12 -x",
            *("prepare 3.12", "py 3.12 -x"),
            "prepare 3.13",
            *("prepare 3.14", "py 3.14 -x"),
        ]
        shown = capsys.readouterr().err.splitlines()
        assert "dev: no wheel" in shown
        assert [line.split()[1:4] for line in shown[-3:]] == [
            ["py", "3.12", "passed"],
            ["py", "3.13", "FAILED"],
            ["py", "3.14", "passed"],
        ]


class TestWheel:
    def test_python_that_is_there_is_asked(self, bare: Path) -> None:
        path = python(bare / "bin", "python3.14", "3.14.0")
        assert cli.target_of("3.14") == ["--interpreter", path]
        assert cli.target_of(path) == ["--interpreter", path]

    def test_python_that_is_missing_is_only_named(self, bare: Path) -> None:
        program(bare / "bin" / "rustc", "echo rustc 1.99; echo host: here-unknown-linux; echo x")
        named = ["--interpreter", "python3.99t", "--target", "here-unknown-linux"]
        assert cli.target_of("3.99t") == named


FAKE_CARGO = """\
echo "$@" >> {log}
case "$*" in
--version) echo cargo 1.999.0 ;;
*install*) : > {home}/bin/cargo-fuzz; chmod +x {home}/bin/cargo-fuzz ;;
*-set_cover_merge=1)
    while [ "$1" != tidy ]; do shift; done
    into=$2; shift 2
    while [ "$1" != -- ]; do find "$1" -type f -exec cp {{}} "$into" \\; ; shift; done ;;
*tidy*) echo found > {root}/fuzz/grown/tidy/found ;;
*leaky*) echo bad > {root}/fuzz/artifacts/leaky/crash-1; exit 1 ;;
*) echo no such crate >&2; exit 1 ;;
esac"""


class TestFuzz:
    @pytest.fixture
    def ran(self, bare: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The lines that cargo was called with; the project and its cargo are made up."""
        monkeypatch.setattr(fuzz, "ROOT", bare)
        monkeypatch.setattr(fuzz, "FUZZ", bare / "fuzz")
        for name in ("tidy", "leaky", "broken"):
            plant(bare, f"fuzz/fuzz_targets/{name}.rs", f"//! Feeds\n//! {name}.\n//!\n//! More.\n")
        plant(bare, "fuzz/artifacts/leaky/crash-0", "an older one")
        (bare / "cargo" / "bin").mkdir(parents=True)
        log = bare / "log"
        text = FAKE_CARGO.format(log=log, home=bare / "cargo", root=bare)
        program(bare / "bin" / "cargo", f"PATH=/usr/bin:/bin\n{text}")
        for name in ("cc", "c++", "cargo-fuzz"):
            program(bare / "bin" / name, "")
        return log

    def test_list_says_what_each_target_feeds(
        self, ran: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert cli.main(["fuzz"]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "broken  Feeds broken.",
            "leaky   Feeds leaky.",
            "tidy    Feeds tidy.",
        ]
        assert not ran.exists()

    def test_missing_compiler_is_explained(self, ran: Path) -> None:
        (ran.parent / "bin" / "c++").unlink()
        with pytest.raises(Problem, match=r"no C\+\+ compiler.*apt install g\+\+"):
            fuzz.tool()

    def test_missing_cargo_fuzz_is_installed_once(self, ran: Path) -> None:
        (ran.parent / "bin" / "cargo-fuzz").unlink()
        for _ in range(2):
            fuzz.tool()
        assert ran.read_text().splitlines().count("install --locked cargo-fuzz") == 1

    def test_finding_is_told_with_the_way_to_run_it_again(
        self, ran: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert cli.main(["fuzz", "leaky", "--minutes", "0.5", "--", "-jobs=1"]) == 1
        shown = capsys.readouterr().err
        assert "run it again: ./dev fuzz leaky fuzz/artifacts/leaky/crash-1\n" in shown
        assert "crash-0" not in shown
        assert ran.read_text().splitlines()[-1].endswith("-max_total_time=30 -timeout=10 -jobs=1")
        assert cli.main(["fuzz", "leaky", str(ran.parent / "fuzz/artifacts/leaky/crash-1")]) == 1
        assert ran.read_text().splitlines()[-1].endswith("leaky/crash-1")

    def test_target_that_does_not_run_is_no_finding(self, ran: Path) -> None:
        with pytest.raises(Problem, match="broken did not run"):
            fuzz.fuzz("broken", 1, [])

    def test_every_target_runs_after_a_finding(
        self, ran: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (ran.parent / "fuzz/fuzz_targets/broken.rs").unlink()
        assert cli.main(["fuzz", "--all", "--minutes", "1"]) == 1
        shown = capfd.readouterr().err.splitlines()
        assert shown[-2:] == [
            "dev: leaky: FOUND something, see above",
            "dev: tidy: nothing found",
        ]

    def test_corpus_grows_and_is_made_small_when_it_is_large(
        self, ran: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        corpus = ran.parent / "fuzz/corpus/tidy"
        for name, size in (("tiny", 1), ("small", 60), ("large", 90)):
            plant(corpus, name, "x" * size)
        assert fuzz.fuzz("tidy", 1, [])
        everything = ["found", "large", "small", "tiny"]
        assert sorted(path.name for path in corpus.iterdir()) == everything
        monkeypatch.setattr(fuzz, "CORPUS_LIMIT", 100)
        assert fuzz.fuzz("tidy", 1, [])
        assert sorted(path.name for path in corpus.iterdir()) == ["found", "small", "tiny"]
        assert [path.name for path in (ran.parent / "fuzz/grown").iterdir()] == ["tidy"]

    def test_every_file_of_a_target_is_built(self) -> None:
        manifest = tomllib.loads((ROOT / "fuzz/Cargo.toml").read_text())
        built = {name["name"]: name["path"] for name in manifest["bin"]}
        assert built == {name: f"fuzz_targets/{name}.rs" for name in fuzz.targets()}

    def test_corpora_are_small(self) -> None:
        for folder in (ROOT / "fuzz/corpus").glob("*"):
            assert folder.name in fuzz.targets()
            assert sum(path.stat().st_size for path in folder.iterdir()) <= fuzz.CORPUS_LIMIT


PEER = """
import asyncio
class Loop(asyncio.SelectorEventLoop): pass
new_event_loop = Loop
class EventLoopPolicy(getattr(asyncio, "DefaultEventLoopPolicy", object)):
    _loop_factory = Loop
"""
SHOW = """
import asyncio, sys
async def main(): print(type(asyncio.get_running_loop()).__name__, __name__, sys.argv, sys.path[0])
asyncio.run(main())
"""


@pytest.mark.parametrize("named", [["show.py"], ["-m", "show"]])
def test_program_on_a_peer_sees_itself(tmp_path: Path, named: list[str]) -> None:
    plant(tmp_path, "lib/peerloop.py", PEER)
    plant(tmp_path, "show.py", SHOW)
    shown = subprocess.run(
        [sys.executable, ROOT / "tools" / "dev" / "peer.py", "peerloop", *named, "a", "--b"],
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "lib")},
        stdout=subprocess.PIPE,
        text=True,
    )
    name = "show.py" if named == ["show.py"] else str(tmp_path / "show.py")
    assert shown.stdout == f"Loop __main__ {[name, 'a', '--b']} {tmp_path}\n"


class TestFailures:
    REPORT = """<testsuites><testsuite>
        <testcase classname="tests.loop.test_a" name="test_good" time="0.1" />
        <testcase classname="tests.loop.test_a" name="test_bad">
            <failure message="m">{}</failure>
        </testcase>
        <testcase classname="tests.loop.test_a" name="test_end">
            <error message="left" />
        </testcase>
        <testcase classname="tests.loop.test_a" name="test_off"><skipped message="no" /></testcase>
    </testsuite></testsuites>"""

    def test_they_are_said_again_with_the_end_of_their_text(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = "\n".join(f"line {n}" for n in range(failures.LINES + 5))
        plant(tmp_path, "py-3.11.xml", self.REPORT.format(lines))
        plant(tmp_path, "py-3.14.xml", self.REPORT[:100])
        failures.say_again(tmp_path)
        said = capsys.readouterr().err.splitlines()
        assert [line for line in said if "FAILED" in line] == [
            "dev: FAILED tests.loop.test_a::test_bad",
            "dev: FAILED tests.loop.test_a::test_end",
        ]
        assert "dev:   ... 5 lines before" in said
        assert f"dev:   line {failures.LINES + 4}" in said
        assert "dev:   line 4" not in said
        assert "dev:   left" in said

    def test_an_old_report_is_gone(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        plant(tmp_path, "py-3.11.xml", self.REPORT.format("old"))
        failures.forget(tmp_path)
        failures.say_again(tmp_path)
        assert capsys.readouterr().err == ""
