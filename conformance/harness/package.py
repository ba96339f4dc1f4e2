"""A package whose own tests are to be run: what suites/NAME.toml says, and its source archive.

The tests come out of the archive that PyPI has for the installed version; where that has none, out
of one that a distribution keeps, with the package itself. It is fetched once, checked against the
digest in the file, and unpacked into the cache.
"""

import hashlib
import http.client
import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import urllib.error
import urllib.request
from dataclasses import dataclass, field

from .suite import SuiteError

CACHE = pathlib.Path(__file__).resolve().parents[2] / ".dev" / "suites"
FETCH_LIMIT = 600
STALL_LIMIT = 60


@dataclass
class Package:
    """One suites/NAME.toml."""

    package: str
    version: str
    sha256: str
    # What the tests need of the archive, relative to its top; and the folder they are in.
    files: list[str]
    tests: str = "tests"
    # Where the archive is, if not on PyPI. The package is then taken out of it as well, from this
    # folder, which is among `files`: whatever is installed has another version.
    archive: str = ""
    package_in: str = ""
    # Globs of the files to take from that folder; all, if empty.
    only: list[str] = field(default_factory=list)
    plugins: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    # Modules that must not be importable, besides other event loops.
    without: list[str] = field(default_factory=list)
    # The package is an event loop's: the loop under test takes its place, by this name.
    stand_in: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    # Globs of what a run without --whole takes; all, if empty. `why` says so.
    usual: list[str] = field(default_factory=list)
    why: str = ""
    left_out: dict[str, str] = field(default_factory=dict)
    # The least Python that the package's tests run on.
    python: str = ""
    # The module that stands in for the package's client, in a suite that is about this client; what
    # a file's tests must have used of it to have met it, where that is no request; the files that
    # are about nothing else, and the least share, in per cent, of their black-box tests to pass.
    client: str = ""
    meets: dict[str, list[str]] = field(default_factory=dict)
    first: list[str] = field(default_factory=list)
    at_least: float = 0.0
    # Files whose white-box tests are left out, each with the reason.
    black_box_only: dict[str, str] = field(default_factory=dict)
    # Helpers and fixtures of the tests that look white-box and leave the client alone.
    harmless: dict[str, str] = field(default_factory=dict)

    def settings(self, source):
        """What each request to the worker says of this package."""
        return {
            "source": str(source),
            "files": self.files,
            "tests-folder": self.tests,
            "package-in": self.package_in,
            "only": self.only,
            "plugins": self.plugins,
            "arguments": self.arguments,
            "without": self.missing(),
            "stand-in": self.stand_in,
            "environment": self.environment,
            "ignored": [name for name in self.left_out if name.endswith(".py")],
            "meets": self.meets,
        }

    def missing(self):
        """The modules that are not to be found."""
        loops = [name for name in ("uvloop", "winloop") if name != self.stand_in]
        return [*loops, *self.without]

    def left_out_tests(self):
        return [glob for glob in self.left_out if not glob.endswith(".py")]


def load(path):
    with open(path, "rb") as file:
        table = tomllib.load(file)
    table = {key.replace("-", "_"): value for key, value in table.items()}
    try:
        package = Package(**table)
    except TypeError as error:
        raise SuiteError(f"{path.name}: {error}") from error
    if package.usual and not package.why:
        raise SuiteError(f"{path.name}: `usual` needs a `why`")
    if bool(package.archive) != bool(package.package_in):
        raise SuiteError(f"{path.name}: `archive` and `package-in` go together")
    if package.client and not package.first:
        raise SuiteError(f"{path.name}: `client` needs `first`")
    left_out = (package.left_out, package.harmless, package.black_box_only)
    if not all(reason for table in left_out for reason in table.values()):
        raise SuiteError(f"{path.name}: what is left out or harmless needs a reason")
    if package.black_box_only and not package.client:
        raise SuiteError(f"{path.name}: `black-box-only` is for suites of a client")
    return package


def check_installed(package):
    """The tests of one version say nothing about another.

    What is stood in for is not needed, and what comes out of the archive has its version.
    """
    if package.stand_in or package.archive:
        return
    try:
        installed = importlib.metadata.version(package.package)
    except importlib.metadata.PackageNotFoundError:
        installed = "not installed"
    if installed != package.version:
        raise SuiteError(
            f"{package.package} {package.version} is wanted, this Python has: {installed}"
            " (`./dev test suites` installs it)"
        )


def source(package, cache=CACHE):
    """The unpacked archive; fetched if the cache does not have it."""
    folder = cache / f"{package.package}-{package.version}"
    mark = folder / ".sha256"
    if mark.exists() and mark.read_text() == package.sha256:
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as place:
        fetch = download if package.archive else ask_pip
        archive = fetch(package, pathlib.Path(place))
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if digest != package.sha256:
            raise SuiteError(f"{archive.name} has the digest {digest}, not {package.sha256}")
        unpacked = pathlib.Path(place, "unpacked")
        with tarfile.open(archive) as tar:
            # CPython 3.11.4 brought filters; the digest says what is in the archive.
            safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            tar.extractall(unpacked, **safely)
        (top,) = unpacked.iterdir()
        (top / mark.name).write_text(package.sha256)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(top, folder)
    return folder


def download(package, place):
    archive = place / pathlib.PurePosixPath(package.archive).name
    try:
        with urllib.request.urlopen(package.archive, timeout=STALL_LIMIT) as reply:
            archive.write_bytes(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            raise SuiteError(f"could not fetch {package.archive}: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        raise SuiteError(f"could not fetch {package.archive}: {error}") from error
    return archive


def ask_pip(package, place):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input"]
    command += ["--disable-pip-version-check", "--no-binary", package.package, "--dest", str(place)]
    done = subprocess.run(
        [*command, f"{package.package}=={package.version}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=FETCH_LIMIT,
        check=False,
    )
    archives = list(place.glob("*.tar.gz"))
    if done.returncode != 0 or len(archives) != 1:
        raise SuiteError(f"pip could not fetch {package.package}:\n{done.stdout}")
    return archives[0]
