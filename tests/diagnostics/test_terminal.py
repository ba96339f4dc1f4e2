"""Reports on a terminal: lines end between words. In a pipe or a file every line is whole."""

import os
import pty
import subprocess
import sys

import pytest

# The leader of a session on a terminal of some columns, which runs the rest.
ON_TERMINAL = """
import fcntl, os, struct, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", 24, int(sys.argv.pop(1)), 0, 0))
os.execv(sys.argv[1], sys.argv[1:])
"""
# Its line is longer than any of the terminals here.
PROGRAM = """
    import asyncio, time

    async def answer(number):
        await asyncio.sleep(3600)

    def prepare(first, second):
        time.sleep(0.4)

    async def main():
        tasks = [asyncio.create_task(answer(number), name=f"asks {number}") for number in range(3)]
        await asyncio.sleep(0)
        prepare("one word and another, so that the line is longer than", "the terminal")
        tasks.clear()

    asyncio.run(main())
"""


@pytest.fixture
def on_terminal(write, tmp_path):
    """on_terminal(columns) runs the program there, and returns what it shows, by lines."""

    def run(columns):
        path = write(PROGRAM)
        outer, inner = pty.openpty()
        environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        command = [sys.executable, "-m", "aioxide", "run", "--blocking", "250ms", path.name]
        child = subprocess.Popen(
            [sys.executable, "-c", ON_TERMINAL, str(columns), *command],
            *(0, None, inner, inner, inner),
            cwd=tmp_path,
            env={**environment, "TERM": "xterm", "NO_COLOR": "1"},
        )
        os.close(inner)
        shown = b""
        while True:
            try:
                data = os.read(outer, 4096)
            except OSError:  # EIO: no process has the terminal any more
                break
            shown += data
        os.close(outer)
        assert child.wait(timeout=30) == 0
        return shown.decode().splitlines()

    return run


def words(lines):
    return " ".join(lines).split()


def rows(lines, name, stop):
    """The lines of a row of a report: from the one with its name to the next row."""
    begin = next(n for n, line in enumerate(lines) if line.startswith(f"  {name} "))
    end = next(n for n, line in enumerate(lines[begin:], begin) if line.startswith(f"  {stop} "))
    return lines[begin:end]


@pytest.mark.parametrize("columns", [60, 80])
def test_lines_end_between_words(on_terminal, columns):
    lines = on_terminal(columns)
    assert max(map(len, lines)) <= columns
    at = rows(lines, "at", "doing")
    assert words(at) == ["at", "program.py:8", "in", "prepare:", "time.sleep(0.4)"]
    stack = rows(lines, "stack", "hint")
    assert len(stack) > 2
    # The next frame begins where this one did, its rest further in.
    assert stack[1].startswith("          program.py:13 in main: prepare(")
    assert all(line.startswith("            ") for line in stack[2:])
    tasks = lines[lines.index("  'asks 0', 'asks 1', 'asks 2'  answer()") :]
    assert tasks[1].startswith("    waits    program.py:5 in answer")
    assert "for number in range(3)]" in " ".join(words(tasks))


def test_a_terminal_too_narrow_for_words_breaks_lines_itself(on_terminal):
    assert max(map(len, on_terminal(20))) > 80


def test_a_pipe_gets_whole_lines(run_program):
    ended = run_program(PROGRAM, "--blocking", "250ms", env={"COLUMNS": "60"})
    lines = ended.stderr.splitlines()
    assert any(line.startswith("          program.py:13 in main: prepare(") for line in lines)
    assert not any(line.startswith(" " * 11) for line in lines)
    assert any(line.endswith("for number in range(3)]") for line in lines)
