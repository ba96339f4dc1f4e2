"""The netrc file. Python's own reader is the control."""

import logging
import netrc
import random
import sys

import pytest

from aioxide.http._auth import netrc_from_env

WORDS = [
    "machine", "default", "macdef", "login", "user", "password", "account", "#", "#x", "a.b", "b",
    '"q r"', '""', "\\#x", "é", "\n", "\n", "\n", "\n\n", "\t", "\r\n",
]  # fmt: skip
HOSTS = ["a.b", "b", "é", "q r", "", "default", "other"]


def by_python(path):
    try:
        found = netrc.netrc(str(path))
    except netrc.NetrcParseError:
        return None
    return [found.authenticators(host) for host in HOSTS]


def by_us():
    found = netrc_from_env()
    return None if found is None else [found.authenticators(host) for host in HOSTS]


@pytest.mark.skipif(sys.version_info < (3, 14), reason="ours reads as 3.14's does")
@pytest.mark.parametrize("seed", range(20))
def test_random_files_mean_the_same(seed, tmp_path, monkeypatch):
    choices = random.Random(seed)
    path = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(path))
    read = 0
    for _ in range(100):
        words = []
        for _ in range(choices.randrange(1, 5)):
            kind = choices.choice(["machine a.b", "machine b", "default", "machine é"])
            words += [kind, "login", choices.choice("xyz"), "password", choices.choice("pq"), "\n"]
        for _ in range(choices.randrange(3)):
            words.insert(choices.randrange(len(words)), choices.choice(WORDS))
        path.write_bytes(" ".join(words).encode(choices.choice(["utf-8", "utf-8", "utf-8-sig"])))
        expected = by_python(path)
        assert by_us() == expected
        read += expected is not None
    assert read > 10


def test_mistake_is_logged_without_what_is_secret(tmp_path, monkeypatch, caplog):
    path = tmp_path / "netrc"
    path.write_text("machine a login b password hidden\nnonsense")
    monkeypatch.setenv("NETRC", str(path))
    with caplog.at_level(logging.WARNING, logger="aiohttp.client"):
        assert netrc_from_env() is None
    assert "Could not parse .netrc file" in caplog.text
    assert "hidden" not in caplog.text
