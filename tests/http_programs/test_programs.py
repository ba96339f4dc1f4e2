"""Programs on dependants of aiohttp's client, on aiohttp and on aioxide's client: same output.

`programs/NAME.py` talks to `services/NAME.py`, which runs apart, on aiohttp's server and asyncio,
and prints what is in `programs/NAME.txt`. The run on aiohttp is the control.
"""

import contextlib
import functools
import importlib
import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PATIENCE = 60
# The packages that a program is about; without them it is skipped.
NEEDS = {
    "cassettes": ["vcrpy"],
    "corners": ["trustme"],
    "discord_bot": ["discord.py"],
    "files": ["fsspec"],
    "graphs": ["gql"],
    "caching": ["aiohttp-client-cache"],
    "mocked": ["aioresponses"],
    "objects": ["aiobotocore"],
    "own": [],
    "pipelines": ["azure-core"],
    "retries": ["aiohttp-retry"],
    "search": ["elasticsearch"],
    "slack_bot": ["slack_sdk"],
    "proxies": ["aiohttp-socks"],
    "spans": ["opentelemetry-instrumentation-aiohttp-client", "opentelemetry-sdk"],
    "telegram": ["aiogram"],
    "transactions": ["sentry-sdk"],
}
LINES = {
    "aiohttp": [sys.executable],
    "aioxide": [sys.executable, "-m", "aioxide", "run", "--http"],
}


@functools.cache
def missing(package):
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return True
    return False


def needed(name, client):
    """Skip what cannot run here."""
    for package in ["aiohttp", *NEEDS[name]]:
        if missing(package):
            pytest.skip(f"{package} is not installed (group `dependants`)")
    if client == "aioxide":
        try:
            importlib.import_module("aioxide.http")
        except ImportError as error:
            pytest.skip(f"aioxide.http cannot be imported: {error}")


@contextlib.contextmanager
def service(name):
    """A program's service; yields the program's arguments."""
    with subprocess.Popen(
        [sys.executable, HERE / "serve.py", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    ) as process:
        try:
            line = process.stdout.readline()
            if not line:
                pytest.fail(f"the service did not start:\n{process.stderr.read()}")
            yield json.loads(line)
            process.communicate(timeout=PATIENCE)
        finally:
            process.kill()


def run(name, client, place):
    """What the program prints, and what it says of its sessions: their module, their number."""
    with service(name) as arguments:
        done = subprocess.run(
            [*LINES[client], HERE / "programs" / f"{name}.py", *arguments],
            cwd=place,
            env={**os.environ, "PYTHONWARNINGS": "ignore", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    *said, witness = done.stderr.splitlines()
    assert said == [], done.stderr
    return done.stdout, json.loads(witness)


@pytest.mark.parametrize("client", list(LINES))
@pytest.mark.parametrize("name", sorted(NEEDS))
def test_program_prints_the_same_on_either_client(name, client, tmp_path):
    needed(name, client)
    printed, (module, made) = run(name, client, tmp_path)
    assert printed == (HERE / "programs" / f"{name}.txt").read_text(encoding="utf-8")
    # It ran on the client that it was started on, and made use of it.
    assert module.startswith({"aiohttp": "aiohttp.", "aioxide": "aioxide."}[client])
    assert made > 0


def test_each_program_is_run():
    programs = {path.stem for path in (HERE / "programs").glob("*.py")} - {"witness"}
    services = {path.stem for path in (HERE / "services").glob("*.py")} - {"web"}
    assert programs == services == set(NEEDS)
