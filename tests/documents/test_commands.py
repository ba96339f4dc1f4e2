"""The commands, options and variables that the documents name are there."""

import argparse
import re
import shlex
from itertools import pairwise

import pytest
from dev import cli, groups

from aioxide import _cli, _diagnostics

from . import blocks

VARIABLE = re.compile(r"AIOXIDE_[A-Z_]*[A-Z]")


def parsers():
    return argparse.ArgumentParser().add_subparsers(parser_class=_cli._Parser)


def arguments_of(line):
    """Those of the first command, without what a sentence leaves open."""
    words = shlex.split(line)
    return [word for word in words[2:] if word != "..."]


def test_they_are_found():
    assert len(blocks.lines_with("aioxide run")) > 5
    assert len(blocks.lines_with("aioxide fetch")) > 5
    assert len(blocks.lines_with("./dev ")) > 20


@pytest.mark.parametrize("line", sorted(set(blocks.lines_with("aioxide fetch"))))
def test_fetch(line):
    fetch = _cli.Fetch(parsers())
    _, unknown = fetch.parser.parse_known_intermixed_args(
        [word for word in arguments_of(line) if word not in ("-h", "--help")]
    )
    assert unknown == []


@pytest.mark.parametrize("line", sorted(set(blocks.lines_with("aioxide run"))))
def test_run(line):
    run = _cli.Run(parsers())
    own, _ = run.split(arguments_of(line))
    options, unknown = run.parser.parse_known_args(own)
    assert unknown == []
    for name, setting in _diagnostics.settings.items():
        if (text := getattr(options, name)) is not None:
            setting(_diagnostics.Diagnostics(), text)


@pytest.mark.parametrize("line", sorted(set(blocks.lines_with("./dev "))))
def test_dev(line):
    _, words = cli.options(shlex.split(line)[1:], ("--python",))
    if words == ["--help"]:
        return
    command, *rest = words
    assert command.rstrip(",") in (*cli.COMMANDS, "COMMAND")
    if command == "test":
        rest = rest[: rest.index("--")] if "--" in rest else rest
        rest = [word for before, word in pairwise(["", *rest]) if before != "--python"]
        options = {"--all", "--all-pythons", "--fix", "--python"}
        assert {word.rstrip(",") for word in rest} <= {*groups.GROUPS, *options}


def test_variables():
    """What is told is read, and what is read is told."""
    read = {f"{_diagnostics.PREFIX}{name.upper()}" for name in _diagnostics.settings}
    read.add(_diagnostics.FRAMES)
    told = {
        name for document in blocks.DOCUMENTS for name in VARIABLE.findall(document.read_text())
    }
    assert told == read
