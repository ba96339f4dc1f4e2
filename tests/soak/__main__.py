"""The soak: `python -m tests.soak [--minutes M] [--connections N] [--loop LOOP]`

Connections come, echo and go, thousands at a time, in many ways: by protocols and streams, over
TCP, TLS and Unix sockets, with half-closes, resets, stalls, single bytes and cancellations. The
server and the client are processes of their own, both on the loop under test.

    warm-up --> all closed: measure --> soak --> all closed: measure again --> compare

A process that holds more descriptors, threads, objects or bytes at the end than at the start ends
the soak with a failure, as does an echo that is wrong or does not come, a warning, or an exception
that nobody received.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from . import show
from .control import LOOPS, Process, SoakError, raise_limit

# Descriptors of a process beside its connections.
SPARE = 300
# How long the warm-up may take longer, until all connections are open at a time.
FULL_WITHIN = 300.0


def certificate(folder: Path) -> None:
    """A certificate that signs itself, and its key, in one file."""
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    key, cert = folder / "key.pem", folder / "cert.pem"
    command += f" -keyout {key} -out {cert}"
    subprocess.run(command.split(), check=True, capture_output=True, timeout=60)
    Path(folder, "certificate.pem").write_bytes(key.read_bytes() + cert.read_bytes())


class Soak:
    def __init__(self, client: Process, server: Process, progress: show.Progress) -> None:
        self.processes = {"server": server, "client": client}
        self.client = client
        self.server = server
        self.progress = progress
        # The most connections that were open at a time.
        self.most = 0

    def load(self, phase: str, seconds: float, full: int = 0) -> None:
        """Lead lives for so long, then wait until all connections are closed on both sides.

        With `full`, it goes on until so many are open at a time.
        """
        self.client.ask("load")
        began = time.monotonic()
        ending = False
        while True:
            client, server = self.client.ask("glance"), self.server.ask("glance")
            self.most = max(self.most, server.get("open", 0))
            left = began + seconds - time.monotonic()
            self.progress.tell(phase, left, client, server)
            if ending and not client["open"]:
                break
            filled = self.most >= full or left < -FULL_WITHIN
            if left <= 0 and filled and not ending:
                ending = True
                self.client.ask("enough")
            time.sleep(min(1.0, max(0.05, left)))
        for process in (self.client, self.server):
            process.ask("rest", patience=500)

    def measure(self) -> dict[str, dict[str, Any]]:
        return {name: process.ask("measure") for name, process in self.processes.items()}

    def faults(self) -> list[str]:
        found = []
        for name, process in self.processes.items():
            report = process.ask("report")
            if report["faults"]:
                found.append(f"{name}: {report['faults']} faults, the first of them:")
                found += report["texts"]
        return found


def soak(options: argparse.Namespace, folder: Path) -> list[str]:
    """Run it; returns what was wrong."""
    seconds = options.minutes * 60
    warm_up = max(seconds * 0.15, min(10.0, seconds))
    with (
        Process("tests.soak.server", options.loop, str(folder)) as server,
        show.Progress() as progress,
    ):
        places = server.hear(60)
        arguments = [options.loop, str(options.connections), json.dumps(places)]
        with Process("tests.soak.client", *arguments) as client:
            client.hear(60)
            run = Soak(client, server, progress)
            # Twice, so that what is kept for the next time has been made.
            for _ in range(2):
                run.load("warm-up", warm_up / 2, options.connections * 9 // 10)
            start = run.measure()
            lived = client.ask("glance")["lives"]
            run.load("soak", seconds)
            end = run.measure()
            lived = client.ask("glance")["lives"] - lived
            wrong = run.faults()
            client.finish()
        server.finish()
    console = progress.console
    for name in ("server", "client"):
        grown = show.summary(console, name, start[name]["usage"], end[name]["usage"])
        if grown:
            wrong += grown
            wrong += show.growth_of_types(start[name]["census"], end[name]["census"])
    console.print(f"{lived:,} lives, {run.most:,} connections open at a time")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="10; the warm-up is not in it")
    parser.add_argument("--connections", type=int, default=10_000, help="at a time: 10000")
    parser.add_argument("--loop", choices=LOOPS, default="aioxide")
    options = parser.parse_args()
    if options.minutes <= 0 or options.connections <= 0:
        parser.error("--minutes and --connections must be positive")
    most = raise_limit() - SPARE
    if options.connections > most:
        print(f"soak: RLIMIT_NOFILE allows {most} connections, not {options.connections}")
        options.connections = most
    with tempfile.TemporaryDirectory() as folder:
        certificate(Path(folder))
        try:
            wrong = soak(options, Path(folder))
        except SoakError as error:
            wrong = [str(error)]
    for line in wrong:
        print(f"soak: {line}", file=sys.stderr)
    print("soak: FAILED" if wrong else "soak: passed, nothing has grown")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
