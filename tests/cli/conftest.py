"""Starting programs, and the files they are made of."""

import textwrap
from pathlib import Path

import pytest

from .launch import COMMANDS, PATIENCE, Launch, installed_script


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("time_limit"):
            item.add_marker(pytest.mark.time_limit(PATIENCE))


@pytest.fixture
def launch(tmp_path):
    return Launch(COMMANDS["module"], tmp_path)


@pytest.fixture(params=list(COMMANDS))
def launch_both(request, tmp_path):
    """As `launch`, by ``python -m aioxide`` and by the installed script."""
    assert installed_script().exists()
    return Launch(COMMANDS[request.param], tmp_path)


@pytest.fixture
def write(tmp_path):
    """write(name, text) makes a file in the test's directory and returns its path."""

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return write
