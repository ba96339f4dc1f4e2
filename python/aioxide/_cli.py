"""The ``aioxide`` command.

    aioxide [--help | --version]
    aioxide COMMAND [OPTIONS] ...

A sub-command is a class in `COMMANDS`: its name, one line of help, its options, and `run`. An
option of ``aioxide run`` is one line in `Run.add_options`.

Exit status: 2 for a command line that cannot be carried out, with a sentence on stderr; otherwise
the program's own.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, NoReturn

from ._aioxide import __version__
from ._terminal import fail, say
from .fetch.command import Fetch

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Carry out a command line, by default that of this process.

    Returns when the program that was run has ended by its last line; raises what it raised.
    Raises SystemExit for ``--help``, ``--version`` and errors of the command line.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = _Parser(
        prog="aioxide",
        description="asyncio, in Rust: runs a program on aioxide's event loop, unchanged.",
        epilog="aioxide COMMAND --help tells more.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"aioxide {__version__}",
        help="print the version and exit",
    )
    parsers = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)
    commands: dict[str, Callable[[list[str]], None]] = {}
    for kind in COMMANDS:
        command = kind(parsers)
        commands[command.name] = command.run

    if not arguments:
        parser.print_help(sys.stderr)
        sys.exit(2)
    first, *rest = arguments
    if first in commands:
        commands[first](rest)
    elif first.startswith("-"):
        _, unknown = parser.parse_known_args([first])
        if unknown:
            parser.unknown(unknown)
        parser.error(f"{first} needs a command")
    else:
        parser.error(_unknown_command(first, commands))


class Run:
    """``aioxide run``: a script, a module, a directory or zip file, or standard input."""

    name: ClassVar[str] = "run"
    summary: ClassVar[str] = "run a Python program on aioxide's event loop"

    def __init__(self, parsers: "argparse._SubParsersAction[_Parser]") -> None:
        self.parser = parsers.add_parser(
            self.name,
            usage="aioxide run [OPTIONS] (FILE | -m MODULE | -) [ARGUMENTS ...]",
            help=self.summary,
            description=(
                "Run a Python program as `python FILE` or `python -m MODULE` would, with the "
                "event loop that asyncio makes by default replaced by aioxide's, and that of "
                "uvicorn. Loops that the program picks itself (a loop_factory, a policy, a class) "
                "are left alone, and told of."
            ),
            epilog=(
                "Options of aioxide come before FILE or -m; all that follows is the program's. "
                "What is in brackets holds if nothing is said; AIOXIDE_BLOCKING and the other "
                "variables of these names say the same as the options. Options of Python itself "
                "go to Python: python -X dev -m aioxide run FILE"
            ),
            allow_abbrev=False,
        )
        self.options = list(self.add_options())
        self.parser.add_argument("-m", metavar="MODULE", help="run a module or package by its name")
        self.parser.add_argument(
            "file",
            metavar="FILE",
            nargs="?",
            help="a script, or a directory or zip file with a __main__.py; - reads the program "
            "from standard input",
        )
        self.parser.add_argument(
            "arguments", metavar="ARGUMENTS", nargs="*", help="what the program finds in sys.argv"
        )

    def add_options(self) -> Iterable[argparse.Action]:
        """Options of aioxide's own, each yielded as it is added."""
        yield self.parser.add_argument(
            "--http",
            action="store_true",
            help="the program's aiohttp client is aioxide's, too (aiohttp must be installed)",
        )
        for name, values, text in DIAGNOSTICS:
            yield self.parser.add_argument(
                f"--{name.replace('_', '-')}", metavar=values, help=text, dest=name
            )

    def run(self, arguments: list[str]) -> None:
        own, program = self.split(arguments)
        options, unknown = self.parser.parse_known_args(own)
        if unknown:
            self.parser.unknown(unknown, hint_of_python(unknown[0]))

        # Imported late: `aioxide --help` and `aioxide fetch` need none of it.
        from . import _program
        from ._diagnostics import Diagnostics, set_default, settings
        from ._install import install
        from ._other_loops import tell_of_other_loops

        try:
            # A program that somebody starts by hand: what costs a little, or looks at everything
            # once, is on, unless it is told otherwise.
            chosen = Diagnostics.from_environment(base=Diagnostics(origins=True, unstarted=True))
        except ValueError as error:
            fail(str(error))
        tell_of_misspelt_variables([*settings])
        for name, setting in settings.items():
            text = getattr(options, name)
            if text is not None:
                try:
                    chosen = setting(chosen, text)
                except ValueError as error:
                    self.parser.error(f"--{name.replace('_', '-')}: {error}")
        # Only now: a FILE that was taken for the value of an option is the mistake then.
        if not program:
            self.parser.error("nothing to run: give a FILE, -m MODULE, or - for standard input")
        set_default(chosen)

        first, *rest = program
        try:
            install(http=options.http)
        except ImportError as error:
            fail(f"--http: {error}. Install aiohttp, or leave --http out")
        tell_of_other_loops()
        try:
            if first == "-m":
                module, *rest = rest or [""]
                if not module:
                    self.parser.error("-m needs the name of a module")
                _program.run_module(module, rest)
            elif first == "-":
                _program.run_stdin(rest)
            else:
                _program.run_file(first, rest)
        except _program.NotRunnable as error:
            from . import _suggest

            hint = None
            if error.missing is not None:
                find = _suggest.for_module if first == "-m" else _suggest.for_file
                hint = find(error.missing)
            fail(f"{error}. {hint}" if hint else str(error))

    def split(self, arguments: list[str]) -> tuple[list[str], list[str]]:
        """Part aioxide's own options from the program and its arguments.

        The program is ``["-m", MODULE, ...]`` or ``[FILE, ...]``. argparse cannot be left to do it:
        an option of the program may look like one of ours.
        """
        valued = {
            name for option in self.options if option.nargs != 0 for name in option.option_strings
        }
        at = 0
        while at < len(arguments):
            argument = arguments[at]
            if argument == "--":
                return arguments[:at], arguments[at + 1 :]
            if argument.startswith("-m"):
                module = [argument[2:]] if argument != "-m" else []
                return arguments[:at], ["-m", *module, *arguments[at + 1 :]]
            if argument == "-" or not argument.startswith("-"):
                return arguments[:at], arguments[at:]
            at += 2 if argument in valued else 1
        return arguments, []


def tell_of_misspelt_variables(names: Sequence[str]) -> None:
    """Say on stderr which variables of the environment may have been meant to be ours, and are
    not."""
    import os

    from . import _suggest
    from ._diagnostics import FRAMES, PREFIX

    known = [f"{PREFIX}{name.upper()}" for name in names] + [FRAMES]
    for variable in os.environ:
        if variable.startswith(PREFIX) and variable not in known:
            hint = _suggest.variable(variable, known)
            if hint is not None:
                say(f"there is no variable {variable}. {hint}")


def hint_of_python(option: str) -> str | None:
    """What to do with an option of Python's own; None for others."""
    letter = option[1:2]
    if option.startswith("--") or letter not in tuple("bBcdEiIOPqsSuvWxX"):
        return None
    if letter == "c":
        return "aioxide run - reads a program from standard input"
    return f"Python has one: python {option} ... -m aioxide run ..."


COMMANDS: tuple[type[Run] | type[Fetch], ...] = (Run, Fetch)

# The settings of `aioxide.Diagnostics` by the names of the environment's variables, which are
# AIOXIDE_... of these.
DIAGNOSTICS = (
    (
        "diagnostics",
        "on|off|text|json",
        "all reports of the loop; as text, or as JSON lines (text)",
    ),
    ("blocking", "TIME|off", "report what blocks the loop for so long: 50ms, 0.5s, 2 (250ms)"),
    (
        "never_awaited",
        "on|off|origins",
        "tell of coroutines never awaited: in which task, and where they were created (origins)",
    ),
    (
        "lost_exceptions",
        "TIME|off",
        "report a failed task whose exception nobody has asked for in this time (50ms)",
    ),
    (
        "leaks",
        "all|pending|off",
        "report what is left when a run ends: tasks, and coroutines that never started (all)",
    ),
    ("cancel_notes", "on|off", "say in a CancelledError who has cancelled (on)"),
)


class _Parser(argparse.ArgumentParser):
    """argparse's, with the sentence last and nothing between it and the reader."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        fail(message)

    def unknown(self, words: Sequence[str], hint: str | None = None) -> NoReturn:
        """Exit: there is no such option, and this one may have been meant."""
        from . import _suggest

        option = words[0].partition("=")[0]
        if not option.startswith("-"):
            # An argument too many; what it says itself.
            self.error(f"unrecognized arguments: {' '.join(words)}")
        names = [name for action in self._actions for name in action.option_strings]
        hint = hint or _suggest.option(option, names)
        self.error(f"there is no option {option}. {hint or f'{self.prog} --help lists them'}")


def _unknown_command(word: str, commands: Iterable[str]) -> str:
    import os

    from . import _suggest

    if os.path.exists(word) or word.endswith(".py"):
        return f"{word!r} is not a command; to run that program: aioxide run {word}"
    if word.startswith(("http://", "https://")):
        return f"{word!r} is not a command; to fetch that URL: aioxide fetch {word} -o FOLDER"
    if word == "help":
        return "there is no command 'help'. aioxide --help, or aioxide COMMAND --help"
    hint = _suggest.among(word, commands)
    return f"there is no command {word!r}. {hint or 'The commands: ' + ', '.join(commands)}"
