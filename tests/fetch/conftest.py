"""The command as its users start it, and a site for it."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("yarl")
pytest.importorskip("multidict")

from .outputs import KINDS
from .site import PATIENCE, Site

# What the tests' own machine says must not change what is seen.
UNWANTED = ("FORCE_COLOR", "TTY_COMPATIBLE", "PYTHONDEVMODE", "PYTHONASYNCIODEBUG")


@pytest.fixture
def site():
    with Site() as site:
        yield site


@pytest.fixture(params=list(KINDS))
def output(request, tmp_path):
    """The path of an output, of each kind in turn."""
    return tmp_path / f"out{KINDS[request.param]}"


class Command:
    """`python -m aioxide fetch`, in a folder of the test."""

    def __init__(self, folder):
        self.folder = folder
        self._started = []
        kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        for name in UNWANTED:
            kept.pop(name, None)
        self.environment = {**kept, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}

    def line(self, *arguments):
        return [sys.executable, "-W", "error", "-m", "aioxide", "fetch", *map(str, arguments)]

    def start(self, *arguments, stdin=subprocess.DEVNULL, **options):
        child = subprocess.Popen(
            self.line(*arguments), cwd=self.folder, env=self.environment, stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
        )  # fmt: skip
        self._started.append(child)
        return child

    def close(self):
        """End what a test that has failed has left."""
        for child in self._started:
            child.kill()
            child.communicate()

    def finish(self, child, input=None):
        with child:
            try:
                out, errors = child.communicate(input, timeout=PATIENCE)
            finally:
                child.kill()
        assert "Traceback" not in errors, errors
        assert "ignored" not in errors, errors
        return subprocess.CompletedProcess(child.args, child.returncode, out, errors)

    def run(self, *arguments, input=None, code=0, **options):
        """Run it to its end, and check its exit code."""
        stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
        done = self.finish(self.start(*arguments, stdin=stdin, **options), input)
        assert done.returncode == code, done.stdout + done.stderr
        return done


@pytest.fixture
def fetch(tmp_path):
    command = Command(tmp_path)
    yield command
    command.close()


@pytest.fixture
def listed(tmp_path):
    """listed(urls) writes them to a file and returns its path."""

    def write(urls, name="urls.txt"):
        path = tmp_path / name
        path.write_text("".join(f"{url}\n" for url in urls), encoding="utf-8")
        return path

    return write


@pytest.fixture
def run_async():
    """Runs a coroutine on aioxide's loop."""
    import aioxide

    return aioxide.run
