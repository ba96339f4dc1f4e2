"""Programs run twice, by plain Python and by aioxide: what the user sees must be the same."""

import os
import subprocess
import sys
from pathlib import Path

PATIENCE = 40


class Launch:
    """Starts programs. `python` goes before what runs, as in ``python -P FILE``."""

    def __init__(self, command, directory):
        self.command = command
        self.directory = directory

    def plain_line(self, *arguments, python=()):
        return [sys.executable, *python, *map(str, arguments)]

    def aioxide_line(self, *arguments, python=()):
        return [sys.executable, *python, *self.command, "run", *map(str, arguments)]

    def start(self, line, env=None, cwd=None, **options):
        # Neither the width nor the colours of the terminal that the tests run in,
        # nor what a slow machine takes long for.
        environment = {
            **os.environ,
            "COLUMNS": "80",
            "NO_COLOR": "1",
            "AIOXIDE_BLOCKING": "off",
            **(env or {}),
        }
        return subprocess.Popen(
            line,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=cwd or self.directory,
            **options,
        )

    def finish(self, child, input=""):
        with child:
            try:
                out, errors = child.communicate(input, timeout=PATIENCE)
            finally:
                child.kill()
        return subprocess.CompletedProcess(child.args, child.returncode, out, errors)

    def plain(self, *arguments, python=(), input="", **options):
        line = self.plain_line(*arguments, python=python)
        return self.finish(self.start(line, **options), input)

    def aioxide(self, *arguments, python=(), input="", **options):
        line = self.aioxide_line(*arguments, python=python)
        return self.finish(self.start(line, **options), input)

    def cli(self, *arguments):
        """The command itself, without ``run``."""
        return self.finish(self.start([sys.executable, *self.command, *map(str, arguments)]))

    def same(self, *arguments, python=(), input="", **options):
        """Run both ways, check that nothing tells them apart, and return what was seen."""
        first = self.start(self.plain_line(*arguments, python=python), **options)
        second = self.start(self.aioxide_line(*arguments, python=python), **options)
        plain, ours = self.finish(first, input), self.finish(second, input)
        assert ours.stdout == without_runpy(plain.stdout)
        assert ours.stderr == without_runpy(plain.stderr)
        assert ours.returncode == plain.returncode
        return ours


def without_runpy(text):
    """Take runpy's frames out of a traceback: `python -m` shows them, aioxide does not."""
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith('  File "<frozen runpy>"'))


def installed_script():
    return Path(sys.executable).with_name("aioxide")


COMMANDS = {"module": ["-m", "aioxide"], "script": [str(installed_script())]}
