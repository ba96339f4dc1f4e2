"""The environment of one interpreter, in .dev/envs/: packages by pip, aioxide by maturin.

    nothing -> made (venv) -> filled (pip, one group or more) -> built (maturin develop)

The state is in the environment's `dev.json`. Each step is done again only when what it was made
from has changed. A step that was interrupted has written nothing there, so it is done again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from . import native
from .shell import ROOT, Problem, must, note

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .interpreters import Interpreter

PIP_ENV = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


class Environment:
    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.folder = ROOT / ".dev" / "envs" / interpreter.version
        if self.state.get("base", interpreter.executable) != interpreter.executable:
            # Two interpreters of one version: each has its own.
            mark = hashlib.sha256(interpreter.executable.encode()).hexdigest()[:6]
            self.folder = self.folder.with_name(f"{interpreter.version}-{mark}")

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    @property
    def target(self) -> Path:
        """Where cargo builds the native module: a folder for each minor version, so that a change
        of interpreter rebuilds nothing."""
        return ROOT / "target" / f"py-{self.interpreter.minor}"

    @property
    def state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads((self.folder / "dev.json").read_text())
        except (OSError, ValueError):
            return {}
        return state

    def record(self, **facts: object) -> None:
        text = json.dumps({**self.state, **facts}, indent=1)
        (self.folder / "dev.json").write_text(f"{text}\n")

    def prepare(self, groups: tuple[str, ...], build: bool = True) -> None:
        """Bring the environment up to date; quick if it is."""
        with self.locked():
            if build and not self.built():
                native.cargo()  # says what is missing before pip has worked for a minute
            self.make()
            self.fill(groups)
            if build:
                self.build()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One `./dev` at a time changes environments and the module in python/aioxide."""
        path = ROOT / ".dev" / "lock"
        path.parent.mkdir(exist_ok=True)
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                note("another ./dev is setting up; waiting for it")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def make(self) -> None:
        # An environment holds absolute paths: a project that was moved needs a new one.
        if self.state.get("root") == str(ROOT):
            return
        must([self.interpreter.executable, "-m", "venv", "--clear", str(self.folder)])
        self.record(root=str(ROOT), base=self.interpreter.executable)

    def fill(self, groups: tuple[str, ...]) -> None:
        state = self.state
        wanted = requirements_digest()
        done = state.get("groups", [])
        if state.get("requirements") == wanted and set(groups) <= set(done):
            return
        pip = [self.python, "-m", "pip", "install", "--quiet"]
        if "requirements" not in state:
            # --group came with pip 25.1.
            must([*pip, "--upgrade", "pip>=25.1"], PIP_ENV)
        every = sorted({*groups, *done})
        must([*pip, *(word for group in every for word in ("--group", group))], PIP_ENV)
        if "test" in every:
            must([*pip, "--no-deps", "--group", "alone"], PIP_ENV)
        self.record(requirements=wanted, groups=every)

    def build(self) -> None:
        """Build the native module into python/aioxide and install the package, editable.

        Environments of one minor version share the file, so its identity counts as well.
        """
        if self.built():
            return
        wanted = native.fingerprint()
        must(
            [self.python, "-m", "maturin", "develop", "--release"],
            {
                **PIP_ENV,
                "PIP_QUIET": "1",
                "VIRTUAL_ENV": str(self.folder),
                "CARGO_TARGET_DIR": str(self.target),
            },
        )
        module = self.module()
        if module is None:
            raise Problem("maturin left no native module in python/aioxide")
        self.record(sources=wanted, lock=native.lock(), module=module)

    def built(self) -> bool:
        state = self.state
        # The module first: it is the cheaper question.
        if "module" not in state or state["module"] != self.module():
            return False
        facts = (native.fingerprint(), native.lock())
        return facts == (state["sources"], state["lock"])

    def module(self) -> list[str | int] | None:
        """Name, size and time of the native module that this interpreter imports."""
        tag = self.interpreter.minor.replace(".", "")
        for path in (ROOT / "python" / "aioxide").glob(f"_aioxide.cpython-{tag}-*.so"):
            facts = path.stat()
            return [path.name, facts.st_size, facts.st_mtime_ns]
        return None


def requirements_digest() -> str:
    """A digest of [dependency-groups] in pyproject.toml; tomllib is not in every Python here."""
    text = (ROOT / "pyproject.toml").read_text()
    pattern = r"^\[dependency-groups\]$.*?(?=^\[[^\n]*\]$|\Z)"
    section = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    if section is None:
        raise Problem("pyproject.toml has no [dependency-groups]")
    return hashlib.sha256(section[0].encode()).hexdigest()
