"""What the command says about itself."""

from importlib.metadata import version

from aioxide import Diagnostics


def test_version(launch_both):
    shown = launch_both.cli("--version")
    assert (shown.stdout, shown.stderr) == (f"aioxide {version('aioxide')}\n", "")
    assert shown.returncode == 0


def test_help_lists_the_commands(launch_both):
    shown = launch_both.cli("--help")
    assert shown.returncode == 0
    assert shown.stderr == ""
    assert shown.stdout.startswith("usage: aioxide ")
    assert "run a Python program on aioxide's event loop" in shown.stdout
    assert "fetch many URLs into a folder, SQLite, JSON lines or WARC" in shown.stdout


def test_help_of_run(launch):
    shown = launch.cli("run", "--help")
    assert shown.returncode == 0
    assert shown.stdout.startswith("usage: aioxide run [OPTIONS] (FILE | -m MODULE | -)")


def test_help_of_run_says_what_holds(launch):
    """What a program that is told nothing gets, as it finds it itself."""
    shown = " ".join(launch.cli("run", "--help").stdout.split())
    chosen = Diagnostics(origins=True, unstarted=True)
    assert f"2 ({chosen.blocking * 1e3:.0f}ms)" in shown
    assert f"in this time ({chosen.grace * 1e3:.0f}ms)" in shown
    assert all(words in shown for words in ("created (origins)", "started (all)", "cancelled (on)"))


def test_nothing_shows_the_help(launch):
    nothing, asked = launch.cli(), launch.cli("--help")
    assert nothing.returncode == 2
    assert nothing.stderr == asked.stdout
    assert nothing.stdout == ""
