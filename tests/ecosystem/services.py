"""Real servers for a test session: started on a free port of loopback, ended and removed after it.

A server that the machine has not is installed with apt-get where nobody minds: as root, on a
machine of continuous integration (CI=true). Elsewhere its tests are skipped, and say why.
"""

import contextlib
import glob
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import threading

import pytest

INSTALL_LIMIT = 600
START_LIMIT = 60
TRIES = 5


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def installed(find, package):
    """What `find` finds, after an installation if that is allowed; or the tests are skipped."""
    found = find()
    if found is None and may_install():
        for command in (["update"], ["install", "--yes", "--no-install-recommends", package]):
            subprocess.run(
                ["apt-get", "--quiet", *command],
                # Debian's scripts start no service at this run level.
                env={**os.environ, "RUNLEVEL": "1", "DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                timeout=INSTALL_LIMIT,
                check=False,
            )
        found = find()
    if found is None:
        pytest.skip(f"no {package} on this machine (`apt-get install {package}` brings it)")
    return found


def may_install():
    return os.environ.get("CI") == "true" and os.geteuid() == 0 and shutil.which("apt-get")


class Service:
    """A server's process, and what it has said."""

    def __init__(self, command, ready, **options):
        self.log = []
        self.up = threading.Event()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        self.reader = threading.Thread(target=self.read, args=(ready,), daemon=True)
        self.reader.start()

    def read(self, ready):
        for line in self.process.stdout:
            self.log.append(line)
            if re.search(ready, line):
                self.up.set()
        self.up.set()

    def has_started(self):
        self.up.wait(START_LIMIT)
        return self.process.poll() is None

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(START_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        self.process.stdout.close()


@contextlib.contextmanager
def running(command_on, ready, **options):
    """A running service; `command_on` makes its command of a port. Yields the port."""
    for _ in range(TRIES):
        port = free_port()
        service = Service(command_on(port), ready, **options)
        try:
            # Somebody else may have taken the port meanwhile.
            if service.has_started():
                yield port
                return
        finally:
            service.end()
    pytest.fail("".join(service.log))


@contextlib.contextmanager
def redis_server():
    """The port of a Redis without a file on disk."""
    program = installed(lambda: shutil.which("redis-server"), "redis-server")
    with tempfile.TemporaryDirectory() as folder:

        def command(port):
            options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", folder]
            return [program, *options]

        with running(command, "eady to accept connections") as port:
            yield port


def postgres_programs():
    """The folder of the newest PostgreSQL of Debian, or of the one on PATH."""
    by_version = sorted(
        glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4])
    )
    found = by_version[-1] if by_version else shutil.which("initdb")
    return found and os.path.dirname(found)


def unprivileged():
    """PostgreSQL does not run as root: the options of Popen that make it somebody else."""
    if os.geteuid() != 0:
        return {}
    names = {user.pw_name for user in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def postgres_server():
    """The port of a PostgreSQL with the user `tester` and the database `postgres`."""
    programs = installed(postgres_programs, "postgresql")
    options = unprivileged()
    # Not below pytest's folder, which nobody else may enter.
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        if options:
            os.chown(folder, options["user"], options["group"])
        data = os.path.join(folder, "data")
        options["cwd"] = folder
        options["env"] = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        made = subprocess.run(
            [
                *(os.path.join(programs, "initdb"), "--pgdata", data, "--username", "tester"),
                *("--auth", "trust", "--no-sync", "--encoding", "UTF8"),
            ],
            capture_output=True,
            text=True,
            timeout=INSTALL_LIMIT,
            check=False,
            **options,
        )
        assert made.returncode == 0, made.stdout + made.stderr

        def command(port):
            return [
                *(os.path.join(programs, "postgres"), "-D", data, "-p", str(port)),
                *("-h", "127.0.0.1", "-k", folder, "-F", "-c", "jit=off"),
            ]

        with running(command, "ready to accept connections", **options) as port:
            yield port
