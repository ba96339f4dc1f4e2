"""Ctrl-C while a program runs: the signal as such, and the key on a terminal."""

import os
import pty
import re
import signal
import subprocess
import sys
import termios

import pytest

from .launch import without_runpy

PROGRAMS = {
    "busy": """
        print("ready", flush=True)
        while True: pass
        """,
    "waiting for a thread": """
        import threading
        print("ready", flush=True)
        threading.Event().wait()
        """,
    "idle loop": """
        import asyncio
        async def main():
            print("ready", flush=True)
            try:
                await asyncio.Event().wait()
            finally:
                print("main is cancelled", flush=True)
        asyncio.run(main())
        """,
    "busy loop": """
        import asyncio
        async def main():
            print("ready", flush=True)
            while True:
                await asyncio.sleep(0)
        asyncio.run(main())
        """,
    "run_forever": """
        import asyncio
        loop = asyncio.new_event_loop()
        loop.call_soon(lambda: print("ready", flush=True))
        try:
            loop.run_forever()
        finally:
            print("loop is left", flush=True)
            loop.close()
        """,
    "handled": """
        import asyncio
        async def main():
            print("ready", flush=True)
            await asyncio.Event().wait()
        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            print("caught", flush=True)
        raise SystemExit(3)
        """,
}

# What a busy machine takes long for is told elsewhere.
QUIET = {"AIOXIDE_BLOCKING": "off"}
# Becomes the leader of a session whose terminal is its standard input, then runs the rest.
ON_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def by_signal(line, directory):
    with subprocess.Popen(
        line,
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **QUIET},
    ) as child:
        try:
            out = child.stdout.readline()
            child.send_signal(signal.SIGINT)
            more, errors = child.communicate(timeout=30)
        finally:
            child.kill()
    return out + more, errors, child.returncode


def by_key(line, directory):
    terminal, inner = pty.openpty()
    # Else the key discards what is on its way to the screen: of a quick program its last words.
    modes = termios.tcgetattr(inner)
    modes[3] |= termios.NOFLSH
    termios.tcsetattr(inner, termios.TCSANOW, modes)
    child = subprocess.Popen(
        [sys.executable, "-c", ON_TERMINAL, *line],
        cwd=directory,
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env={**os.environ, "TERM": "dumb", "NO_COLOR": "1", **QUIET},
    )
    os.close(inner)
    shown = b""
    try:
        while b"ready\r\n" not in shown:
            shown += os.read(terminal, 4096)
        os.write(terminal, b"\x03")
        while True:
            try:
                data = os.read(terminal, 4096)
            except OSError:  # EIO: no process has the terminal any more
                break
            if not data:
                break
            shown += data
        child.wait(timeout=30)
    finally:
        os.close(terminal)
        child.kill()
        child.wait()
    return shown.decode().replace("\r\n", "\n"), child.returncode


def outline(errors):
    """The first frame's file and the last line of a traceback, the whole text if it is another."""
    match = re.fullmatch(
        r'Traceback \(most recent call last\):\n  File "([^"]*)", line (?:.*\n)+(.+)\n', errors
    )
    return match.groups() if match else errors


@pytest.mark.parametrize("name", PROGRAMS)
def test_signal(launch, write, name):
    write("program.py", PROGRAMS[name])
    plain = by_signal(launch.plain_line("program.py"), launch.directory)
    ours = by_signal(launch.aioxide_line("program.py"), launch.directory)
    assert ours[0] == plain[0]
    assert ours[2] == plain[2] == (3 if name == "handled" else -signal.SIGINT)
    # The program may be at any line when the signal comes, and each loop has frames of its own.
    assert outline(ours[1]) == outline(plain[1])


@pytest.mark.parametrize("name", ["busy", "idle loop"])
def test_signal_to_a_module(launch_both, write, name):
    write("program.py", PROGRAMS[name])
    plain = by_signal(launch_both.plain_line("-m", "program"), launch_both.directory)
    ours = by_signal(launch_both.aioxide_line("-m", "program"), launch_both.directory)
    assert ours[0] == plain[0]
    assert ours[2] == plain[2] == -signal.SIGINT
    assert outline(ours[1]) == outline(without_runpy(plain[1]))


@pytest.mark.parametrize("name", ["busy", "idle loop", "run_forever"])
def test_key_on_a_terminal(launch_both, write, name):
    write("program.py", PROGRAMS[name])
    plain, plain_status = by_key(launch_both.plain_line("program.py"), launch_both.directory)
    ours, our_status = by_key(launch_both.aioxide_line("program.py"), launch_both.directory)
    assert our_status == plain_status == -signal.SIGINT
    assert ours.splitlines()[-1] == plain.splitlines()[-1] == "KeyboardInterrupt"
    assert ours.partition("Traceback")[0] == plain.partition("Traceback")[0]
