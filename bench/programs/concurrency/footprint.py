"""What a program takes that has several processes: CPU time and memory of all of them."""

from __future__ import annotations

import os
import time
from pathlib import Path


def family() -> list[int]:
    """This process and what comes from it, also through others that are alive."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                # The name of a program, in parentheses, may hold anything.
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found = [os.getpid()]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process, also of those that have ended; 0 if it is gone."""
    # This is how Linux numbers the CPU clock of another process (`clock_getcpuclockid`).
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def peak_bytes(pid: int) -> int:
    """The most memory that a process has had; 0 if it is gone.

    What it shares with others is counted by its share, so that the processes of a pool can be
    added up. The kernel says that for now only: what was given back since then is added.
    """
    try:
        share = _kilobytes(f"/proc/{pid}/smaps_rollup", "Pss")
        status = f"/proc/{pid}/status"
        given_back = _kilobytes(status, "VmHWM") - _kilobytes(status, "VmRSS")
    except OSError:
        return 0
    return (share + max(0, given_back)) * 1024


def _kilobytes(path: str, field: str) -> int:
    for line in Path(path).read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise ProcessLookupError(f"{path} has no {field}")
