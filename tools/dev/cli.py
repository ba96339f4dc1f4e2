"""`./dev COMMAND`: arguments, and one function for each command."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path
from typing import Callable

from . import fuzz, groups, interpreters, native
from .environment import Environment
from .shell import ROOT, Problem, become, note

USAGE = """\
usage: ./dev [--python PATH|VERSION] COMMAND

  ./dev run                       the main job: scrape the embedded site (its options follow)
  ./dev run [--loop aioxide|asyncio|uvloop] (FILE | -m MODULE) [ARGS]
                                  run a program on a loop; aioxide when none is named
  ./dev test [GROUP...] [-- ARGS] lint rust py; `--all`: also loom conform; `--fix` formats;
                                  suites and autobahn run by their names only; ARGS go to the
                                  test tool of the one group named
  ./dev test --all-pythons        lint and rust once, py and conform on each Python that is there
  ./dev wheel [MATURIN ARGS]      build a wheel into dist/; --python 3.14t needs no such Python
  ./dev python [ARGS]             the project's Python
  ./dev bench [NAME...]           benchmarks against asyncio, uvloop and the other peers
  ./dev fuzz                      the fuzz targets, and what each feeds
  ./dev fuzz (NAME... | --all) [--minutes 20] [-- LIBFUZZER ARGS]
                                  feed a target for so long, and keep what reaches new code
  ./dev fuzz NAME FILE...         run a target on these inputs only: a finding again
  ./dev soak [--minutes 10] [--connections 10000] [--loop aioxide|asyncio]
                                  connections come, echo and go; fails when anything grows
  ./dev setup                     make the environment and build everything

--python keeps an environment for each interpreter: --python 3.12, --python /usr/bin/python3.11.
A version is looked for on PATH, among pyenv's and uv's, and as PYTHONS_PREFIX/VERSION/bin/python3.
The environments are in .dev/envs/; they are made and brought up to date by every command.
./dev COMMAND --help shows what is said of one, and starts nothing.
"""

# Where the options of what a command starts are told of: nothing is built for the sake of a help.
MORE = {
    "run": "`./dev python examples/scraper --help` lists the options of the main job.",
    "bench": "`python3 -m bench --help`, in the project's folder, lists names and options.",
    "wheel": "MATURIN ARGS are those of `maturin build`.",
    "test": "The groups: {groups}.",
    "python": "ARGS are those of `python3 --help`.",
}

BASE = ("dev", "test")
LOOPS = ("aioxide", "asyncio", "uvloop")


def help_of(command: str) -> str:
    """The lines of USAGE that are about one command."""
    lines: list[str] = []
    about = False
    for line in USAGE.splitlines():
        if line.startswith("  ./dev "):
            about = line.split()[1] == command
        elif not line.startswith("   "):
            about = False
        if about:
            lines.append(line)
    more = MORE.get(command, "").format(groups=", ".join(groups.GROUPS))
    return "\n".join(["usage:", *lines, *(["", more] if more else [])]) + "\n"


class UsageProblem(Problem):
    """A command line that makes no sense."""


def options(arguments: list[str], names: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    """Take `--name VALUE` and `--name=VALUE` from the front; the rest is not ours to read."""
    taken: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        name, equals, value = rest[0].partition("=")
        if name not in names:
            break
        del rest[0]
        if not equals:
            if not rest:
                raise UsageProblem(f"{name} needs a value")
            value = rest.pop(0)
        taken[name] = value
    return taken, rest


def command_run(wanted: str | None, arguments: list[str]) -> int:
    taken, program = options(arguments, ("--loop", "--python"))
    loop = taken.get("--loop")
    if loop is not None and loop not in LOOPS:
        raise UsageProblem(f"--loop {loop}: the loops are {', '.join(LOOPS)}")
    named = bool(program) and (not program[0].startswith("-") or program[0] == "-m")
    if program == ["-m"]:
        raise UsageProblem("-m needs a module")
    if loop is not None and not named:
        raise UsageProblem("--loop needs a FILE or -m MODULE; the main job runs them all")
    peers = ("bench",) if loop == "uvloop" else ()
    environment = prepared(
        taken.get("--python", wanted), (*BASE, *peers), loop in (None, "aioxide")
    )
    python = environment.python
    if not named:
        become([python, str(ROOT / "examples" / "scraper"), *program], site())
    env = site() if needs_site(program[0]) else {}
    if loop == "asyncio":
        become([python, *program], env)
    if loop == "uvloop":
        become([python, str(ROOT / "tools" / "dev" / "peer.py"), "uvloop", *program], env)
    become([python, "-m", "aioxide", "run", *program], env)


def site() -> dict[str, str]:
    return {"AIOXIDE_SITE": str(native.program("aioxide-site"))}


def needs_site(file: str) -> bool:
    """The examples talk to the embedded site; nobody else's program does."""
    return (ROOT / "examples") in Path(file).resolve().parents


def command_test(wanted: str | None, arguments: list[str]) -> int:
    extra: list[str] = []
    if "--" in arguments:
        mark = arguments.index("--")
        arguments, extra = arguments[:mark], arguments[mark + 1 :]
    names: list[str] = []
    rest = list(arguments)
    fix = every = each = False
    while rest:
        taken, rest = options(rest, ("--python",))
        wanted = taken.get("--python", wanted)
        if not rest:
            break
        word = rest.pop(0)
        if word == "--fix":
            fix = True
        elif word == "--all":
            every = True
        elif word == "--all-pythons":
            each = True
        elif word in groups.GROUPS:
            names.append(word)
        else:
            known = ", ".join(groups.GROUPS)
            raise UsageProblem(
                f"{word}: the groups are {known}; options are --all, --all-pythons and --fix"
            )
    if every:
        names = groups.ALL
    names = list(dict.fromkeys(names)) or [*groups.USUAL, *(["conform"] if each else [])]
    if extra and len(names) != 1:
        raise UsageProblem("arguments behind -- go to one test tool: name one group")
    if each and wanted is not None:
        raise UsageProblem("--all-pythons takes no --python: it takes those that there are")
    environment = Environment(interpreters.choose(wanted))
    if fix or set(names) - groups.WITHOUT_PYTHON:
        environment.prepare(BASE)
    if fix:
        groups.fix(environment)
    if each:
        return 0 if test_each(names, environment, extra) else 1
    return 0 if groups.run_groups(names, environment, extra) else 1


def test_each(names: list[str], default: Environment, extra: list[str]) -> bool:
    found, missing = interpreters.every()
    for problem in missing:
        note(problem)
    passed = groups.run_on_each(
        names,
        default,
        [Environment(interpreter) for interpreter in found],
        lambda environment: environment.prepare(BASE),
        extra,
    )
    note(f"tested on Python {', '.join(interpreter.version for interpreter in found)}")
    for problem in missing:
        note(f"not tested: {problem}")
    return passed


def command_wheel(wanted: str | None, arguments: list[str]) -> int:
    taken, rest = options(arguments, ("--python",))
    wanted = taken.get("--python", wanted)
    environment = Environment(interpreters.default())
    environment.prepare(("dev",), build=False)
    native.wheel(environment.python, target_of(wanted), rest)
    return 0


def target_of(wanted: str | None) -> list[str]:
    """What tells maturin the interpreter; one that is not there is only named."""
    if wanted is not None and interpreters.is_version(wanted):
        try:
            return ["--interpreter", interpreters.choose(wanted).executable]
        except Problem:
            return ["--interpreter", f"python{wanted}", "--target", native.target()]
    return ["--interpreter", interpreters.choose(wanted).executable]


def command_python(wanted: str | None, arguments: list[str]) -> int:
    taken, rest = options(arguments, ("--python",))
    environment = prepared(taken.get("--python", wanted), BASE)
    become([environment.python, *rest])


def command_bench(wanted: str | None, arguments: list[str]) -> int:
    taken, rest = options(arguments, ("--python",))
    environment = prepared(taken.get("--python", wanted), (*BASE, "bench"))
    programs = {"AIOXIDE_LOAD": str(native.program("aioxide-load")), **site()}
    os.chdir(ROOT)  # where `-m bench` finds the folder
    become([environment.python, "-m", "bench", *rest], programs)


def command_fuzz(wanted: str | None, arguments: list[str]) -> int:
    extra: list[str] = []
    if "--" in arguments:
        mark = arguments.index("--")
        arguments, extra = arguments[:mark], arguments[mark + 1 :]
    known = fuzz.targets()
    names: list[str] = []
    inputs: list[str] = []
    minutes = 20.0
    every = False
    rest = list(arguments)
    while rest:
        taken, rest = options(rest, ("--minutes",))
        if "--minutes" in taken:
            minutes = minutes_of(taken["--minutes"])
        if not rest:
            break
        word = rest.pop(0)
        if word == "--all":
            every = True
        elif word in known:
            names.append(word)
        elif names and not word.startswith("-") and (os.sep in word or Path(word).exists()):
            inputs.append(word)
        else:
            raise UsageProblem(
                f"{word}: no such target{fuzz.suggestion(word)} `./dev fuzz` lists them. Options "
                "are --all and --minutes"
            )
    if inputs and (every or extra or len(names) > 1):
        raise UsageProblem("files are inputs of one target, which takes no arguments then")
    if inputs:
        return 0 if fuzz.again(names[0], inputs) else 1
    if every:
        names = list(known)
    if not names:
        list_targets(known)
        return 0
    passed = {name: fuzz.fuzz(name, minutes, extra) for name in dict.fromkeys(names)}
    for name, fine in passed.items():
        note(f"{name}: {'nothing found' if fine else 'FOUND something, see above'}")
    return 0 if all(passed.values()) else 1


def minutes_of(value: str) -> float:
    try:
        minutes = float(value)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < float("inf"):
        raise UsageProblem(f"--minutes {value}: a number above 0")
    return minutes


def list_targets(known: dict[str, str]) -> None:
    width = max(map(len, known), default=0) + 2
    for name, feeds in known.items():
        print(textwrap.fill(f"{name:{width}}{feeds}", 100, subsequent_indent=" " * width))


def command_soak(wanted: str | None, arguments: list[str]) -> int:
    taken, rest = options(arguments, ("--python",))
    # Said now, and not after everything was built.
    given, more = options(rest, ("--minutes", "--connections", "--loop"))
    if more and more[0] not in ("-h", "--help"):
        raise UsageProblem(f"soak takes no {more[0]}; see ./dev soak --help")
    minutes_of(given.get("--minutes", "10"))
    environment = prepared(taken.get("--python", wanted), BASE)
    os.chdir(ROOT)  # where `-m tests.soak` finds the folder
    become([environment.python, "-m", "tests.soak", *rest])


def command_setup(wanted: str | None, arguments: list[str]) -> int:
    taken, rest = options(arguments, ("--python",))
    if rest:
        raise UsageProblem(f"setup takes no {rest[0]}")
    environment = prepared(taken.get("--python", wanted), BASE)
    for package in ("aioxide-site", "aioxide-load"):
        native.program(package)
    note(f"ready: Python {environment.interpreter.version}, {environment.python}")
    return 0


COMMANDS: dict[str, Callable[[str | None, list[str]], int]] = {
    "run": command_run,
    "test": command_test,
    "wheel": command_wheel,
    "python": command_python,
    "bench": command_bench,
    "fuzz": command_fuzz,
    "soak": command_soak,
    "setup": command_setup,
}


def prepared(wanted: str | None, packages: tuple[str, ...], build: bool = True) -> Environment:
    environment = Environment(interpreters.choose(wanted))
    environment.prepare(packages, build)
    return environment


def main(arguments: list[str]) -> int:
    try:
        taken, rest = options(arguments, ("--python",))
        if not rest or rest[0] in ("-h", "--help", "help"):
            print(USAGE, end="")
            return 0 if rest else 2
        command, *rest = rest
        if command not in COMMANDS:
            raise UsageProblem(
                f"{command}: the commands are {', '.join(COMMANDS)}; see ./dev --help"
            )
        if rest in (["-h"], ["--help"]):
            print(help_of(command), end="")
            return 0
        return COMMANDS[command](taken.get("--python"), rest)
    except UsageProblem as problem:
        print(f"dev: {problem}", file=sys.stderr)
        return 2
    except Problem as problem:
        print(f"dev: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
