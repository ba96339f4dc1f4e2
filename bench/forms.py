"""The forms of concurrency, by name, and whether this interpreter has what they need."""

from __future__ import annotations

import sys

from . import clients, loops
from .loops import OURS
from .model import Client, Form

FORMS = {
    "one by one": Form("one_by_one"),
    "threads": Form("threads"),
    "processes": Form("processes"),
    "interpreters": Form("interpreters", since=(3, 14)),
    "asyncio": Form("loop", "asyncio", "aiohttp"),
    "uvloop": Form("loop", "uvloop", "aiohttp"),
    OURS: Form("loop", OURS, "aioxide.http"),
    f"{OURS} + threads": Form("loop_and_threads", OURS),
    f"{OURS} + processes": Form("loop_and_processes", OURS, "aioxide.http"),
}


def why_absent(form: Form) -> str:
    """Empty if a process of its own can run it; else the reason."""
    if sys.version_info < form.since:
        return f"from Python {'.'.join(map(str, form.since))} on"
    if not form.loop:
        return ""
    if not form.module:
        return loops.why_absent(form.loop)
    return clients.why_absent(Client("", form.module, form.loop))


def version(form: Form) -> str:
    """Of the client and the loop, or of the interpreter."""
    if not form.module:
        return loops.version(form.loop or "asyncio")
    return clients.version(Client("", form.module, form.loop))
