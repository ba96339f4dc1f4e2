"""The embedded site as a child process: started, asked for its counters, stopped."""

from __future__ import annotations

import http.client
import json
import os
import select
import subprocess
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

START_TIMEOUT = 20.0
BUILT = Path(__file__).resolve().parents[2] / "target" / "release" / "aioxide-site"


class SiteError(Exception):
    """The site cannot be started, or does not answer. The text is for the user."""


def site_binary() -> Path:
    """The program, as `AIOXIDE_SITE` names it or as cargo builds it."""
    named = os.environ.get("AIOXIDE_SITE")
    path = Path(named) if named else BUILT
    if os.access(path, os.X_OK) and path.is_file():
        return path
    if named:
        raise SiteError(f"AIOXIDE_SITE names {named}, which is not a program")
    raise SiteError(
        "the embedded site is not built; build it by: cargo build --release -p aioxide-site "
        "(./dev run does so itself), or set AIOXIDE_SITE to the program"
    )


class SiteProcess:
    """A running site. Its options are those of the program, in Python's spelling.

    The site ends when its standard input does, so it cannot outlive this process. It has a
    session of its own: Ctrl-C reaches the clients first, and the counters can still be read.
    """

    def __init__(self, **options: int) -> None:
        command = [str(site_binary())]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise SiteError(f"cannot start {command[0]}: {error.strerror}") from error
        try:
            self.url = self._read_url()
        except BaseException:
            self.close()
            raise

    def _read_url(self) -> str:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_TIMEOUT)
        if not ready:
            raise SiteError(f"the site did not start within {START_TIMEOUT:.0f} s")
        line = self._process.stdout.readline().decode(errors="replace").strip()
        _, separator, url = line.partition("listening on ")
        if not separator:
            assert self._process.stderr is not None
            said = self._process.stderr.read().decode(errors="replace").strip()
            raise SiteError(f"the site did not start: {said or line or 'it said nothing'}")
        return f"{url}/"

    def stats(self) -> dict[str, int]:
        """The site's own counters."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        try:
            connection.request("GET", "/stats", headers={"Connection": "close"})
            counters: dict[str, int] = json.loads(connection.getresponse().read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise SiteError(f"the site does not tell its counters: {error}") from error
        else:
            return counters
        finally:
            connection.close()

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
