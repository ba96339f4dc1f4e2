"""Programs under examples/, run as a user runs them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
SCRAPER = EXAMPLES / "scraper"

COMMANDS = {
    "aioxide": [sys.executable, "-W", "error", "-m", "aioxide", "run"],
    "asyncio": [sys.executable, "-W", "error"],
}


@pytest.fixture(scope="session")
def site_program():
    """The embedded site's program, built where nobody built it yet."""
    named = os.environ.get("AIOXIDE_SITE")
    built = ROOT / "target" / "release" / "aioxide-site"
    if not named and not built.exists():
        command = ["cargo", "build", "--release", "-p", "aioxide-site"]
        subprocess.run(command, cwd=ROOT, check=True, timeout=600)
    return named or str(built)


@pytest.fixture(scope="session")
def environment(site_program):
    """What an example sees: no proxy, no terminal, the site's program."""
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    unwanted = ("FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS", "PYTHONDEVMODE", "PYTHONASYNCIODEBUG")
    for name in unwanted:
        kept.pop(name, None)
    return {
        **kept,
        "AIOXIDE_SITE": site_program,
        "PYTHONUNBUFFERED": "1",
        "AIOXIDE_BLOCKING": "off",
    }


@pytest.fixture(params=list(COMMANDS))
def run_demo(request, environment):
    """Runs a demo on the loop under test, and returns what it printed.

    What aioxide is to report on stderr is `reported`; asyncio says nothing there.
    """

    def run(name, *arguments, reported=""):
        done = subprocess.run(
            [*COMMANDS[request.param], str(EXAMPLES / name), *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=50,
            cwd=ROOT,
            env=environment,
        )
        assert done.stderr == (reported if request.param == "aioxide" else "")
        assert done.returncode == 0
        return done.stdout

    return run


@pytest.fixture
def run_scraper(environment, tmp_path):
    """Runs the main job in an empty folder; returns the finished process."""

    def run(*arguments, **extra_environment):
        return subprocess.run(
            [sys.executable, str(SCRAPER), *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=55,
            cwd=tmp_path,
            env={**environment, **extra_environment},
        )

    return run


@pytest.fixture
def scraper_modules(monkeypatch):
    """Lets a test import the main job's modules, which are no package."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(SCRAPER))
    yield
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).parent == SCRAPER:
            del sys.modules[name]
