"""What a run has to say about where it ran, and what it must not be run on."""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from .processes import ROOT


def facts() -> dict[str, Any]:
    return {
        "machine": _cpu_model(),
        "cores": os.cpu_count(),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "build": f"{platform.python_compiler()}, {' '.join(platform.python_build())}",
        "load_average": os.getloadavg()[0],
        "commit": _commit(),
    }


def python_tag() -> str:
    threaded = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return f"cp{sys.version_info.major}{sys.version_info.minor}{threaded}"


def refusals() -> list[str]:
    """Reasons why figures from here would mislead."""
    reasons = []
    if sysconfig.get_config_var("Py_DEBUG"):
        reasons.append("this interpreter is a debug build")
    elif not is_optimized(sysconfig.get_config_vars()):
        reasons.append(
            f"this interpreter ({sys.executable}) was built without profile-guided optimisation"
        )
    if aioxide_build() == "debug":
        reasons.append("aioxide is a debug build: build it with maturin's --release")
    return reasons


def is_optimized(variables: dict[str, Any]) -> bool:
    """Whether CPython was built with a profile.

    `configure --enable-optimizations` leaves its name in CONFIG_ARGS. Debian builds both ways
    from one tree by `make profile-opt`, and then empties PGO_PROF_USE_FLAG in the Makefile it
    installs, where every other build with gcc or clang keeps the flag.
    """
    if "--enable-optimizations" in (variables.get("CONFIG_ARGS") or ""):
        return True
    return bool(variables.get("PGO_PROF_GEN_FLAG")) and not variables.get("PGO_PROF_USE_FLAG")


def aioxide_build() -> str:
    """`release`, `debug`, or `unknown` if the module does not say or is not there."""
    try:
        module = importlib.import_module("aioxide._aioxide")
    except ImportError:
        return "unknown"
    says = getattr(module, "DEBUG_BUILD", None)
    return "unknown" if says is None else "debug" if says else "release"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.processor() or platform.machine()


def _commit() -> str:
    """The commit that is measured, marked when the tree differs from it."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        answer = subprocess.run(git, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return answer.stdout.strip()
