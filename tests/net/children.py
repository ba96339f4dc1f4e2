"""How tests start children."""

import asyncio
import subprocess

PIPE = subprocess.PIPE
DEVNULL = subprocess.DEVNULL
PLAIN = {"stdin": DEVNULL, "stdout": DEVNULL, "stderr": DEVNULL}


def exec_(*args, **options):
    return asyncio.create_subprocess_exec(*args, **{**PLAIN, **options})
